package source

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// An http:// that should be an https://, or the other way round, is a likely mistake,
// and what comes of it says nothing of that: most servers that are spoken to in the clear
// where they expect TLS hang up.

const (
	// portWait bounds the question whether a port speaks TLS: it delays an error.
	portWait = time.Second
	// portHolds is for how long its answer holds: somebody may set the port right.
	portHolds = time.Minute
)

// scheme is what is known of the port of an http:// upstream.
type scheme struct {
	spoke atomic.Bool // it has answered as HTTP servers do: there is no question

	mu    sync.Mutex // held while the port is asked: others wait for the answer
	until time.Time  // guarded by mu: as long as tls holds
	tls   bool       // guarded by mu
}

// answers notes that the upstream speaks HTTP.
func (s *scheme) answers() {
	if !s.spoke.Load() {
		s.spoke.Store(true)
	}
}

// meant is behind what an upstream is said to have done, where that is a sign of the
// other scheme.
func (h *HTTP) meant(ctx context.Context, err error) string {
	var record tls.RecordHeaderError
	var asked *url.Error
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return ": this port does not speak TLS: http:// or another port is probably meant"
	case errors.As(err, &record):
		return ": this port does not speak TLS, nor HTTP: another port is probably meant"
	case errors.As(err, &asked) && isNoHTTP(err):
		if u, err := url.Parse(asked.URL); err == nil && u.Scheme == "http" && u.Host == h.base.Host {
			return h.meantTLS(ctx)
		}
	}
	return ""
}

// isNoHTTP reports whether what came for a request is what comes of who expects TLS: the
// end of the connection, or an alert.
func isNoHTTP(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "malformed HTTP")
}

// meantTLS is the same for an answer that has nothing of HTTP, or refuses to understand
// the request. The port is asked, unless it has answered before.
func (h *HTTP) meantTLS(ctx context.Context) string {
	if h.base.Scheme != "http" || h.scheme.spoke.Load() {
		return ""
	}
	h.scheme.mu.Lock()
	defer h.scheme.mu.Unlock()
	if now := time.Now(); now.After(h.scheme.until) {
		h.scheme.tls = h.speaksTLS(ctx)
		h.scheme.until = now.Add(portHolds)
	}
	if !h.scheme.tls {
		return ""
	}
	return ": this port speaks TLS: https:// is probably meant"
}

// speaksTLS asks the upstream's port. Nothing is told to it but that, and nothing that it
// says is believed.
func (h *HTTP) speaksTLS(ctx context.Context) bool {
	pool, ok := h.transport.(*http.Transport)
	if !ok || pool.DialContext == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, portWait)
	defer cancel()
	port := h.base.Port()
	if port == "" {
		port = "80"
	}
	conn, err := pool.DialContext(ctx, "tcp", net.JoinHostPort(h.base.Hostname(), port))
	if err != nil {
		return false
	}
	defer conn.Close()
	err = tls.Client(conn, &tls.Config{ServerName: h.base.Hostname(), InsecureSkipVerify: true}).HandshakeContext(ctx)
	var op *net.OpError
	return err == nil || errors.As(err, &op) && op.Op == "remote error" // an alert is TLS, too
}
