package source

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"mirror"
)

// A session is one connection to an rsync daemon, and asks for one list of
// names:
//
//	daemon                             client
//	@RSYNCD: 32.0 sha512 md5\n         @RSYNCD: 31.0 sha512 md5\nmodule\n
//	message of the day
//	@RSYNCD: AUTHREQD challenge\n      user digest\n       where there are users
//	@RSYNCD: OK\n                      arguments, each ended by 0; 0
//	varint of flags, int               (frames from here on, both ways)
//	                                   int 0: no filters; names, each ended by 0; 0
//	file list
//	                                   request...
//	answer...                          done, done, done, done, done
//	done, done, done, 5 varlongs, done
//
//	request = index, 2 bytes 0x8000, sum head
//	answer  = index, 2 bytes, sum head, chunk..., int 0, MD5 of the chunks' bytes
//	chunk   = int n > 0, n bytes
//	sum head = 4 ints: blocks, bytes a block, 0, bytes of the last block: how
//	          much the client has, and the daemon leaves out with --append
//
// The answers come in the order of the requests; a frame of its own says that
// one will not come. Everything is from the sources of rsync 3.5 (protocol 31,
// which daemons speak since 3.1 of 2013).
const rsyncProtocol = 31

const (
	maxMotd = 1 << 20 // bytes before the "OK"; a hostile one never ends

	// maxSaid bounds the complaints that are kept, in bytes.
	maxSaid = 1 << 20

	transferFlag = 0x8000
	xnameFlag    = 0x1000
	basisFlag    = 0x0800

	blockSize = 128 << 10 // bytes; the longest that daemons take
)

// rsyncAsk is what a session asks for.
type rsyncAsk struct {
	options []string // the daemon's, beyond those that every session has
	names   []string // below the module
	links   bool     // the list has the targets of symbolic links
	most    int      // entries that the list may have
}

// rsyncSession is one connection. It is used by one goroutine.
type rsyncSession struct {
	conn *pacedConn
	in   *rsyncReader
	out  *rsyncWriter
	stop func() bool // of the context's end

	list  []rsyncEntry
	ended bool
	asked time.Time // when the list was here

	said   []string     // complaints
	size   int          // bytes of said
	unsent map[int]bool // indices for which no answer will come
	ahead  int          // an index that was read before its turn; -1: none
	dones  int          // read of the three after the last answer
}

// fault is a failure of the upstream's before it is known whose file it hits.
type fault struct {
	kind  error
	cause string
}

func (f *fault) Error() string { return f.cause }

func faultf(kind error, format string, args ...any) error {
	return &fault{kind, fmt.Sprintf(format, args...)}
}

// open connects, asks, and reads the list.
func (r *Rsync) open(ctx context.Context, ask rsyncAsk) (*rsyncSession, error) {
	dialer := &net.Dialer{Timeout: r.opts.Connect}
	conn, err := dialer.DialContext(ctx, "tcp", r.addr)
	if err != nil {
		return nil, err
	}
	s := &rsyncSession{conn: &pacedConn{Conn: conn, wait: r.opts.Header}, unsent: make(map[int]bool), ahead: -1}
	s.stop = context.AfterFunc(ctx, func() { conn.Close() })
	if err := s.begin(r, ask); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close may be called at any time.
func (s *rsyncSession) close() {
	s.stop()
	s.conn.Close()
}

func (s *rsyncSession) begin(r *Rsync, ask rsyncAsk) error {
	br := bufio.NewReaderSize(s.conn, 64<<10)
	if err := s.enter(br, r); err != nil {
		return err
	}
	args := append([]string{"--server", "--sender", "-e.fC", "--from0", "--files-from=-"}, ask.options...)
	var b bytes.Buffer
	for _, arg := range append(args, ".", r.module+"/") {
		b.WriteString(arg + "\x00")
	}
	b.WriteByte(0)
	s.out = newRsyncWriter(s.conn)
	s.out.int(0)
	for _, name := range ask.names {
		s.out.name(name)
	}
	s.out.name("")
	if _, err := s.conn.Write(b.Bytes()); err != nil {
		return err
	}
	if err := s.out.flush(); err != nil {
		return err
	}
	// The flags and the seed are outside of frames: one byte, since the flags
	// that this client lets a daemon set are below 0x80.
	var head [5]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return short(err)
	}
	if head[0]&0x81 != 0 {
		return fmt.Errorf("%w: flags %#x", errFrame, head[0])
	}
	s.in = newRsyncReader(br, s.hear)
	var err error
	s.list, s.ended, err = s.in.readList(ask.links, ask.most)
	s.asked = time.Now()
	s.conn.wait = r.opts.Idle
	return err
}

