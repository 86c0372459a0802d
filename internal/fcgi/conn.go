package fcgi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
)

const (
	// maxParams bounds a request's parameters. A web server repeats the target in
	// up to seven of them, and nginx takes 32 KiB of request head by default, so
	// that 64 KiB could cut a legal request.
	maxParams = 256 << 10
	// keptParams is the room for parameters that a connection keeps for its next
	// request: few have more.
	keptParams = 8 << 10
	// maxSurplus bounds what is read and thrown away for a request that is over:
	// the rest of a small body, so that the connection can be kept.
	maxSurplus = 256 << 10
)

var (
	errProtocol = errors.New("the peer broke the FastCGI protocol")
	errSurplus  = errors.New("the web server kept sending a body after it had its answer")
	errGone     = errors.New("the web server closed the connection")
	errAborted  = errors.New("the web server aborted the request")
)

// conn is one connection of a web server.
type conn struct {
	srv *Server
	nc  net.Conn

	// For the reader alone.
	in      *bufio.Reader
	scratch [headerLen]byte
	params  []byte // of the request in phase head
	surplus int    // bytes thrown away since the last BEGIN_REQUEST

	// out makes a record whole on nc. It is taken before mu. The reader takes it,
	// too, and may so wait for a slow client, but only to answer a web server that
	// sends what it was told not to (a second request) or that is odd.
	out sync.Mutex

	mu    sync.Mutex // guards phase, req, and the read deadline that goes with phase
	phase phase
	req   *request // in the phases head and running

	handlers sync.WaitGroup
}

func newConn(s *Server, nc net.Conn) *conn {
	// A request's head is 1 to 2 KiB; what is larger bypasses the buffer.
	return &conn{srv: s, nc: nc, in: bufio.NewReaderSize(nc, 4096)}
}

// serve reads records until the connection ends, and returns when the last
// handler has.
func (c *conn) serve() {
	c.readBefore(c.srv.ReadTimeout)
	err := c.readRecords()
	switch {
	case errors.Is(err, errProtocol):
		c.srv.Log.Warn("closing a FastCGI connection", "error", err)
	case errors.Is(err, io.EOF):
		err = errGone
	default:
		c.srv.Log.Debug("closing a FastCGI connection", "error", err)
	}
	c.cut(err)
	c.handlers.Wait()
}

func (c *conn) readRecords() error {
	for {
		h, err := readHeader(c.in, &c.scratch)
		if err != nil {
			return err
		}
		switch {
		case h.id == 0:
			err = c.management(h)
		case h.kind == typeBegin:
			err = c.begin(h)
		case h.kind == typeParams && c.current(h.id, head) != nil:
			err = c.addParams(h)
		case h.kind == typeAbort:
			c.abort(h.id)
			err = c.discard(h)
		default:
			err = c.discard(h)
		}
		if err != nil {
			return err
		}
	}
}

// current returns the request id if the connection is in phase p with it.
func (c *conn) current(id uint16, p phase) *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.phase == p && c.req != nil && c.req.id == id {
		return c.req
	}
	return nil
}

// begin starts a request or says why not.
func (c *conn) begin(h header) error {
	content, err := c.content(h)
	if err != nil {
		return err
	}
	body, err := parseBegin(content)
	if err != nil {
		return err
	}
	if body.role != roleResponder {
		return c.write(appendEnd(nil, h.id, 0, unknownRole))
	}
	busy, err := c.take(h.id, body.flags&flagKeepConn != 0)
	if busy {
		return c.write(appendEnd(nil, h.id, 0, cannotMultiplex))
	}
	return err
}

// take makes the request id the current one. busy means that there is another.
func (c *conn) take(id uint16, keep bool) (busy bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.phase == lingering:
		return false, fmt.Errorf("%w: a request follows one that was the last", errProtocol)
	case c.req != nil && c.req.id == id:
		return false, fmt.Errorf("%w: request %d begins while it runs", errProtocol, id)
	case c.req != nil:
		return true, nil
	}
	c.req = newRequest(c, id, keep)
	c.phase = head
	c.surplus = 0
	c.readBefore(c.srv.ReadTimeout)
	return false, nil
}

// addParams collects parameters; an empty record is their end.
func (c *conn) addParams(h header) error {
	n := len(c.params)
	if h.content == 0 {
		if _, err := c.in.Discard(h.padding); err != nil {
			return err
		}
		return c.start()
	}
	if n+h.content > maxParams {
		return fmt.Errorf("%w: the parameters of a request exceed %d bytes", errProtocol, maxParams)
	}
	c.params = slices.Grow(c.params, h.content)[:n+h.content]
	if _, err := io.ReadFull(c.in, c.params[n:]); err != nil {
		return err
	}
	_, err := c.in.Discard(h.padding)
	return err
}

// start runs the handler. It does not wait for STDIN, which nobody reads.
func (c *conn) start() error {
	env, err := parsePairs(string(c.params))
	if err != nil {
		return fmt.Errorf("%w: %w", errProtocol, err)
	}
	c.params = c.params[:0] // of which env is a copy
	if cap(c.params) > keptParams {
		c.params = nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.phase = running
	c.readBefore(0)
	q := c.req
	c.handlers.Go(func() { q.run(env) })
	return nil
}

// abort ends the request id early. The answer to FCGI_ABORT_REQUEST is an
// END_REQUEST like any other; the connection is not kept, since how much of the
// answer got through is nobody's knowledge.
func (c *conn) abort(id uint16) {
	if q := c.current(id, running); q != nil {
		q.cancel(errAborted)
	}
	if q := c.current(id, head); q != nil {
		q.cancel(errAborted)
		_ = q.End(make([]byte, headerLen), false) // a write that fails ends the reader as well
	}
}

// content reads a record's content and skips its padding.
func (c *conn) content(h header) ([]byte, error) {
	b := make([]byte, h.content)
	if _, err := io.ReadFull(c.in, b); err != nil {
		return nil, err
	}
	_, err := c.in.Discard(h.padding)
	return b, err
}

// discard throws a record's content away. While a handler runs it does so
// without end, because only a reader notices an abort; otherwise it has a bound.
func (c *conn) discard(h header) error {
	c.mu.Lock()
	free := c.phase == running
	c.mu.Unlock()
	if !free {
		c.surplus += headerLen + h.content + h.padding
		if c.surplus > maxSurplus {
			c.awaitHangup()
			return errSurplus
		}
	}
	_, err := c.in.Discard(h.content + h.padding)
	return err
}
