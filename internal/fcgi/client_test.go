package fcgi

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience bounds every wait of these tests; none of them waits for it to pass.
const patience = 10 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs s on a unix socket until the test ends and returns its path.
func start(t testing.TB, s *Server) string {
	t.Helper()
	return startOn(t, s, func(l net.Listener) net.Listener { return l })
}

// startOn is start with a listener of the test's making.
func startOn(t testing.TB, s *Server, wrap func(net.Listener) net.Listener) string {
	t.Helper()
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(wrap(l)) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return path
}

// client is a web server's side of a connection, written by hand so that it can
// also say what no web server would.
type client struct {
	t testing.TB
	net.Conn
	in      *bufio.Reader
	scratch [headerLen]byte
}

func dial(t testing.TB, path string) *client {
	t.Helper()
	nc, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return &client{t: t, Conn: nc, in: bufio.NewReaderSize(nc, 1<<17)}
}

// send sends one record, padded as nginx does it.
func (c *client) send(kind recordType, id uint16, content []byte) {
	c.t.Helper()
	b := appendHeader(nil, kind, id, len(content))
	b[6] = byte(-len(content) & 7)
	b = append(b, content...)
	b = append(b, make([]byte, b[6])...)
	if _, err := c.Write(b); err != nil {
		c.t.Fatalf("sending record type %d: %v", kind, err)
	}
}

const keepConn = flagKeepConn

func (c *client) begin(id uint16, role uint16, flags byte) {
	c.t.Helper()
	body := binary.BigEndian.AppendUint16(nil, role)
	c.send(typeBegin, id, append(body, flags, 0, 0, 0, 0, 0))
}

func (c *client) params(id uint16, pairs ...string) {
	c.t.Helper()
	var b []byte
	for i := 0; i < len(pairs); i += 2 {
		b = appendPair(b, pairs[i], pairs[i+1])
	}
	if len(b) > 0 {
		c.send(typeParams, id, b)
	}
	c.send(typeParams, id, nil)
}

// request sends a whole request without a body.
func (c *client) request(id uint16, flags byte, method, uri string) {
	c.t.Helper()
	c.begin(id, roleResponder, flags)
	c.params(id, "REQUEST_METHOD", method, "REQUEST_URI", uri)
	c.send(typeStdin, id, nil)
}

// record reads one record.
func (c *client) record() (header, []byte, error) {
	h, err := readHeader(c.in, &c.scratch)
	if err != nil {
		return h, nil, err
	}
	content := make([]byte, h.content)
	if _, err := io.ReadFull(c.in, content); err != nil {
		return h, nil, err
	}
	_, err = c.in.Discard(h.padding)
	return h, content, err
}

// answer is all that came for one request.
type answer struct {
	head, body string
	app        uint32
	protocol   protocolStatus
}

// answer reads records until the request id ends.
func (c *client) answer(id uint16) answer {
	c.t.Helper()
	var out strings.Builder
	for {
		h, content, err := c.record()
		if err != nil {
			c.t.Fatalf("reading the answer: %v, after %.300q", err, out.String())
		}
		if h.id != id {
			c.t.Fatalf("a record for request %d while waiting for %d", h.id, id)
		}
		switch h.kind {
		case typeStdout:
			out.Write(content)
		case typeEnd:
			a := answer{app: binary.BigEndian.Uint32(content), protocol: protocolStatus(content[4])}
			a.head, a.body, _ = strings.Cut(out.String(), "\r\n\r\n")
			return a
		default:
			c.t.Fatalf("a record of type %d in an answer", h.kind)
		}
	}
}

// wantClosed checks that nothing comes any more but the end.
func (c *client) wantClosed() {
	c.t.Helper()
	if h, _, err := c.record(); err == nil {
		c.t.Errorf("a record of type %d instead of the connection's end", h.kind)
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Error("the connection stays open")
	}
}

// wait waits for ch to be closed or to get a value.
func wait[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatalf("%s: not within %v", what, patience)
		panic("not reached")
	}
}
