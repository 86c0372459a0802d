package handler

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"mirror"
	"mirror/internal/gather"
	"mirror/internal/origin"
)

// sink is a client that takes everything and keeps nothing, so that a benchmark
// shows the handler alone.
type sink struct {
	header http.Header
	status int
	bytes  int64
	buf    []byte
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.bytes += int64(len(p)); return len(p), nil }

// ReadFrom reads as a connection does, without sendfile.
func (s *sink) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		m, err := r.Read(s.buf)
		n += int64(m)
		s.bytes += int64(m)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// hit has a file of size bytes published, and returns what answers one request for it.
func hit(tb testing.TB, size int) (serve func()) {
	r := newRig(tb, "")
	r.o.Set("/pool/main/a/a_1.0_amd64.deb", origin.File{Body: origin.Bytes(1, int64(size))})
	const target = "/m/pool/main/a/a_1.0_amd64.deb"
	r.bring("m/pool/main/a/a_1.0_amd64.deb")
	s := &sink{header: make(http.Header), buf: make([]byte, 64<<10)}
	req := httptest.NewRequest("GET", target, nil)
	req.RequestURI = target
	h := r.h.Builtin()
	return func() {
		clear(s.header)
		s.bytes = 0
		h.ServeHTTP(s, req)
		if s.status != 200 || s.bytes != int64(size) {
			tb.Fatalf("%d, %d bytes", s.status, s.bytes)
		}
	}
}

// BenchmarkHit is a file that is there, through the built-in front and without a
// network.
func BenchmarkHit(b *testing.B) {
	for _, c := range []struct {
		name string
		size int
	}{{"4KiB", 4 << 10}, {"1MiB", 1 << 20}} {
		b.Run(c.name, func(b *testing.B) {
			serve := hit(b, c.size)
			serve()
			b.ReportAllocs()
			for b.Loop() {
				serve()
			}
		})
	}
}

// front serves r's built-in front as the daemon does. wrap may change the writer of
// an answer.
func (r *rig) front(wrap func(http.ResponseWriter) http.ResponseWriter) (url string) {
	r.t.Helper()
	h := r.h.Builtin()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if wrap != nil {
			w = wrap(w)
		}
		h.ServeHTTP(w, req)
	}))
	server.Listener = gather.Listener(server.Listener)
	server.Config.ConnContext = gather.Context
	server.Start()
	r.t.Cleanup(server.Close)
	return server.URL
}

// get gets what a front has at url.
func (r *rig) get(url string) (*http.Response, []byte, error) {
	r.t.Helper()
	client := http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	resp, err := client.Get(url)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, b, err
}

// TestHits: files that were fetched, and as they are fetched, of the lengths at which
// they are sent in another way.
func TestHits(t *testing.T) {
	r := newRig(t, "")
	url := r.front(nil)
	for _, n := range []int64{0, 1, 4 << 10, gather.Small - 1, gather.Small, gather.Small + 1, 1 << 20} {
		content := origin.Bytes(uint64(n), n)
		name := fmt.Sprintf("/m/%d.deb", n)
		r.o.Set(name[2:], origin.File{Body: content})
		for _, how := range []string{"miss", "hit", "hit again"} {
			resp, b, err := r.get(url + name)
			if err != nil || resp.StatusCode != 200 || resp.ContentLength != n || !bytes.Equal(b, content) {
				t.Errorf("%s of %d bytes: %s, Content-Length %d, %d bytes, %v", how, n, resp.Status, resp.ContentLength, len(b), err)
			}
			r.bring(mirror.Name(name[1:]))
		}
	}
}

// TestHitReplaced: what somebody puts in the place of a file is served at once.
func TestHitReplaced(t *testing.T) {
	r := newRig(t, "")
	url := r.front(nil)
	var tags []string
	for i, n := range []int64{4 << 10, 4 << 10, 1 << 20, 3} {
		content := origin.Bytes(uint64(i), n)
		r.put("m/next", string(content))
		now := time.Unix(1e9+int64(i), 0)
		docroot := r.conf.Docroot + "/m/"
		if err := errors.Join(os.Chtimes(docroot+"next", now, now), os.Rename(docroot+"next", docroot+"a.deb")); err != nil {
			t.Fatal(err)
		}
		resp, b, err := r.get(url + "/m/a.deb")
		tag := resp.Header.Get("ETag")
		if err != nil || !bytes.Equal(b, content) || slices.Contains(tags, tag) || resp.Header.Get("Last-Modified") != now.UTC().Format(http.TimeFormat) {
			t.Errorf("file %d: %d bytes, %v, %v", i, len(b), resp.Header, err)
		}
		tags = append(tags, tag)
	}
}

// shrinking cuts a file once the header of its answer has been written.
type shrinking struct {
	http.ResponseWriter
	io.ReaderFrom
	shrink func()
}

func (s shrinking) Flush() { s.ResponseWriter.(http.Flusher).Flush() }

func (s shrinking) WriteHeader(status int) {
	s.ResponseWriter.WriteHeader(status)
	s.shrink()
}

// TestHitShrinks: of a file that somebody cuts short while it is sent, the client sees
// that it did not get all.
func TestHitShrinks(t *testing.T) {
	r := newRig(t, "")
	for _, n := range []int{4 << 10, 1 << 20} {
		for _, left := range []int{0, n / 2} {
			content := origin.Bytes(1, int64(n))
			r.put("m/a.deb", string(content))
			url := r.front(func(w http.ResponseWriter) http.ResponseWriter {
				return shrinking{w, w.(io.ReaderFrom), func() {
					if err := os.Truncate(r.conf.Docroot+"/m/a.deb", int64(left)); err != nil {
						t.Error(err)
					}
				}}
			})
			resp, b, err := r.get(url + "/m/a.deb")
			if !errors.Is(err, io.ErrUnexpectedEOF) || resp.ContentLength != int64(n) || !bytes.Equal(b, content[:left]) {
				t.Errorf("%d of %d bytes left: Content-Length %d, %d bytes, %v", left, n, resp.ContentLength, len(b), err)
			}
		}
	}
}
