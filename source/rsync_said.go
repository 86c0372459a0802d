package source

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"mirror"
)

// maxSaid is how many complaints are kept: one for each file of a batch, and as
// many again.
const maxSaid = 2 * perSession

// maxHeard is how many messages one connection may bring.
const maxHeard = 1 << 20

// maxQuoted is how much of a complaint an error shows, in bytes.
const maxQuoted = 400

// errNoAppend is the failure of a session that asked for less than whole files.
var errNoAppend = &fault{mirror.ErrChanged, "the daemon refuses --append, without which it sends whole files only"}

// daemonError is the meaning of an "@ERROR" line.
func daemonError(line string) error {
	kind := mirror.ErrBroken
	switch text := strings.ToLower(line); {
	case strings.Contains(text, "auth failed"), strings.Contains(text, "access denied"):
		kind = mirror.ErrRefused
	case strings.Contains(text, "max connections"):
		kind = mirror.ErrBusy
	}
	return saying(kind, strings.TrimPrefix(strings.TrimPrefix(line, "@ERROR"), ":"))
}

// saying quotes the daemon, as far as it can be printed.
func saying(kind error, text string) error {
	text = strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(text), "rsync: "), "[sender] ")
	text = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return '?'
		}
		return c
	}, text[:min(len(text), maxQuoted)])
	return faultf(kind, "the daemon says: %s", text)
}

// hear is told of every frame that is not data.
func (s *rsyncSession) hear(kind byte, text []byte) error {
	if s.heard++; s.heard > maxHeard {
		return fmt.Errorf("%w: messages without end", errFrame)
	}
	switch kind {
	case frameErrorXfer, frameError, frameWarning:
		if len(s.said) < maxSaid {
			s.said = append(s.said, strings.TrimSpace(string(text)))
		}
	case frameErrorExit:
		return s.ending()
	case frameNoSend:
		if len(text) != 4 {
			return fmt.Errorf("%w: a refusal of %d bytes", errFrame, len(text))
		}
		i := int(binary.LittleEndian.Uint32(text))
		if i >= len(s.list) {
			return fmt.Errorf("%w: a refusal of index %d", errFrame, i)
		}
		s.unsent[i] = true
	case frameIOError:
		s.ended = false
	case frameInfo, frameTimeout, frameNoop:
	default:
		return fmt.Errorf("%w: a frame of kind %d", errFrame, kind)
	}
	return nil
}

// ending is the error of a daemon that leaves before its time.
func (s *rsyncSession) ending() error {
	if len(s.said) == 0 {
		return io.ErrUnexpectedEOF
	}
	last := s.said[len(s.said)-1]
	if strings.Contains(last, "refuse --append") {
		return errNoAppend
	}
	return complaint(last)
}

// complaint gives what the daemon said of a file its kind, by the error number
// at its end: the words before it are in the daemon's language.
func complaint(text string) error {
	kind := mirror.ErrBroken
	switch {
	case strings.HasSuffix(text, " (2)"), strings.HasSuffix(text, " (20)"), // ENOENT, ENOTDIR
		strings.HasPrefix(text, "file has vanished: "):
		kind = mirror.ErrNotFound
	case strings.HasSuffix(text, " (13)"), strings.HasSuffix(text, " (1)"): // EACCES, EPERM
		kind = mirror.ErrRefused
	case strings.HasPrefix(text, "skipped diminished file: "):
		kind = mirror.ErrChanged
	}
	return saying(kind, text)
}

// about returns what the daemon said of a file that it did not list or send.
func (s *rsyncSession) about(name string) error {
	quoted := quote(name) + `"`
	for _, text := range s.said {
		if strings.Contains(text, `"`+quoted) || strings.Contains(text, `"/`+quoted) {
			return complaint(text)
		}
	}
	if len(s.said) > 0 { // it is quoted in another way: what is said of all?
		first := complaint(s.said[0]).(*fault)
		if !slices.ContainsFunc(s.said, func(text string) bool { return complaint(text).(*fault).kind != first.kind }) {
			return first
		}
	}
	return faultf(mirror.ErrBroken, "the daemon does not send it, and does not say why")
}

// quote escapes as a daemon in the C locale does in its messages.
func quote(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		digits := func(s string) bool { return strings.Trim(s, "01234567") == "" }
		if c < ' ' && c != '\t' || c >= 0x7f || c == '\\' && i+4 < len(name) && name[i+1] == '#' && digits(name[i+2:i+5]) {
			fmt.Fprintf(&b, `\#%03o`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
