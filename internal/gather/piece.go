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

// sendTo sends as much of the piece as a connection takes at once. Where that is nothing,
// it waits, and sends no more than afterWait: what was good before a slow client took some
// may be known to be wrong by now, which the caller is to look at.
func (p *Piece) sendTo(c syscall.Conn) (total int64, err error) {
	to, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	from, err := p.File.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = to.Write(func(socket uintptr) (done bool) {
		for p.N > 0 && failed == nil {
			n, off := 0, p.Off
			if err := from.Control(func(file uintptr) {
				n, failed = unix.Sendfile(int(socket), int(file), &off, int(min(p.N, maxSendfile)))
			}); err != nil {
				failed = err // the file was closed
			}
			switch {
			case failed == unix.EAGAIN:
				failed = nil
				if total > 0 {
					return true
				}
				p.N = min(p.N, afterWait)
				return false
			case failed == unix.EINTR:
				failed = nil
			case failed != nil:
			case n == 0:
				return true
			default:
				p.took(int64(n))
				total += int64(n)
			}
		}
		return true
	})
	if err == nil {
		err = os.NewSyscallError("sendfile", failed)
	}
	return total, err
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
