package origin

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

// Request is one request that reached the origin, and how it was answered.
type Request struct {
	Method string
	Target string // the raw request target, byte for byte
	Path   string // decoded
	Range  string // header Range, "" if none
	Header http.Header
	Host   string
	Proto  string // "HTTP/1.1", "HTTP/2.0"

	Start  time.Time
	End    time.Time // zero while it runs
	Status int       // 0 as long as no header was sent
	Sent   int64     // bytes of body handed to the connection
}

// recorder keeps what was asked, in the order of arrival.
type recorder struct {
	mu       sync.Mutex // guards all below, and every *Request in list
	list     []*Request
	running  int
	peak     int
	watchers []watcher
}

// watcher waits for the n-th request of a path to arrive.
type watcher struct {
	path string
	n    int
	ch   chan Request
}

func (r *recorder) begin(req *http.Request) *Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	entry := &Request{
		Method: req.Method,
		Target: req.RequestURI,
		Path:   req.URL.Path,
		Range:  req.Header.Get("Range"),
		Header: req.Header.Clone(),
		Host:   req.Host,
		Proto:  req.Proto,
		Start:  time.Now(),
	}
	r.list = append(r.list, entry)
	r.running++
	r.peak = max(r.peak, r.running)
	r.watchers = slices.DeleteFunc(r.watchers, r.notify)
	return entry
}

func (r *recorder) end(entry *Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	entry.End = time.Now()
	r.running--
}

func (r *recorder) status(entry *Request, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	entry.Status = status
}

func (r *recorder) sent(entry *Request, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	entry.Sent += int64(n)
}

// notify sends w its request if that has arrived. Caller holds r.mu.
func (r *recorder) notify(w watcher) bool {
	n := 0
	for _, entry := range r.list {
		if w.path == Everywhere || w.path == entry.Path {
			if n++; n == w.n {
				w.ch <- *entry
				return true
			}
		}
	}
	return false
}

// Requests are copies of all requests so far, in the order of their arrival.
func (o *Origin) Requests() []Request {
	o.records.mu.Lock()
	defer o.records.mu.Unlock()
	list := make([]Request, len(o.records.list))
	for i, entry := range o.records.list {
		list[i] = *entry
	}
	return list
}

// Count is how often path (or Everywhere) was asked by method; "" is any.
func (o *Origin) Count(path, method string) int {
	n := 0
	for _, r := range o.Requests() {
		if (path == Everywhere || path == r.Path) && (method == "" || method == r.Method) {
			n++
		}
	}
	return n
}

// Sent is how many bytes of body left for path (or Everywhere) in all: the size
// of the file if each byte was asked for once. Bytes lost in a connection that
// broke are counted too.
func (o *Origin) Sent(path string) int64 {
	var n int64
	for _, r := range o.Requests() {
		if path == Everywhere || path == r.Path {
			n += r.Sent
		}
	}
	return n
}

// Peak is the largest number of requests that ran at the same time.
func (o *Origin) Peak() int {
	o.records.mu.Lock()
	defer o.records.mu.Unlock()
	return o.records.peak
}

// Arrived receives the n-th request (from 1) for path, or of all for
// Everywhere, as soon as it has arrived; at once if it has already.
func (o *Origin) Arrived(path string, n int) <-chan Request {
	o.records.mu.Lock()
	defer o.records.mu.Unlock()
	w := watcher{path: path, n: n, ch: make(chan Request, 1)}
	if !o.records.notify(w) {
		o.records.watchers = append(o.records.watchers, w)
	}
	return w.ch
}

// patience is how long Await waits. Only a failing test ever takes as long.
const patience = 20 * time.Second

// Await is Arrived that fails the test when the request does not come.
func (o *Origin) Await(path string, n int) Request {
	o.t.Helper()
	select {
	case r := <-o.Arrived(path, n):
		return r
	case <-time.After(patience):
		o.t.Fatalf("origin: request %d for %q did not come within %v", n, path, patience)
		return Request{}
	}
}

// Forget drops all records, so that a test can count from here.
func (o *Origin) Forget() {
	o.records.mu.Lock()
	defer o.records.mu.Unlock()
	o.records.list = nil
	o.records.peak = o.records.running
}
