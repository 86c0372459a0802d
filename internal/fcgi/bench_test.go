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

// BenchmarkSmall measures requests with small answers on a kept connection.
func BenchmarkSmall(b *testing.B) {
	c := dial(b, start(b, &Server{Handler: echo}))
	b.ReportAllocs()
	for b.Loop() {
		c.request(1, keepConn, "GET", "/debian/pool/main/a/apt/apt_2.6.1_amd64.deb")
		c.answer(1)
	}
}
