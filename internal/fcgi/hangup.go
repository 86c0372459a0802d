package fcgi

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// awaitHangup waits, without reading, for the web server to close the connection,
// but not longer than lingerTimeout.
//
// It is for a web server that is still sending a large body when the answer is
// complete. Once nobody takes its bytes it has time to look at the answer, and
// hangs up. Were we to close first, nginx would see the failing write before the
// answer and tell its client 502 (seen with 1.22).
func (c *conn) awaitHangup() {
	sc, ok := c.nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	c.mu.Lock()
	c.phase = lingering
	c.readBefore(lingerTimeout)
	c.mu.Unlock()
	// The runtime's poller wakes us for every change; poll(2) tells which it was.
	// An error is the deadline, or that the connection was cut: either ends the wait.
	_ = raw.Read(func(fd uintptr) bool {
		ask := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(ask, 0)
		return n > 0 || err != nil && err != unix.EINTR
	})
}