// enter goes from the greeting to the "OK".
func (s *rsyncSession) enter(br *bufio.Reader, r *Rsync) error {
	if _, err := fmt.Fprintf(s.conn, "@RSYNCD: %d.0 sha512 md5\n%s\n", rsyncProtocol, r.module); err != nil {
		return err
	}
	greeting, err := br.ReadString('\n')
	if err != nil {
		return short(err)
	}
	var version, sub int
	if n, _ := fmt.Sscanf(greeting, "@RSYNCD: %d.%d", &version, &sub); n != 2 {
		return faultf(mirror.ErrBroken, "is no rsync daemon: it greets with %.60q", greeting)
	}
	if version < rsyncProtocol {
		return faultf(mirror.ErrBroken, "the daemon speaks rsync protocol %d; %d is needed (rsync 3.1 of 2013)", version, rsyncProtocol)
	}
	for length := 0; length < maxMotd; {
		raw, err := br.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return short(err)
		}
		length += len(raw)
		line := strings.TrimRight(string(raw), "\r\n")
		switch {
		case line == "@RSYNCD: OK":
			return nil
		case strings.HasPrefix(line, "@RSYNCD: AUTHREQD "):
			answer, err := r.authenticate(strings.TrimPrefix(line, "@RSYNCD: AUTHREQD "), greeting)
			if err != nil {
				return err
			}
			if _, err := io.WriteString(s.conn, answer); err != nil {
				return err
			}
		case line == "@RSYNCD: EXIT":
			return faultf(mirror.ErrBroken, "the daemon has no module %q", r.module)
		case strings.HasPrefix(line, "@ERROR"):
			return daemonError(line)
		}
	}
	return faultf(mirror.ErrBroken, "the daemon's message of the day has no end")
}

// authenticate answers a challenge. The password itself is never sent.
func (r *Rsync) authenticate(challenge, greeting string) (string, error) {
	if r.user == nil {
		return "", faultf(mirror.ErrRefused, "the daemon wants a user and a password")
	}
	var h hash.Hash = md5.New()
	if words := strings.Fields(greeting); slices.Contains(words[1:], "sha512") {
		h = sha512.New()
	}
	password, _ := r.user.Password()
	io.WriteString(h, password)
	io.WriteString(h, challenge)
	return r.user.Username() + " " + base64.RawStdEncoding.EncodeToString(h.Sum(nil)) + "\n", nil
}

// daemonError is the meaning of an "@ERROR" line.
func daemonError(line string) error {
	kind := mirror.ErrBroken
	switch text := strings.ToLower(line); {
	case strings.Contains(text, "auth failed"), strings.Contains(text, "access denied"):
		kind = mirror.ErrRefused
	case strings.Contains(text, "max connections"):
		kind = mirror.ErrBusy
	}
	return faultf(kind, "the daemon says: %.200q", strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(line, "@ERROR"), ":")))
}

