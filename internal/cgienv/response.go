package cgienv

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// ErrShort means that a handler declared a Content-Length and wrote less.
var ErrShort = errors.New("the body is shorter than its Content-Length")

// errOver answers a handler that writes after it has returned.
var errOver = errors.New("the answer has ended: its handler has returned")

// Response is the http.ResponseWriter of both protocols. It differs from
// net/http's own in what the front server does better or must not be told: no
// content type is guessed (a guess would override what X-Accel-Redirect finds),
// no Date is added, and informational (1xx) codes are ignored, since a CGI answer
// has exactly one status.
//
// Small writes are collected until a frame is full, until Flush, or until the
// handler returns. Which calls are legal when:
//
//	state              WriteHeader   Write                        leaves the process
//	nothing written    sets status   implies 200                  nothing
//	header written     ignored       to the buffer                by the frame, on Flush
//	204, 304           ignored       http.ErrBodyNotAllowed       header only
//	HEAD               ignored       counted, thrown away         header only
//	past the length    ignored       http.ErrContentLength        what was before
//	wire broken        ignored       the wire's error             nothing more
//
// It is not safe for concurrent use.
type Response struct {
	wire   Wire
	head   bool // the request was a HEAD
	header http.Header
	code   int    // 0 until the header is written
	left   int64  // bytes of the declared Content-Length still to come; -1: none declared
	buf    *frame // nil while there is nothing to put into one
	n      int    // payload bytes in buf
	sent   bool   // something has left: too late for another status
	err    error  // the wire's first error, or errOver: final
}

// The abilities that http.NewResponseController and io.Copy look for.
var (
	_ http.Flusher    = (*Response)(nil)
	_ io.ReaderFrom   = (*Response)(nil)
	_ io.StringWriter = (*Response)(nil)
)

func newResponse(wire Wire, method string) *Response {
	return &Response{
		wire:   wire,
		head:   method == http.MethodHead,
		header: make(http.Header),
		left:   -1,
	}
}

// Header returns the header fields to be sent. Changes after WriteHeader have no
// effect.
func (w *Response) Header() http.Header { return w.header }

// WriteHeader fixes status and header. Only the first call counts. Like
// net/http's, it panics if code is not of three digits.
func (w *Response) WriteHeader(code int) {
	if code < 100 || code > 999 {
		panic(fmt.Sprintf("the status %d that the handler wrote is not of three digits", code))
	}
	if code < 200 || w.code != 0 || w.err != nil {
		return
	}
	w.code = code
	w.declare()
	var room [512]byte // most headers are shorter
	w.fill(appendHeader(room[:0], code, w.header))
}

// declare reads the promised length. A promise that nobody can check is not
// passed on; nor is one for 204, which RFC 9110 (section 8.6) forbids.
func (w *Response) declare() {
	value := w.header.Get("Content-Length")
	if value == "" {
		return
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 0 || w.code == http.StatusNoContent {
		w.header.Del("Content-Length")
		return
	}
	w.left = n
}

// bodyless reports whether the status forbids a body (RFC 9110, sections 15.3.5
// and 15.4.5).
func (w *Response) bodyless() bool {
	return w.code == http.StatusNoContent || w.code == http.StatusNotModified
}

// Write adds p to the body. See the table at Response for its errors; one that
// is http.ErrContentLength or http.ErrBodyNotAllowed has written nothing.
func (w *Response) Write(p []byte) (int, error) {
	if w.code == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case w.err != nil:
		return 0, w.err
	case len(p) == 0:
		return 0, nil
	case w.bodyless():
		return 0, http.ErrBodyNotAllowed
	case w.left >= 0 && int64(len(p)) > w.left:
		return 0, http.ErrContentLength
	}
	n := len(p)
	if !w.head {
		n = w.fill(p)
	}
	w.wrote(n)
	return n, w.err
}

// WriteString is Write.
func (w *Response) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// Flush sends what is collected, and the header if that was not sent before. An
// error is kept for the next Write.
func (w *Response) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController: it says whether the wire
// still carries.
func (w *Response) FlushError() error {
	if _, err := w.Write(nil); err != nil {
		return err
	}
	w.send()
	return w.err
}

// text writes an answer of our own: the status and one line.
func (w *Response) text(code int, line string) {
	line += "\n"
	w.header = http.Header{
		"Content-Type":   {"text/plain; charset=utf-8"},
		"Content-Length": {strconv.Itoa(len(line))},
		"Cache-Control":  {"no-store"},
	}
	w.WriteHeader(code)
	_, _ = w.WriteString(line) // an error stays in w.err, which finish returns
}

// fill copies p into frames and sends those that are full. It returns how much
// of p it took: all, unless w.err is set.
func (w *Response) fill(p []byte) int {
	total := 0
	for w.err == nil {
		n := copy(w.frame()[FrameHead+w.n:FrameHead+FramePayload], p[total:])
		w.n += n
		total += n
		if total == len(p) {
			break
		}
		w.send()
	}
	return total
}

// wrote counts n bytes of body against the declared length.
func (w *Response) wrote(n int) {
	if w.left > 0 {
		w.left -= int64(n)
	}
}

// frame returns the buffer, a new one if there is none.
func (w *Response) frame() *frame {
	if w.buf == nil {
		w.buf = frames.Get().(*frame)
	}
	return w.buf
}

// rest sends what is collected and gives the buffer back: nothing follows for a
// while. Before anything has left it does nothing, so that a handler that gives up
// then still gets a clean 500.
func (w *Response) rest() {
	if !w.sent {
		return
	}
	w.send()
	if w.buf != nil && w.n == 0 {
		frames.Put(w.buf)
		w.buf = nil
	}
}

// send sends the frame, if anything is in it.
func (w *Response) send() {
	if w.err == nil && w.n > 0 {
		w.err = w.wire.Send(w.buf[:FrameHead+w.n])
		w.sent = true
		w.n = 0
	}
}

// finish ends an answer that its handler completed. The error is ErrShort or the
// wire's.
func (w *Response) finish() error {
	_, err := w.Write(nil) // makes sure that there is a header
	if err == nil && w.left > 0 && !w.head && !w.bodyless() {
		err = fmt.Errorf("%w: %d bytes are missing", ErrShort, w.left)
	}
	if endErr := w.end(err == nil); err == nil {
		err = endErr
	}
	return err
}

// fail ends an answer that its handler gave up. As long as nothing has left it
// becomes a clean 500; afterwards it can only be cut, and what is collected is
// not sent any more: the handler may have given up because it was wrong.
func (w *Response) fail() {
	whole := !w.sent && w.err == nil
	w.n = 0
	if whole {
		w.code, w.left = 0, -1
		w.text(http.StatusInternalServerError, "internal server error")
	}
	_ = w.end(whole) // the handler's failure is the one to report
}

// end hands the last frame to the wire and gives the buffer back.
func (w *Response) end(whole bool) error {
	err := w.wire.End(w.frame()[:FrameHead+w.n], whole)
	frames.Put(w.buf)
	w.buf = nil
	if w.err == nil {
		w.err = errOver
	}
	return err
}
