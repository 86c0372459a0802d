package fcgi

import "time"

// phase is what a connection is doing:
//
//	phase      a BEGIN_REQUEST  PARAMS  STDIN, others  read deadline    next
//	fresh      taken            surplus surplus        ReadTimeout      head
//	head       CANT_MPX_CONN    taken   surplus        ReadTimeout      running
//	running    CANT_MPX_CONN    dropped dropped        none             ending, lingering
//	ending     taken            surplus surplus        none             idle, head
//	idle       taken            surplus surplus        IdleTimeout      head
//	lingering  closes           surplus surplus        lingerTimeout    closed
//
// Surplus is thrown away and counted; too much of it makes any phase lingering. In the phase ending END_REQUEST is being
// written; the web server may have read it, and begun the next request, before
// our write returns.
type phase uint8

const (
	fresh phase = iota
	head
	running
	ending
	idle
	lingering
)

const (
	// lingerTimeout is how long a connection that will be closed waits for the web
	// server to close it first. Closing with unread input would reset the
	// connection, and a reset may overtake the end of the answer.
	lingerTimeout = 2 * time.Second
	// freshGrace is how long Shutdown waits for the first byte of a connection that
	// was just accepted.
	freshGrace = time.Second
)

// readBefore sets the read deadline; 0 is none.
func (c *conn) readBefore(d time.Duration) {
	var t time.Time
	if d > 0 {
		t = time.Now().Add(d)
	}
	_ = c.nc.SetReadDeadline(t) // fails on a closed connection only, which the next read reports
}

// write writes whole records. An error has cut the connection.
func (c *conn) write(records []byte) error {
	c.out.Lock()
	defer c.out.Unlock()
	return c.writeLocked(records)
}

// writeLocked is write for a caller that holds out.
func (c *conn) writeLocked(records []byte) error {
	_ = c.nc.SetWriteDeadline(time.Now().Add(c.srv.WriteTimeout)) // as in readBefore
	_, err := c.nc.Write(records)
	if err != nil {
		c.cut(err)
	}
	return err
}

// cut closes the connection at once and cancels its request.
func (c *conn) cut(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.req != nil {
		c.req.cancel(cause)
	}
	c.nc.Close()
}

// closeIfIdle closes a connection that waits for a request, for Shutdown. One
// that was just accepted gets a moment, for its request may be on the way.
func (c *conn) closeIfIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.phase {
	case fresh:
		c.readBefore(freshGrace)
	case idle:
		c.nc.Close()
	}
}
