package source

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirror"
	"mirror/internal/loopback"
)

// TestBreaksInHeader: a connection that breaks before the header is whole is no answer, and
// another one is tried at once, but no third. What is refused or no HTTP is not asked again.
func TestBreaksInHeader(t *testing.T) {
	const good = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: \"one\"\r\n\r\nbody"
	for _, test := range []struct {
		name    string
		answers []string // to one connection after the other, each closed after that
		kind    error    // nil: the file comes
		asked   int32
	}{
		{"not at all", []string{good}, nil, 1},
		{"before its first byte", []string{"", good}, nil, 2},
		{"in its status line", []string{good[:12], good}, nil, 2},
		{"in the middle", []string{good[:30], good}, nil, 2},
		{"before its empty line", []string{good[:len(good)-6], good}, nil, 2},
		{"twice", []string{good[:30], "", good}, mirror.ErrBroken, 2},
		{"no HTTP", []string{"what?\r\n\r\n", good}, mirror.ErrBroken, 1},
		{"404", []string{"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", good}, mirror.ErrNotFound, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			addr, asked := serving(t, test.answers)
			h := over(t, "http://"+addr+"/", func(o *HTTPOptions) { o.Configured = map[string]bool{addr: true} })
			a := newAttempt(t, "a", nil)
			if test.kind == nil {
				a.succeeds(h, []byte("body"))
			} else if _, err := h.Fetch(t.Context(), a.Request); !errors.Is(err, test.kind) {
				t.Errorf("%v, want %v", err, test.kind)
			}
			if n := asked.Load(); n != test.asked {
				t.Errorf("asked %d times, want %d", n, test.asked)
			}
		})
	}
	for what, ask := range map[string]func(*HTTP) error{
		"Range": func(h *HTTP) error {
			body, err := h.Range(t.Context(), "a", 0, 3, mirror.Meta{Size: 4, ETag: `"one"`})
			if err == nil {
				body.Close()
			}
			return err
		},
		"Stat": func(h *HTTP) error { _, err := h.Stat(t.Context(), "a"); return err },
		"List": func(h *HTTP) error { _, err := h.List(t.Context(), "d", nil); return err },
	} {
		page := "<html><head><title>Index of /d/</title></head><body><pre><a href=\"../\">../</a>\n<a href=\"a\">a</a>  12-Nov-2024 10:21  4\n</pre></body></html>"
		answer := good
		if what == "List" {
			answer = fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", len(page), page)
		}
		addr, asked := serving(t, []string{answer[:30], answer})
		h := over(t, "http://"+addr+"/", func(o *HTTPOptions) { o.Configured = map[string]bool{addr: true} })
		if err := ask(h); err != nil || asked.Load() != 2 {
			t.Errorf("%s: %v, asked %d times", what, err, asked.Load())
		}
	}
}

// tlsHandshake is the first byte of who only wants to know whether a server that breaks off
// speaks TLS: that asks for nothing.
const tlsHandshake = 22

// serving is a server that answers one connection after the other with these texts, and
// closes each after it; it counts the requests.
func serving(t *testing.T, texts []string) (addr string, asked *atomic.Int32) {
	t.Helper()
	_, addr = loopback.Address()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	asked = new(atomic.Int32)
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, text := range texts {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			var request strings.Builder
			b := make([]byte, 4096)
			for !strings.HasSuffix(request.String(), "\r\n\r\n") {
				n, err := conn.Read(b)
				if request.Write(b[:n]); err != nil || b[0] == tlsHandshake {
					break
				}
			}
			if request.Len() > 0 && request.String()[0] != tlsHandshake {
				asked.Add(1)
			}
			io.WriteString(conn, text)
			conn.Close()
		}
	})
	t.Cleanup(wg.Wait)
	t.Cleanup(func() { l.Close() })
	return l.Addr().String(), asked
}
