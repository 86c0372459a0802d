package source

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// metered is an upstream that gives each of its answers, or all of them together,
// so many bytes a second. What it lets out is dealt out at the same moment to all,
// after the time that has passed, so that a busy machine makes all slower alike.
type metered struct {
	t      testing.TB
	server *httptest.Server
	body   []byte
	each   int64 // bytes a second of an answer; 0: no limit
	all    int64 // bytes a second of all together; 0: no limit
	deny   bool  // it says that it knows no ranges
	stop   chan struct{}

	// instead answers in another way; it reports whether it has. n counts the
	// requests, from 0, running those that are being answered. It may be nil.
	instead func(w http.ResponseWriter, r *http.Request, n, running int) bool

	mu       sync.Mutex
	shared   chan int64 // what all have to share; nil: each gets its part
	until    int        // so many at a time set free; 0: they do not
	free     bool       // there are no limits any more: nothing else is to be seen
	paying   map[*reply]bool
	requests []*http.Request
	running  int
	serving  int   // those of them that are answered with bytes
	peak     int   // the most of these at a time
	sent     int64 // bytes of bodies
}

// reply is one body on its way.
type reply struct {
	http.ResponseWriter
	m     *metered
	r     *http.Request
	grant chan int64
	left  int64 // of what was granted
	cut   int64 // the connection breaks after so many bytes; 0: never
	stall int64 // nothing comes after so many bytes, until the client leaves; 0: never
	n     int64
}

// tick is how often bytes are let out.
const tick = 4 * time.Millisecond

// token is how much is let out at once of what all share, in bytes.
const token = 16 << 10

// Bytes of files: one that takes a second and a half at a slow rate, and one that
// lasts until a test has seen what it waits for, however busy the machine is.
const (
	aSize   = 16 << 20
	bigSize = 64 << 20
)

var aBody = sync.OnceValue(func() []byte { return origin.Bytes(7, bigSize) })

// newBig is an upstream of a file that takes a connection 20 seconds, unless letGo is
// called: by the test, or when there are so many connections.
func newBig(t testing.TB, until int, h2 bool) *metered {
	m := newMetered(t, bigSize/20, 0, h2)
	m.body, m.until = aBody(), until
	return m
}

// newLink is an upstream of which one connection gets as much as many.
func newLink(t testing.TB) *metered {
	m := newMetered(t, 0, bigSize/20, false)
	m.body = aBody()
	return m
}

func newMetered(t testing.TB, each, all int64, h2 bool) *metered {
	t.Helper()
	m := &metered{t: t, body: aBody()[:aSize], each: each, all: all, paying: make(map[*reply]bool), stop: make(chan struct{})}
	if all > 0 {
		m.shared = make(chan int64, 8)
	}
	m.server = httptest.NewUnstartedServer(m)
	if h2 {
		m.server.EnableHTTP2 = true
		m.server.StartTLS()
	} else {
		m.server.Start()
	}
	var done sync.WaitGroup
	done.Go(m.deal)
	t.Cleanup(func() {
		m.server.CloseClientConnections()
		close(m.stop)
		m.server.Close()
		done.Wait()
	})
	return m
}

// deal lets bytes out.
func (m *metered) deal() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last, due := time.Now(), 0.0
	for {
		select {
		case <-m.stop:
			return
		case <-ticker.C:
		}
		now := time.Now()
		passed := now.Sub(last).Seconds()
		last = now
		m.mu.Lock()
		for due += float64(m.all) * passed; m.shared != nil && due >= token; due -= token {
			select {
			case m.shared <- token:
			default:
			}
		}
		for a := range m.paying {
			if m.shared != nil && !m.free {
				break
			}
			rate := float64(m.each)
			if m.free {
				rate = 1e9
			}
			if m.all > 0 && !m.free {
				rate = float64(m.all) / float64(len(m.paying))
			}
			select {
			case a.grant <- int64(rate * passed):
			default: // it has not used what it got
			}
		}
		m.mu.Unlock()
	}
}

// letGo ends all limits.
func (m *metered) letGo() {
	m.mu.Lock()
	m.free = true
	m.mu.Unlock()
}

// letGoWhen does so once there is nothing more to be seen.
func (m *metered) letGoWhen(seen func() bool) {
	for !seen() {
		select {
		case <-m.stop:
			return
		case <-time.After(tick):
		}
	}
	m.letGo()
}

func (a *reply) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		most := int64(min(len(p), 256<<10))
		for _, mark := range []int64{a.cut, a.stall} {
			if mark > a.n {
				most = min(most, mark-a.n)
			}
		}
		if a.grant != nil && a.left == 0 {
			select {
			case a.left = <-a.grant:
			case a.left = <-a.m.shared:
			case <-a.r.Context().Done():
				panic(http.ErrAbortHandler)
			case <-a.m.stop:
				panic(http.ErrAbortHandler)
			}
			continue
		}
		if a.grant != nil {
			most = min(most, a.left)
			a.left -= most
		}
		k, err := a.ResponseWriter.Write(p[:most])
		if a.grant != nil || a.cut > 0 || a.stall > 0 {
			_ = http.NewResponseController(a.ResponseWriter).Flush()
		}
		a.n += int64(k)
		n += k
		a.m.mu.Lock()
		a.m.sent += int64(k)
		a.m.mu.Unlock()
		if err != nil {
			return n, err
		}
		switch a.n {
		case a.cut:
			panic(http.ErrAbortHandler)
		case a.stall:
			select {
			case <-a.r.Context().Done():
			case <-a.m.stop:
			}
			panic(http.ErrAbortHandler)
		}
		p = p[k:]
	}
	return n, nil
}

