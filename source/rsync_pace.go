package source

import (
	"net"
	"time"
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

func (c *pacedConn) Read(p []byte) (int, error) {
	begun := time.Now()
	c.SetReadDeadline(c.deadline(begun))
	n, err := c.Conn.Read(p)
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