// hear is told of every frame that is not data.
func (s *rsyncSession) hear(kind byte, text []byte) error {
	switch kind {
	case frameErrorXfer, frameError, frameWarning:
		if s.size += len(text); s.size <= maxSaid {
			s.said = append(s.said, strings.TrimSpace(string(text)))
		}
	case frameErrorExit:
		return s.ending()
	case frameNoSend:
		if len(text) != 4 {
			return fmt.Errorf("%w: a refusal of %d bytes", errFrame, len(text))
		}
		s.unsent[int(text[0])|int(text[1])<<8|int(text[2])<<16|int(text[3])<<24] = true
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
	return complaint(s.said[len(s.said)-1])
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
	return faultf(kind, "the daemon says: %.300q", text)
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

// request asks for the file at index of the sorted list from offset on, which
// is above 0 only where --append was asked for.
func (s *rsyncSession) request(index int, offset int64) {
	s.out.index(index)
	s.out.b = append(s.out.b, byte(transferFlag&0xff), byte(transferFlag>>8))
	s.out.int(int((offset + blockSize - 1) / blockSize))
	s.out.int(blockSize)
	s.out.int(0)
	s.out.int(int(offset % blockSize))
}

// goodbye follows the last request: two phases of retries that nobody needs,
// the end of them, and the two halves of the farewell.
func (s *rsyncSession) goodbye() {
	for range 5 {
		s.out.done()
	}
}

// answer reads up to the first chunk of the file at index, which is the oldest
// request that was not answered.
func (s *rsyncSession) answer(index int) error {
	for s.ahead != index {
		switch {
		case s.unsent[index]:
			return s.about(s.list[index].name)
		case s.ahead >= 0, s.dones > 0:
			return fmt.Errorf("%w: the answer for index %d is left out", errFrame, index)
		}
		i, done := s.in.index() // refusals may come before it
		switch {
		case s.in.err != nil:
			return s.broken()
		case done:
			s.dones++
		default:
			s.ahead = i
		}
	}
	s.ahead = -1
	flags := s.in.uint16()
	if flags&basisFlag != 0 {
		s.in.byte()
	}
	if flags&xnameFlag != 0 {
		n := int(s.in.byte())
		if n&0x80 != 0 {
			n = n&0x7f<<8 | int(s.in.byte())
		}
		s.in.text(n, maxPath)
	}
	for range 4 { // the sum head of the request
		s.in.int()
	}
	return s.broken()
}

// broken is the reader's error, told by what the daemon said before it.
func (s *rsyncSession) broken() error {
	if errors.Is(s.in.err, io.ErrUnexpectedEOF) || errors.Is(s.in.err, io.EOF) {
		return s.ending()
	}
	return s.in.err
}

// farewell reads what follows the last answer, so that the daemon's log has no
// broken connection. What goes wrong here harms no file.
func (s *rsyncSession) farewell() {
	for ; s.dones < 3; s.dones++ {
		s.in.index()
	}
	for range 5 {
		s.in.varlong(3)
	}
	s.in.index()
}

// rsyncData is the bytes of an answer. It ends with io.EOF only after as many as
// the list says, and with their digest right.
type rsyncData struct {
	s     *rsyncSession
	left  int64 // bytes to come
	chunk int64 // of them in this chunk
	sum   hash.Hash
	ended bool // the digest was read: the next answer follows
	err   error
}

func (s *rsyncSession) data(length int64) *rsyncData {
	return &rsyncData{s: s, left: length, sum: md5.New()}
}

func (d *rsyncData) Read(p []byte) (int, error) {
	if d.err == nil && d.chunk == 0 {
		d.err = d.next()
	}
	if d.err != nil || len(p) == 0 {
		return 0, d.err
	}
	n, err := d.s.in.Read(p[:min(int64(len(p)), d.chunk)])
	d.sum.Write(p[:n])
	d.chunk -= int64(n)
	d.left -= int64(n)
	if err != nil {
		d.err = d.s.broken()
	}
	return n, d.err
}

// next reads the head of a chunk, or the end.
func (d *rsyncData) next() error {
	n := int64(d.s.in.int())
	switch {
	case d.s.in.err != nil:
		return d.s.broken()
	case n < 0:
		return fmt.Errorf("%w: a reference to a block of ours", errFrame)
	case n > d.left:
		return faultf(mirror.ErrChanged, "is longer than it was listed")
	case n > 0:
		d.chunk = n
		return nil
	}
	var sum [md5.Size]byte
	d.s.in.bytes(sum[:])
	if d.s.in.err != nil {
		return d.s.broken()
	}
	d.ended = true
	switch {
	case d.left > 0:
		return faultf(mirror.ErrChanged, "is %d bytes shorter than it was listed", d.left)
	case !bytes.Equal(sum[:], d.sum.Sum(nil)):
		return faultf(mirror.ErrChanged, "arrived with another checksum than the upstream's: it cannot be read there, or was altered on its way")
	}
	return io.EOF
}
