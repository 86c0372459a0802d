package fcgi

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// bulk is the size of the benchmarked answers: large against every buffer, small
// enough to stay in the page cache.
const bulk = 256 << 20

// handlers that answer with bulk bytes, as a handler of the mirror might.
func bulkHandlers(b *testing.B) map[string]Handler {
	path := filepath.Join(b.TempDir(), "file")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for range bulk / len(block) {
		if _, err := f.Write(block); err != nil {
			b.Fatal(err)
		}
	}
	return map[string]Handler{
		"File": func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
			w.Header().Set("Content-Length", "268435456")
			f, err := os.Open(path)
			if err != nil {
				panic(err)
			}
			defer f.Close()
			io.Copy(w, f)
		},
		"Write32K": func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
			w.Header().Set("Content-Length", "268435456")
			for n := 0; n < bulk; n += 32 << 10 {
				w.Write(block[:32<<10])
			}
		},
		"Write1M": func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
			w.Header().Set("Content-Length", "268435456")
			for n := 0; n < bulk; n += len(block) {
				w.Write(block)
			}
		},
	}
}

// BenchmarkSocket measures the answers on the unix socket itself, against a peer
// that only looks for the end.
func BenchmarkSocket(b *testing.B) {
	for name, h := range bulkHandlers(b) {
		b.Run(name, func(b *testing.B) {
			c := dial(b, start(b, &Server{Handler: h}))
			b.SetBytes(bulk)
			b.ReportAllocs()
			for b.Loop() {
				c.request(1, keepConn, "GET", "/")
				for {
					h, err := readHeader(c.in, &c.scratch)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := c.in.Discard(h.content + h.padding); err != nil {
						b.Fatal(err)
					}
					if h.kind == typeEnd {
						break
					}
				}
			}
		})
	}
}

// BenchmarkNginx measures them through nginx, which does not buffer.
func BenchmarkNginx(b *testing.B) {
	for name, h := range bulkHandlers(b) {
		b.Run(name, func(b *testing.B) {
			url := fronts["nginx"].run(b, start(b, &Server{Handler: h}))
			b.SetBytes(bulk)
			for b.Loop() {
				resp, err := browser(b).Get(url)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if n != bulk || err != nil {
					b.Fatalf("%d bytes, %v", n, err)
				}
			}
		})
	}
}

// BenchmarkSmall measures requests with small answers on a kept connection, with the
// parameters that nginx sends for a package manager.
func BenchmarkSmall(b *testing.B) {
	const uri = "/debian/pool/main/a/apt/apt_2.6.1_amd64.deb"
	params := []string{
		"QUERY_STRING", "", "REQUEST_METHOD", "GET", "CONTENT_TYPE", "", "CONTENT_LENGTH", "",
		"SCRIPT_NAME", uri, "REQUEST_URI", uri, "DOCUMENT_URI", uri, "DOCUMENT_ROOT", "/srv/mirror",
		"SERVER_PROTOCOL", "HTTP/1.1", "REQUEST_SCHEME", "http", "GATEWAY_INTERFACE", "CGI/1.1",
		"SERVER_SOFTWARE", "nginx/1.22.1", "REMOTE_ADDR", "192.0.2.1", "REMOTE_PORT", "40000",
		"SERVER_ADDR", "192.0.2.2", "SERVER_PORT", "80", "SERVER_NAME", "mirror.example.org", "REDIRECT_STATUS", "200",
		"MIRROR_URI", uri, "MIRROR_HANDOVER", "accel:/_mirror_ready", "MIRROR_STREAM", "1", "MIRROR_ETAG", "nginx",
		"HTTP_HOST", "mirror.example.org", "HTTP_USER_AGENT", "Debian APT-HTTP/1.3 (2.6.1)",
	}
	handler := func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Type", "application/vnd.debian.binary-package")
		h.Set("ETag", `"65f1a2b3-10"`)
		h.Set("Last-Modified", "Tue, 12 Nov 2024 10:21:00 GMT")
		h.Set("Accept-Ranges", "bytes")
		h.Set("Content-Length", "16")
		io.WriteString(w, "0123456789abcdef")
	}
	c := dial(b, start(b, &Server{Handler: handler}))
	b.ReportAllocs()
	for b.Loop() {
		c.begin(1, roleResponder, keepConn)
		c.params(1, params...)
		c.send(typeStdin, 1, nil)
		c.answer(1)
	}
}