func (a *reply) WriteHeader(status int) {
	if a.m.deny {
		a.Header().Set("Accept-Ranges", "none")
	}
	a.ResponseWriter.WriteHeader(status)
}

func (m *metered) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	n, running := len(m.requests), m.running+1
	m.requests = append(m.requests, r)
	m.running++
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.running--
		m.mu.Unlock()
	}()
	w.Header().Set("ETag", `"seven"`)
	w.Header().Set("Content-Type", "application/octet-stream")
	if m.instead != nil && m.instead(w, r, n, running) {
		return
	}
	m.serve(&reply{ResponseWriter: w, r: r})
}

// serve answers with the file, or a range of it.
func (m *metered) serve(a *reply) {
	a.m = m
	m.mu.Lock()
	m.serving++
	m.peak = max(m.peak, m.serving)
	// Not before main is closed: what is fast has much under way.
	m.free = m.free || m.until > 0 && m.peak >= m.until && len(m.requests) >= 3*m.until+3
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.serving--
		m.mu.Unlock()
	}()
	if m.each > 0 || m.all > 0 {
		a.grant = make(chan int64, 4)
		m.mu.Lock()
		m.paying[a] = true
		m.mu.Unlock()
		defer func() {
			m.mu.Lock()
			delete(m.paying, a)
			m.mu.Unlock()
		}()
	}
	http.ServeContent(a, a.r, "", origin.Epoch, bytes.NewReader(m.body))
}

// source is a new source of the upstream, as if in a process of its own.
func (m *metered) source() *HTTP {
	m.t.Helper()
	u, err := url.Parse(m.server.URL + "/")
	if err != nil {
		m.t.Fatal(err)
	}
	o := HTTPOptions{Idle: 20 * time.Second, Configured: map[string]bool{u.Host: true}}
	if m.server.TLS != nil {
		roots := m.server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		o.TLS = &tls.Config{RootCAs: roots}
	}
	first, extra := NewTransport(o), NewExtraTransport(o)
	o.Extra = extra
	m.t.Cleanup(first.CloseIdleConnections)
	m.t.Cleanup(extra.CloseIdleConnections)
	h := NewHTTP(u, first, o)
	h.slice = 4 * sliceLeast // what a busy machine does meanwhile counts for less
	return h
}

// unnamed is Extra.Scratch.
func unnamed(t testing.TB) (*os.File, error) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err == nil {
		err = os.Remove(f.Name())
	}
	return f, err
}

// told is what became of a fetch.
type told struct {
	err      error
	requests []*http.Request
	peak     int
	twice    int64 // bytes that were sent more than once, or in vain
}

// fetch fetches the file from h, and holds what came to what it should be: all of
// it, or a beginning and an error.
func (m *metered) fetch(h *HTTP, name mirror.Name, have int64, change func(*Request)) told {
	m.t.Helper()
	m.mu.Lock()
	m.requests, m.peak, m.sent = nil, 0, 0
	m.mu.Unlock()
	file, err := os.CreateTemp(m.t.TempDir(), "")
	if err != nil {
		m.t.Fatal(err)
	}
	defer file.Close()
	r := Request{Path: name, Extra: &Extra{Connections: 4, Scratch: func() (*os.File, error) { return unnamed(m.t) }}, Start: func(mirror.Meta) (*os.File, error) { return file, nil }, Wrote: func(int) {}}
	if have > 0 {
		if _, err := file.Write(m.body[:have]); err != nil {
			m.t.Fatal(err)
		}
		r.Part, r.SameUpstream = file, true
		r.Have = mirror.Meta{Size: int64(len(m.body)), ETag: `"seven"`}
	}
	if change != nil {
		change(&r)
	}
	_, err = h.Fetch(m.t.Context(), r)
	got, err2 := os.ReadFile(file.Name())
	if err2 != nil {
		m.t.Fatal(err2)
	}
	if !bytes.HasPrefix(m.body, got) {
		m.t.Fatalf("what came (%d bytes, error %v) is no beginning of the file", len(got), err)
	}
	if err == nil && len(got) != len(m.body) {
		m.t.Fatalf("%d of %d bytes, and no error", len(got), len(m.body))
	}
	if h.tolerance.running != 0 {
		m.t.Errorf("%d extra connections are still counted after the fetch", h.tolerance.running)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return told{err, m.requests, m.peak, m.sent - (int64(len(got)) - have)}
}

// ranged is how many of the requests asked for a range.
func (d told) ranged() (n int) {
	for _, r := range d.requests {
		if r.Header.Get("Range") != "" {
			n++
		}
	}
	return n
}

// mayComeTwice is how many bytes may: what each connection that was given up had in its
// sockets. That is main, and those that are asked again for the rest of a range; on a
// busy machine one that flows may take as long as one that stalls.
func (d told) mayComeTwice() int64 {
	var again int64
	for i, r := range d.requests {
		from, _, ok := spanOf(r)
		for _, before := range d.requests[:i] {
			// Main is asked for all, and that is taken over by others.
			first, last, ranged := spanOf(before)
			if ok && ranged && first <= from && from <= last && last-first < bigSize/2 {
				again++
				break
			}
		}
	}
	return underway * (1 + again)
}

func (m *metered) span(r *http.Request) (from, to int64, ok bool) { return spanOf(r) }

// spanOf is the range that r asks for.
func spanOf(r *http.Request) (from, to int64, ok bool) {
	n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &from, &to)
	return from, to, n == 2
}

// partial is a 206 that says this of itself, whatever it is.
func partial(w http.ResponseWriter, first, last, total int64, length int) {
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, total))
	w.Header().Set("Content-Length", strconv.Itoa(length))
	w.WriteHeader(http.StatusPartialContent)
}
