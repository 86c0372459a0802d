// Package fcgi is a FastCGI responder (Open Market, "FastCGI Specification 1.0",
// 1996): a web server connects, sends requests, and gets the answers of a
// [Handler].
//
// The standard library has one, too. This one exists because a mirror needs what
// that one leaves out: a request whose client has gone away is cancelled while
// its handler runs; an answer that breaks off is visibly broken; a panicking
// handler or a failing accept does not end the daemon; nothing waits for ever;
// and the request target arrives as the client wrote it.
//
// A connection carries one request at a time. It has a goroutine that reads, so
// that FCGI_ABORT_REQUEST and the closing of the socket are noticed at any
// moment, and while a handler runs one more for that:
//
//	         records                      cgienv.Answer
//	reader ───────────▶ conn.req ───────▶ handler goroutine
//	   │                                       │
//	   └── abort, EOF: cancel the context ─────┘  ... STDOUT records, END_REQUEST
//
// Request bodies are thrown away: a mirror answers GET and HEAD.
package fcgi

import (
	"log/slog"
	"net"
	"sync"
	"time"

	"mirror/internal/cgienv"
)

// Handler answers one request; env holds the FastCGI parameters. The request's
// context ends when the web server aborts the request or closes its connection,
// when the answer has ended, and when [Server.Shutdown] runs out of patience;
// context.Cause tells which. A panic is logged and ends this answer only.
type Handler = cgienv.Handler

// Server answers FastCGI requests. Its fields may not change once Serve runs. All
// methods may be called from several goroutines.
type Server struct {
	Handler Handler
	Log     *slog.Logger // slog.Default() if nil

	// MaxConns bounds the open connections; further ones wait in the listener's
	// backlog. Each takes about 100 KiB while it answers, so the default, 1024,
	// bounds the memory to 100 MiB. It should exceed the number of connections that
	// the web servers keep open idle.
	MaxConns int

	// ReadTimeout bounds the time from the first byte of a request, or from
	// accepting the connection, to the end of its parameters. A web server sends
	// these at once; the default is 30 s.
	ReadTimeout time.Duration

	// IdleTimeout bounds the time that a kept connection waits for its next
	// request. The default is 3 minutes: nginx closes its own after 1, and the side
	// that closes first should be the one that sends, lest it sends into the void.
	IdleTimeout time.Duration

	// WriteTimeout bounds the time for one write of at most 64 KiB, not that for a
	// whole answer. A client that is slower than this is cut. The default is 5
	// minutes, which is 218 bytes/s.
	WriteTimeout time.Duration

	once    sync.Once
	slots   chan struct{} // one token for each open connection
	closing chan struct{} // closed by Shutdown

	mu        sync.Mutex // guards what follows
	down      bool       // closing is closed
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	empty     chan struct{} // closed when down and the last connection has gone
}

// init makes the zero Server ready and fills in the defaults.
func (s *Server) init() {
	s.once.Do(func() {
		if s.Log == nil {
			s.Log = slog.Default()
		}
		if s.MaxConns <= 0 {
			s.MaxConns = 1024
		}
		setDefault(&s.ReadTimeout, 30*time.Second)
		setDefault(&s.IdleTimeout, 3*time.Minute)
		setDefault(&s.WriteTimeout, 5*time.Minute)
		s.slots = make(chan struct{}, s.MaxConns)
		s.closing = make(chan struct{})
		s.empty = make(chan struct{})
		s.listeners = make(map[net.Listener]struct{})
		s.conns = make(map[*conn]struct{})
	})
}

func setDefault(d *time.Duration, value time.Duration) {
	if *d <= 0 {
		*d = value
	}
}
