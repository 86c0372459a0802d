package gather

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Piece is N bytes of a file from Off on. On a connection of a Listener it goes out
// with sendfile(2), uncopied where the file system can do that; to other writers it is
// an io.Reader. The position of the file is not touched, so that many can send pieces of
// it at the same time. Of a file that is shorter, and to a client that is slow, less of it
// may be sent, without an error.
type Piece struct {
	File   *os.File
	Off, N int64

	from syscall.RawConn // of File; nil: it has not been needed yet
}

// Read implements io.Reader.
func (p *Piece) Read(b []byte) (int, error) {
	if p.N <= 0 {
		return 0, io.EOF
	}
	n, err := p.File.ReadAt(b[:min(int64(len(b)), p.N)], p.Off)
	p.took(int64(n))
	if err == io.EOF && n > 0 {
		err = nil
	}
	return n, err
}

func (p *Piece) took(n int64) { p.Off, p.N = p.Off+n, p.N-n }

// sender sends pieces on one connection. It keeps what it needs for that from one to the
// next: of a large file that grows there are a hundred thousand.
type sender struct {
	to     syscall.RawConn
	toFn   func(socket uintptr) bool // s.toSocket
	fromFn func(file uintptr)        // s.fromFile

	p      *Piece
	socket int
	n      int   // what one sendfile(2) has sent
	total  int64 // of p
	failed error
}

func newSender(c syscall.Conn) (*sender, error) {
	to, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	s := &sender{to: to}
	s.toFn, s.fromFn = s.toSocket, s.fromFile
	return s, nil
}

// send sends as much of p as the connection takes at once. Where that is nothing,
// it waits, and sends no more than afterWait: what was good before a slow client took some
// may be known to be wrong by now, which the caller is to look at.
func (s *sender) send(p *Piece) (total int64, err error) {
	if p.from == nil {
		if p.from, err = p.File.SyscallConn(); err != nil {
			return 0, err
		}
	}
	s.p, s.total, s.failed = p, 0, nil
	err = s.to.Write(s.toFn)
	if err == nil {
		err = os.NewSyscallError("sendfile", s.failed)
	}
	s.p = nil
	return s.total, err
}

// toSocket sends until the socket is full, and reports whether that will do.
func (s *sender) toSocket(socket uintptr) (done bool) {
	s.socket = int(socket)
	for s.p.N > 0 && s.failed == nil {
		if err := s.p.from.Control(s.fromFn); err != nil {
			s.failed = err // the file was closed
		}
		switch {
		case s.failed == unix.EAGAIN:
			s.failed = nil
			if s.total > 0 {
				return true
			}
			s.p.N = min(s.p.N, afterWait)
			return false
		case s.failed == unix.EINTR:
			s.failed = nil
		case s.failed != nil:
		case s.n == 0:
			return true
		default:
			s.p.took(int64(s.n))
			s.total += int64(s.n)
		}
	}
	return true
}

func (s *sender) fromFile(file uintptr) {
	off := s.p.Off
	s.n, s.failed = unix.Sendfile(s.socket, int(file), &off, int(min(s.p.N, maxSendfile)))
}

// cannotSend reports whether sendfile(2) knows nothing to do with a file, as on a file
// system that is not made for it, where net copies, too; or is forbidden.
func cannotSend(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EPERM)
}

// onlyWriter hides a connection's ReadFrom, which would ask for sendfile(2), or splice(2).
type onlyWriter struct{ io.Writer }

const (
	// maxSendfile is how much one sendfile(2) is asked for, in bytes: net's own choice.
	maxSendfile = 4 << 20

	// afterWait is as much, in bytes, as one write of a buffer would be.
	afterWait = 32 << 10
)
