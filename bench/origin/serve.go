// Package origin is the upstream of the benchmark: a small HTTP server of
// synthetic files, in a process of its own, so that its work and memory are not
// taken for a contestant's. It counts what it is asked for, and can be as slow
// as a distant server.
package origin

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"mirror/bench/content"
	"mirror/internal/loopback"
)

// modified is the Last-Modified of all files: long ago, so that it is a strong
// validator, and no cache takes the files for fresh ones.
var modified = time.Date(2020, 2, 2, 20, 20, 20, 0, time.UTC)

// pace is how many bytes are written between two looks at the clock where the
// rate is limited: at 20 MB/s some 150 a second.
const pace = 128 << 10

// server is the origin in its own process.
type server struct {
	counts tally
	rate   atomic.Int64 // bytes a second of each connection; 0: no limit
	delay  atomic.Int64 // nanoseconds before the header
	line   line
	suites suites
}

// Main is the program of the origin's process: it says on out where it listens,
// files first, then control, and serves until in ends, which it does when the
// parent process does, however that ended.
func Main(in io.Reader, out io.Writer) error {
	s := new(server)
	failed := make(chan error, 3)
	_, files := loopback.Address() // apt-cacher-ng asks no ports above 32767
	for _, at := range []struct {
		addr    string
		handler http.Handler
	}{{files, http.HandlerFunc(s.file)}, {"127.0.0.1:0", s.control()}} {
		l, err := net.Listen("tcp", at.addr)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, l.Addr())
		go func() { failed <- (&http.Server{Handler: at.handler}).Serve(l) }()
	}
	go func() {
		_, err := io.Copy(io.Discard, in)
		failed <- err
	}()
	return <-failed
}

// file answers with a synthetic file. What RFC 9110 says of ranges and
// conditions is net/http's to do.
func (s *server) file(w http.ResponseWriter, r *http.Request) {
	if s.directory(w, r) || s.suite(w, r) {
		return
	}
	f, err := content.Of(r.URL.Path)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	time.Sleep(time.Duration(s.delay.Load()))
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("ETag", fmt.Sprintf(`"%s"`, strings.ReplaceAll(r.URL.Path, "/", "-")))
	out := &writer{ResponseWriter: w, path: r.URL.Path, counts: &s.counts, rate: s.rate.Load(), line: &s.line}
	http.ServeContent(out, r, "", modified, content.NewReader(f))
}

// writer counts, limits the rate, and writes the blocks of a content.Reader as
// they are instead of copying them through a smaller buffer.
type writer struct {
	http.ResponseWriter
	path   string
	counts *tally
	rate   int64 // bytes a second; 0: no limit
	line   *line
}

// WriteHeader counts before anything leaves: whoever has the last byte finds
// its own request counted.
func (w *writer) WriteHeader(code int) {
	var length int64
	_, _ = fmt.Sscan(w.Header().Get("Content-Length"), &length) // absent: nothing is promised
	w.counts.add(w.path, Count{Requests: 1, Asked: length})
	w.ResponseWriter.WriteHeader(code)
}

// ReadFrom is what http.ServeContent ends in, through io.CopyN.
func (w *writer) ReadFrom(src io.Reader) (total int64, err error) {
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		return 0, fmt.Errorf("the body is a %T", src)
	}
	blocks, ok := limited.R.(*content.Reader)
	if !ok {
		return 0, fmt.Errorf("the body is a limited %T", limited.R)
	}
	start := time.Now()
	for limited.N > 0 {
		most := limited.N
		if w.rate > 0 {
			most = min(most, pace)
		}
		b := blocks.Next(most)
		w.counts.add(w.path, Count{Sent: int64(len(b))}) // before: as with WriteHeader
		n, err := w.Write(b)
		if n < len(b) {
			w.counts.add(w.path, Count{Sent: int64(n - len(b))})
		}
		total += int64(n)
		limited.N -= int64(n)
		if err != nil || n == 0 {
			return total, err
		}
		if w.rate > 0 {
			due := time.Duration(float64(total) / float64(w.rate) * float64(time.Second))
			time.Sleep(time.Until(start.Add(due)))
		}
		time.Sleep(time.Until(w.line.take(n)))
	}
	return total, nil
}

// IsOrigin reports whether this process was started to be the origin.
func IsOrigin() bool { return len(os.Args) == 2 && os.Args[1] == argument }

// argument makes the benchmark's own binary the origin.
const argument = "-be-the-origin"
