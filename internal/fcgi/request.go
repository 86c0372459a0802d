package fcgi

import (
	"context"
	"errors"
	"net/http"

	"mirror/internal/cgienv"
)

// request is one request of a connection, and the cgienv.Wire for its answer.
type request struct {
	c      *conn
	id     uint16
	keep   bool // the web server set FCGI_KEEP_CONN
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func newRequest(c *conn, id uint16, keep bool) *request {
	q := &request{c: c, id: id, keep: keep}
	q.ctx, q.cancel = context.WithCancelCause(context.Background())
	return q
}

// run answers the request.
func (q *request) run(env map[string]string) {
	defer q.cancel(nil)
	err := cgienv.Answer(q.ctx, q, env, q.c.srv.Handler)
	if err == nil || errors.Is(err, http.ErrAbortHandler) {
		return
	}
	log := q.c.srv.Log.With("method", env["REQUEST_METHOD"], "uri", env["REQUEST_URI"])
	var panicked *cgienv.PanicError
	var refused *cgienv.RefusedError
	switch {
	case errors.As(err, &panicked):
		log.Error("a handler panicked", "value", panicked.Value, "stack", string(panicked.Stack))
	case errors.As(err, &refused), errors.Is(err, cgienv.ErrShort):
		log.Warn("an answer went wrong", "error", err)
	default:
		log.Debug("an answer was not taken", "error", err)
	}
}

// Send sends a frame as one STDOUT record, with one write.
func (q *request) Send(frame []byte) error {
	if q.ctx.Err() != nil {
		return context.Cause(q.ctx)
	}
	putHeader(frame, typeStdout, q.id, len(frame)-headerLen)
	return q.c.write(frame)
}

// End sends the last frame, the end of STDOUT and END_REQUEST with one write, so
// that a small answer is a single packet:
//
//	| STDOUT, the rest (unless empty) | STDOUT, empty | END_REQUEST |
//
// A broken answer gets the same records, with an application status that is not
// zero, and then the connection is closed: nginx fails its client at once when a
// proper END_REQUEST comes short of the Content-Length, while a mere close left
// the client hanging for 75 s.
func (q *request) End(last []byte, whole bool) error {
	records := last[:0]
	cause := context.Cause(q.ctx)
	if cause != nil {
		whole = false
	} else if len(last) > headerLen {
		putHeader(last, typeStdout, q.id, len(last)-headerLen)
		records = last
	}
	var app uint32
	if !whole {
		app = 1
	}
	records = appendHeader(records, typeStdout, q.id, 0)
	records = appendEnd(records, q.id, app, requestComplete)
	if err := q.c.end(records, q.keep && whole); err != nil {
		return err
	}
	return cause
}

// end writes the last records of the current request. The connection takes the
// next request before they leave, because the web server may be that quick; out
// is held all the while, so that nothing of the next answer overtakes them.
func (c *conn) end(records []byte, keep bool) error {
	c.out.Lock()
	defer c.out.Unlock()
	c.mu.Lock()
	c.req = nil
	c.phase = ending
	if !keep || c.srv.isDown() {
		c.phase = lingering
	}
	c.readBefore(0)
	c.mu.Unlock()

	if err := c.writeLocked(records); err != nil {
		return err
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.phase {
	case ending:
		c.phase = idle
		c.readBefore(c.srv.IdleTimeout)
		if c.srv.isDown() { // Shutdown passed by while we wrote
			c.nc.Close()
		}
	case lingering:
		c.readBefore(lingerTimeout)
		if half, ok := c.nc.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // the web server may have closed already
		}
	}
	return nil
}
