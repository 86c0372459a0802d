// Package gather has small answers of net/http leave in one write, and pieces of files
// uncopied. Both are up to the connection, which net/http shows to no handler: so one
// Listener makes connections that do both.
//
// # Small answers
//
// net/http writes through a buffer of 4 KiB: the header of an answer goes first,
// alone or with as much of the body as fits, and the rest in a write of its own.
// Each write is a packet, and wakes the client: of a hit of 4 KiB the second one
// costs a quarter. Here an answer is held until all of it is there:
//
//	net/http                 conn
//	                         Hold
//	header ────────────────> Write     held
//	the body's reader ─────> ReadFrom  read behind it, and sent: one packet
//	                         release   whatever is still held
//
// # Pieces
//
// The clients of a file that grows share its descriptor, and net/http's sendfile(2) goes by
// the one position that this has. A Piece has its own:
//
//	net/http                 conn
//	header ────────────────> Write
//	a Piece ───────────────> ReadFrom  sent as far as the client takes it: see Piece
package gather

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// Small is the longest body, in bytes, that is read before its answer leaves. Beyond it
// sendfile(2), with the seeks that net/http needs before it, costs less than copying.
const Small = 64 << 10

const headRoom = 4 << 10 // bytes, for the header

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, headRoom+Small); return &b }}

// Listener returns l with connections that can hold answers, and send pieces.
func Listener(l net.Listener) net.Listener { return listener{l} }

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &conn{TCPConn: tcp}, err
	}
	return c, err
}

type key struct{}

// Context is the ConnContext of a server on a Listener: so Hold finds the
// connection of a request.
func Context(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, key{}, c)
}

// Hold holds what is written to the connection of a request from now on, until its
// body has been read or release is called. The handler calls it right before it
// answers with a body that can be read without waiting, writes to the writer that
// it gets, and calls release when that is done. Where a request has no connection of a
// Listener, the writer is w, and release does nothing.
func Hold(ctx context.Context, w http.ResponseWriter) (held http.ResponseWriter, release func()) {
	c, isOurs := ctx.Value(key{}).(*conn)
	full, isFull := w.(fullWriter)
	if !isOurs || !isFull {
		return w, func() {}
	}
	if c.held == nil {
		c.held = buffers.Get().(*[]byte)
	}
	return early{full}, c.release
}

type fullWriter interface {
	http.ResponseWriter
	http.Flusher
	io.ReaderFrom
}

// early has the header written before the body is asked for: else net/http reads the
// first 512 bytes of a file by themselves. Not where the header lacks the length of the
// body, which net/http learns only if it sees all of the body before it writes.
type early struct{ fullWriter }

func (w early) WriteHeader(status int) {
	w.fullWriter.WriteHeader(status)
	if w.Header().Get("Content-Length") != "" {
		w.Flush()
	}
}

// conn is written to by one goroutine at a time, the one that answers. What is read
// from it is not touched.
type conn struct {
	*net.TCPConn
	held   *[]byte // nil: nothing is held
	pieces *sender // nil: none has been sent yet
}

func (c *conn) Write(p []byte) (int, error) {
	if c.held == nil {
		return c.TCPConn.Write(p)
	}
	if len(*c.held)+len(p) <= cap(*c.held) {
		*c.held = append(*c.held, p...)
		return len(p), nil
	}
	if err := c.send(); err != nil {
		return 0, err
	}
	return c.TCPConn.Write(p)
}

// ReadFrom is how net/http writes the body of a file. A Piece goes as it is. A short
// body joins what is held; of a reader that breaks off, what it gave until then is sent.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	if p, ok := src.(*Piece); ok {
		if err := c.send(); err != nil {
			return 0, err
		}
		n, err := c.sendPiece(p)
		if n == 0 && cannotSend(err) {
			return io.Copy(onlyWriter{c.TCPConn}, p)
		}
		return n, err
	}
	l, limited := src.(*io.LimitedReader)
	if c.held != nil && limited && l.N <= Small && len(*c.held)+int(l.N) <= cap(*c.held) {
		head := len(*c.held)
		n, err := io.ReadFull(l, (*c.held)[head:head+int(l.N)])
		*c.held = (*c.held)[:head+n]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			err = nil // as io.ReaderFrom has it; the caller knows how much there had to be
		}
		return int64(n), errors.Join(err, c.send())
	}
	if err := c.send(); err != nil {
		return 0, err
	}
	return c.TCPConn.ReadFrom(src)
}

func (c *conn) sendPiece(p *Piece) (n int64, err error) {
	if c.pieces == nil {
		if c.pieces, err = newSender(c.TCPConn); err != nil {
			return 0, err
		}
	}
	return c.pieces.send(p)
}

// send writes what is held, and holds no more.
func (c *conn) send() error {
	if c.held == nil {
		return nil
	}
	b := c.held
	c.held = nil
	var err error
	if len(*b) > 0 {
		_, err = c.TCPConn.Write(*b)
	}
	*b = (*b)[:0]
	buffers.Put(b)
	return err
}

// release sends what is still held: an answer without a body, for example. net/http
// does not hear of an error here, so the connection is closed: else the client could take
// the next answer for the rest of this one.
func (c *conn) release() {
	if err := c.send(); err != nil {
		c.Close()
	}
}
