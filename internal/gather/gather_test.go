package gather

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sys/unix"
)

// client has one connection to a server of h.
type client struct {
	t    *testing.T
	conn *net.TCPConn
	http *http.Client
}

func newClient(t *testing.T, h http.HandlerFunc) *client {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Listener = Listener(server.Listener)
	server.Config.ConnContext = Context
	server.Start()
	t.Cleanup(server.Close)
	c := &client{t: t}
	dialed := 0
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if dialed++; dialed > 1 {
			return nil, errors.New("the server has closed the connection")
		}
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err == nil {
			c.conn = conn.(*net.TCPConn)
		}
		return conn, err
	}}
	t.Cleanup(transport.CloseIdleConnections)
	c.http = &http.Client{Transport: transport, Timeout: 20 * time.Second}
	return c
}

func (c *client) ask(method, path string, header ...string) (*http.Response, []byte, error) {
	c.t.Helper()
	req, err := http.NewRequest(method, "http://one.example"+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

// packets returns how many with data have come in.
func (c *client) packets() uint32 {
	c.t.Helper()
	raw, err := c.conn.SyscallConn()
	if err != nil {
		c.t.Fatal(err)
	}
	var info *unix.TCPInfo
	var err2 error
	err = raw.Control(func(fd uintptr) { info, err2 = unix.GetsockoptTCPInfo(int(fd), syscall.IPPROTO_TCP, unix.TCP_INFO) })
	if err := errors.Join(err, err2); err != nil {
		c.t.Fatal(err)
	}
	return info.Data_segs_in
}

func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>8 ^ i)
	}
	return b
}

// serve answers with content of the length in the path.
func serve(w http.ResponseWriter, r *http.Request) {
	var n int
	if _, err := fmt.Sscanf(r.URL.Path, "/%d", &n); err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Etag", `"a"`)
	w, release := Hold(r.Context(), w)
	defer release()
	http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(content(n)))
}

// TestWhole: answers of any length, one after the other on one connection.
func TestWhole(t *testing.T) {
	c := newClient(t, serve)
	for _, n := range []int{0, 1, 511, 512, 513, 2048, 4 << 10, Small - 1, Small, Small + 1, Small + headRoom, 4 * Small, 1} {
		resp, b, err := c.ask("GET", fmt.Sprint("/", n))
		if err != nil || resp.StatusCode != 200 || resp.ContentLength != int64(n) || !bytes.Equal(b, content(n)) {
			t.Errorf("%d bytes: %s, Content-Length %d, %d bytes, %v", n, resp.Status, resp.ContentLength, len(b), err)
		}
	}
}

// TestOnePacket: header and body of a small answer leave together, and with every
// other kind of answer there is nothing left behind for the next.
func TestOnePacket(t *testing.T) {
	c := newClient(t, serve)
	for _, a := range []struct {
		method, path string
		header       []string
		status       int
		body         []byte
	}{
		{"GET", "/4096", nil, 200, content(4096)},
		{"GET", "/0", nil, 200, nil},
		{"HEAD", "/4096", nil, 200, nil},
		{"GET", "/4096", []string{"If-None-Match", `"a"`}, 304, nil},
		{"GET", "/4096", []string{"If-Match", `"b"`}, 412, nil},
		{"GET", "/4096", []string{"Range", "bytes=1000-2999"}, 206, content(4096)[1000:3000]},
		{"GET", "/1000000", []string{"Range", "bytes=70000-73999"}, 206, content(1000000)[70000:74000]},
		{"GET", "/4096", []string{"Range", "bytes=5000-"}, 416, []byte("invalid range: failed to overlap\n")},
		{"GET", "/32768", nil, 200, content(32768)},
	} {
		before := uint32(0)
		if c.conn != nil {
			before = c.packets()
		}
		resp, b, err := c.ask(a.method, a.path, a.header...)
		if err != nil || resp.StatusCode != a.status || !bytes.Equal(b, a.body) || len(resp.TransferEncoding) > 0 {
			t.Errorf("%s %s %v: %s, %d bytes, %v, %v", a.method, a.path, a.header, resp.Status, len(b), resp.TransferEncoding, err)
		}
		if n := c.packets() - before; n != 1 {
			t.Errorf("%s %s %v: %d packets", a.method, a.path, a.header, n)
		}
	}
}

// TestBreaksOff: of a body that cannot be read to its end the client gets what there
// was, and sees that it is not all.
func TestBreaksOff(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name   string
		reader io.Reader
	}{
		{"error", io.MultiReader(bytes.NewReader(content(3000)), iotest.ErrReader(broken))},
		{"end", bytes.NewReader(content(3000))},
		{"nothing", iotest.ErrReader(broken)},
	} {
		client := newClient(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "4096")
			w, release := Hold(r.Context(), w)
			defer release()
			w.WriteHeader(200)
			_, _ = io.CopyN(w, c.reader, 4096)
		})
		_, b, err := client.ask("GET", "/")
		want := content(3000)
		if c.name == "nothing" {
			want = nil
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(b, want) {
			t.Errorf("%s: %d bytes, %v", c.name, len(b), err)
		}
	}
}

// TestRelease: what a handler writes by itself while it holds leaves when it lets go,
// also when it panics.
func TestRelease(t *testing.T) {
	long := strings.Repeat("x", 2*Small)
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		w, release := Hold(r.Context(), w)
		defer release()
		text := "short"
		if r.URL.Path == "/long" {
			text = long
		}
		_, _ = io.WriteString(w, text)
		w.(http.Flusher).Flush()
		if r.URL.Path == "/panic" {
			panic(http.ErrAbortHandler)
		}
	})
	for path, want := range map[string]string{"/short": "short", "/long": long} {
		if _, b, err := c.ask("GET", path); err != nil || string(b) != want {
			t.Errorf("%s: %d bytes, %v", path, len(b), err)
		}
	}
	if _, b, err := c.ask("GET", "/panic"); err == nil || string(b) != "short" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestOtherConnections: elsewhere there is nothing to hold.
func TestOtherConnections(t *testing.T) {
	rec := httptest.NewRecorder()
	w, release := Hold(t.Context(), rec)
	defer release()
	if w != http.ResponseWriter(rec) {
		t.Errorf("%T", w)
	}
}
