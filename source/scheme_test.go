package source

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"mirror"
	"mirror/internal/origin"
)

// wrongPort is a server that does with each connection what conn says, and how many
// connections it had.
func wrongPort(t *testing.T, conn func(net.Conn)) (addr string, had *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	had = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			had.Add(1)
			conn(c)
			c.Close()
		}
	}()
	return l.Addr().String(), had
}

func private(o *HTTPOptions) { o.RedirectToPrivate = true }

// TestScheme: what comes of the wrong scheme says so, whatever the server makes of it.
func TestScheme(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	handshake := func(c net.Conn) { _ = tls.Server(c, secure.TLS).Handshake() }
	reads := func(then string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, then)
		}
	}
	// Alerts: "handshake failure", and "unexpected message" as those send it who do not
	// look at what came.
	alert, _ := wrongPort(t, reads("\x15\x03\x01\x00\x02\x02\x28"))
	lines, _ := wrongPort(t, reads("\x15\x03\x03\x00\x02\x02\x0a"))
	resets, _ := wrongPort(t, handshake)
	abrupt, had := wrongPort(t, reads(""))
	refuses, _ := wrongPort(t, reads("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
	ssh, _ := wrongPort(t, reads("SSH-2.0-OpenSSH_9.7\r\n"))
	plain := origin.New(t)
	const https = "this port speaks TLS: https:// is probably meant"
	for name, c := range map[string]struct{ url, says string }{
		"TLS, and a page that says so":  {"http://" + secure.Listener.Addr().String(), https},
		"TLS, and an end":               {"http://" + resets, https},
		"TLS, and an alert":             {"http://" + alert, https},
		"TLS, and an alert with a line": {"http://" + lines, https},
		"HTTP, and an end":              {"http://" + abrupt, ""},
		"HTTP, and 400":                 {"http://" + refuses, ""},
		"neither":                       {"http://" + ssh, ""},
		"HTTP where TLS is expected":    {strings.Replace(plain.URL, "http:", "https:", 1), "this port does not speak TLS: http:// or another port is probably meant"},
		"neither where TLS is expected": {"https://" + ssh, "this port does not speak TLS, nor HTTP: another port is probably meant"},
	} {
		t.Run(name, func(t *testing.T) {
			h := over(t, c.url+"/", private)
			_, fetched := h.Fetch(t.Context(), newAttempt(t, "a", nil).Request)
			_, asked := h.Stat(t.Context(), "a")
			_, listed := h.List(t.Context(), "", nil)
			for _, err := range []error{fetched, asked, listed} {
				if !errors.Is(err, mirror.ErrBroken) {
					t.Errorf("not broken: %v", err)
				} else if says := strings.HasSuffix(err.Error(), "s probably meant"); says != (c.says != "") || !strings.HasSuffix(err.Error(), c.says) {
					t.Errorf("%v: does not end with %q", err, c.says)
				}
			}
		})
	}
	if n := had.Load(); n > 7 { // three requests, each twice, and one question
		t.Errorf("who hangs up had %d connections", n)
	}
}

// TestSchemeOfOne: an upstream that has answered is not asked what it speaks when a
// connection breaks.
func TestSchemeOfOne(t *testing.T) {
	first := true
	addr, had := wrongPort(t, func(c net.Conn) {
		_, _ = c.Read(make([]byte, 4096))
		if first {
			first = false
			_, _ = io.WriteString(c, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
	})
	h := over(t, "http://"+addr+"/", private)
	if _, err := h.Stat(t.Context(), "a"); !errors.Is(err, mirror.ErrNotFound) {
		t.Error(err)
	}
	before := had.Load()
	if _, err := h.Stat(t.Context(), "a"); !errors.Is(err, mirror.ErrBroken) {
		t.Error(err)
	}
	if n := had.Load() - before; n != 2 { // twice, at once
		t.Errorf("a request had %d connections", n)
	}
}
