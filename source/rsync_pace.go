package source

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// pacedConn is a connection on which silence and slowness are errors.
type pacedConn struct {
	net.Conn
	until time.Time     // nothing is waited for beyond; zero: wait counts
	wait  time.Duration // for a byte, and for room to write; 0: for ever

	lowSpeed int64 // bytes a second, over window; 0: any speed will do
	window   time.Duration
	spent    time.Duration // in reading, since the window began: a slow disk is no slow upstream
	got      int64         // bytes in the window
}

// acknowledge tells the daemon at once what has arrived: it writes little pieces,
// and does not send one before the last was acknowledged (Nagle's algorithm), for
// which the kernel takes 40 ms when there is nothing else to send.
func (c *pacedConn) acknowledge() {
	conn, ok := c.Conn.(syscall.Conn)
	if !ok {
		return
	}
	if raw, err := conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { // without it, it is but slower
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
		})
	}
}

func (c *pacedConn) Read(p []byte) (int, error) {
	begun := time.Now()
	c.SetReadDeadline(c.deadline(begun))
	n, err := c.Conn.Read(p)
	c.acknowledge()
	if c.window == 0 {
		return n, err
	}
	c.got += int64(n)
	c.spent += time.Since(begun)
	if err == nil && c.spent >= c.window {
		if float64(c.got) < float64(c.lowSpeed)*c.spent.Seconds() {
			return n, errSlow
		}
		c.spent, c.got = 0, 0
	}
	return n, err
}

func (c *pacedConn) Write(p []byte) (int, error) {
	c.SetWriteDeadline(c.deadline(time.Now()))
	return c.Conn.Write(p)
}

func (c *pacedConn) deadline(now time.Time) time.Time {
	if c.until.IsZero() && c.wait > 0 {
		return now.Add(c.wait)
	}
	return c.until
}
