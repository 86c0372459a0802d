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
// The list is of rsync_list.go, the answers of rsync_answer.go. All of it is by
// the sources of rsync 3.5. Daemons speak protocol 31 since 3.1 of 2013; the tests
// were run with those of 3.2.3 (which has no list of digests), 3.2.7 and 3.5.0.
const rsyncProtocol = 31

const maxMotd = 1 << 20 // bytes before the "OK"; a hostile one never ends

// rsyncAsk is what a session asks for.
type rsyncAsk struct {
	options   string   // what kind of list: short options
	appending bool     // some file is asked for from a later byte on
	names     []string // below the module
	most      int      // entries that the list may have
}

// rsyncSession is one connection. It is used by one goroutine.
type rsyncSession struct {
	conn *pacedConn
	in   *rsyncReader
	out  *rsyncWriter
	stop func() bool // of the context's end

	list  []rsyncEntry
	ended bool      // the daemon could read all that it was to list
	asked time.Time // when the list was here

	said   []string     // complaints
	heard  int          // messages of all kinds
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
	conn, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	s := &rsyncSession{conn: &pacedConn{Conn: conn}, unsent: make(map[int]bool), ahead: -1}
	if r.opts.Header > 0 {
		s.conn.until = time.Now().Add(r.opts.Header)
	}
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
	br := bufio.NewReaderSize(s.conn, rsyncBuffer)
	if err := s.enter(br, r); err != nil {
		return err
	}
	args := []string{"--server", "--sender", "-e.fC", "--from0", "--files-from=-", ask.options}
	if ask.appending {
		args = append(args, "--append")
	}
	if !strings.Contains(ask.options, "R") {
		args = append(args, "--no-relative") // names from a list imply it
	}
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
		return early(err)
	}
	s.conn.until, s.conn.wait = time.Time{}, r.opts.Idle
	if head[0]&0x81 != 0 {
		return fmt.Errorf("%w: flags %#x", errFrame, head[0])
	}
	s.in = newRsyncReader(br, s.hear)
	var err error
	s.list, s.ended, err = s.in.readList(strings.Contains(ask.options, "l"), ask.most)
	s.asked = time.Now()
	if s.in.err != nil {
		return s.broken()
	}
	return err
}

// enter goes from the greeting to the "OK".
func (s *rsyncSession) enter(br *bufio.Reader, r *Rsync) error {
	if _, err := fmt.Fprintf(s.conn, "@RSYNCD: %d.0 sha512 md5\n%s\n", rsyncProtocol, r.module); err != nil {
		return err
	}
	line, err := br.ReadSlice('\n')
	if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
		return early(err)
	}
	greeting := string(line)
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
			return early(err)
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
