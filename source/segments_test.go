package source

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// slow is the rate of a connection, in bytes a second, at which the file takes
	// a second and a half.
	slow = aSize * 2 / 3

	// underway is how much a connection may have in its sockets when it is closed,
	// in bytes.
	underway = 3 << 20
)

// TestSegmentsCount: where each connection is slow, there are as many as are
// allowed, and each byte comes once.
func TestSegmentsCount(t *testing.T) {
	t.Parallel()
	for _, most := range []int{1, 2, 3, 4, 8, 16} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			m := newBig(t, most, false)
			if most == 1 {
				m = newMetered(t, slow, 0, false)
			}
			d := m.fetch(m.source(), "f", 0, func(r *Request) { r.Extra.Connections = most })
			if d.err != nil {
				t.Fatal(d.err)
			}
			if d.peak != most {
				t.Errorf("%d connections at a time, want %d", d.peak, most)
			}
			if d.twice > d.mayComeTwice() {
				t.Errorf("%d bytes came twice", d.twice)
			}
			if most == 1 && (len(d.requests) != 1 || d.twice != 0) {
				t.Errorf("%d requests, %d bytes twice", len(d.requests), d.twice)
			}
		})
	}
}

// TestSegmentsResume: what is at hand is gone on with in the same way.
func TestSegmentsResume(t *testing.T) {
	t.Parallel()
	m := newBig(t, 4, false)
	d := m.fetch(m.source(), "f", 5<<20+12345, nil)
	if d.err != nil || d.peak != 4 || d.twice > d.mayComeTwice() {
		t.Errorf("%d connections, %d bytes twice, %v", d.peak, d.twice, d.err)
	}
}

// TestSegmentsHTTP2: all requests of HTTP/2 would share one connection.
func TestSegmentsHTTP2(t *testing.T) {
	t.Parallel()
	m := newBig(t, 4, true)
	d := m.fetch(m.source(), "f", 0, nil)
	// The end of a stream may be noticed late.
	if d.err != nil || d.peak < 4 || d.peak > 5 {
		t.Errorf("%d connections, %v", d.peak, d.err)
	}
	for i, r := range d.requests {
		want := 1
		if i == 0 {
			want = 2
		}
		if r.ProtoMajor != want {
			t.Fatalf("request %d (%s) is %s", i, r.Header.Get("Range"), r.Proto)
		}
	}
}

// TestSegmentsNone: where one connection has to do, one it is, and nothing is asked
// for twice.
func TestSegmentsNone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		each    int64
		deny    bool
		instead func(w http.ResponseWriter, r *http.Request, n, running int) bool
		change  func(*Request)
	}{
		"fast":      {each: 0},
		"refused":   {each: slow, change: func(r *Request) { r.Extra.Connections = 1 }},
		"no ranges": {each: slow, deny: true},
		"no validator": {each: slow, instead: func(w http.ResponseWriter, _ *http.Request, _, _ int) bool {
			w.Header().Set("ETag", `W/"seven"`)
			w.Header()["Date"] = nil // without it, Last-Modified tells nothing
			return false
		}},
		"no slot":        {each: slow, change: func(r *Request) { r.Extra.Slot = func() (func(), bool) { return nil, false } }},
		"little is left": {each: slow / 8, change: func(r *Request) { r.MaxSize = aSize }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMetered(t, c.each, 0, false)
			m.instead, m.deny = c.instead, c.deny
			var have int64
			if name == "little is left" {
				have = aSize - 1<<20
			}
			d := m.fetch(m.source(), "f", have, c.change)
			if d.err != nil || len(d.requests) != 1 {
				t.Errorf("%d requests, %v", len(d.requests), d.err)
			}
		})
	}
}

// TestSegmentsLink: where all connections together are limited, one is enough, and
// that is remembered.
func TestSegmentsLink(t *testing.T) {
	t.Parallel()
	missing := ""
	for range 3 { // on a busy machine a measurement may be wrong, and seldom all are
		m := newLink(t)
		h := m.source()
		useless := func() bool { return !h.tolerance.promising(time.Now()) }
		go m.letGoWhen(useless)
		d := m.fetch(h, "f", 0, nil)
		if d.err != nil {
			t.Fatal(d.err)
		}
		if useless() && d.peak <= 2 && d.ranged() <= 2 && d.twice <= 2*segmentSize+underway {
			return
		}
		missing = fmt.Sprintf("%d connections, %d ranges, %d bytes twice; not tried again at once: %v", d.peak, d.ranged(), d.twice, useless())
	}
	t.Error(missing)
}

// TestSegmentsBack: where it shows later that there is nothing to gain, one
// connection is asked for all that is left.
func TestSegmentsBack(t *testing.T) {
	t.Parallel()
	m := newBig(t, 0, false)
	var crowded atomic.Bool
	m.instead = func(_ http.ResponseWriter, r *http.Request, n, _ int) bool {
		if n == 2 && !crowded.Swap(true) { // from now on, all get what one had
			m.mu.Lock()
			m.all = m.each
			m.mu.Unlock()
		}
		if from, to, ok := m.span(r); ok && to-from >= bigSize/4 {
			m.letGo()
		}
		return false
	}
	d := m.fetch(m.source(), "f", 0, nil)
	if d.err != nil {
		t.Fatal(d.err)
	}
	last := d.requests[len(d.requests)-1]
	if from, to, ok := m.span(last); !ok || to != bigSize-1 || to-from < bigSize/4 {
		t.Errorf("at last it was asked for %q, want all that is left", last.Header.Get("Range"))
	}
	if d.twice > d.mayComeTwice() {
		t.Errorf("%d bytes came twice", d.twice)
	}
}

// TestSegmentsRefused: what the second connection gets is no part of the file, so
// the first one goes on as if nothing had been, and that is remembered; not that a file
// was replaced, which says nothing of others.
func TestSegmentsRefused(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(m *metered, w http.ResponseWriter, from, to int64){
		"whole": func(m *metered, w http.ResponseWriter, _, _ int64) { w.Write(m.body) },
		"416": func(_ *metered, w http.ResponseWriter, _, _ int64) {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		},
		"404": func(_ *metered, w http.ResponseWriter, _, _ int64) { w.WriteHeader(http.StatusNotFound) },
		"403": func(_ *metered, w http.ResponseWriter, _, _ int64) { w.WriteHeader(http.StatusForbidden) },
		"429": func(_ *metered, w http.ResponseWriter, _, _ int64) { w.WriteHeader(http.StatusTooManyRequests) },
		"503": func(_ *metered, w http.ResponseWriter, _, _ int64) { w.WriteHeader(http.StatusServiceUnavailable) },
		"nothing": func(_ *metered, _ http.ResponseWriter, _, _ int64) {
			panic(http.ErrAbortHandler)
		},
		"page": func(_ *metered, w http.ResponseWriter, _, _ int64) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>")
		},
		"other version": func(m *metered, w http.ResponseWriter, from, to int64) {
			w.Header().Set("ETag", `"eight"`)
			partial(w, from, to, bigSize, int(to-from+1))
			w.Write(make([]byte, to-from+1))
		},
		"other length": func(m *metered, w http.ResponseWriter, from, to int64) {
			partial(w, from, to, bigSize+1, int(to-from+1))
			w.Write(m.body[from : to+1])
		},
		"other place": func(m *metered, w http.ResponseWriter, from, to int64) {
			partial(w, from+1, to+1, bigSize, int(to-from+1))
			w.Write(m.body[from+1 : to+2])
		},
		"short": func(m *metered, w http.ResponseWriter, from, to int64) {
			partial(w, from, to-1, bigSize, int(to-from))
			w.Write(m.body[from:to])
		},
		"long": func(m *metered, w http.ResponseWriter, from, to int64) {
			partial(w, from, to+1, bigSize, int(to-from+2))
			w.Write(m.body[from : to+2])
		},
		"no place": func(m *metered, w http.ResponseWriter, from, to int64) {
			w.WriteHeader(http.StatusPartialContent)
			w.Write(m.body[from : to+1])
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newBig(t, 0, false) // lasts until it was seen
			var answered atomic.Bool
			m.instead = func(w http.ResponseWriter, r *http.Request, _, _ int) bool {
				from, to, ok := m.span(r)
				if ok {
					answer(m, w, from, to)
					answered.Store(true)
				}
				return ok
			}
			h := m.source()
			remembered := func() bool { return !h.tolerance.promising(time.Now().Add(time.Minute)) }
			replaced := name == "other version" || name == "other length"
			go m.letGoWhen(func() bool { return remembered() || replaced && answered.Load() })
			d := m.fetch(h, "f", 0, nil)
			m.mu.Lock()
			first := m.requests[0].Header.Get("Range")
			m.mu.Unlock()
			// A busy machine may be too late to see the first answer.
			if n := d.ranged(); d.err != nil || n < 1 || n > trialsMost || first != "" {
				t.Errorf("%d ranges, %v", d.ranged(), d.err)
			}
			if remembered() == replaced {
				t.Errorf("that it is not tried again within a minute: %v", remembered())
			}
		})
	}
}

// TestSegmentsEase: an upstream that takes so many and no more gets so many, in this
// fetch and the next.
func TestSegmentsEase(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			m := newBig(t, 0, false)
			var refused atomic.Int32
			m.instead = func(w http.ResponseWriter, _ *http.Request, n, running int) bool {
				if running <= 3 {
					if n >= 16 {
						m.letGo()
					}
					return false
				}
				refused.Add(1)
				w.Header().Set("Retry-After", "3600")
				w.WriteHeader(status)
				return true
			}
			h := m.source()
			d := m.fetch(h, "f", 0, func(r *Request) { r.Extra.Connections = 8 })
			if d.err != nil || d.peak < 2 || refused.Load() == 0 || refused.Load() > 7 {
				t.Errorf("%d connections, %d refused, %v", d.peak, refused.Load(), d.err)
			}
			if until := time.Until(h.tolerance.until); until < 50*time.Minute {
				t.Errorf("it is eased for %v, and it said an hour", until)
			}
			refused.Store(0)
			d = m.fetch(h, "g", 0, func(r *Request) { r.Extra.Connections = 8 })
			// One that was hung up may still be counted.
			if d.err != nil || refused.Load() > 1 || d.twice > d.mayComeTwice() {
				t.Errorf("the next: %d connections, %d refused, %d bytes twice, %v", d.peak, refused.Load(), d.twice, d.err)
			}
		})
	}
}

// TestSegmentsSlots: each extra connection has a slot for each request, and never
// more than there are.
func TestSegmentsSlots(t *testing.T) {
	t.Parallel()
	m := newBig(t, 3, false)
	var held, most, taken atomic.Int32
	d := m.fetch(m.source(), "f", 0, func(r *Request) {
		r.Extra.Connections = 8
		r.Extra.Slot = func() (func(), bool) {
			n := held.Add(1)
			if n > 2 {
				held.Add(-1)
				return nil, false
			}
			taken.Add(1)
			most.Store(max(most.Load(), n))
			return func() { held.Add(-1) }, true
		}
	})
	if d.err != nil || d.peak != 3 || most.Load() != 2 || held.Load() != 0 {
		t.Errorf("%d connections, %d slots at a time, %d not given back, %v", d.peak, most.Load(), held.Load(), d.err)
	}
	if int(taken.Load()) < d.ranged()/3 {
		t.Errorf("%d slots for %d requests", taken.Load(), d.ranged())
	}
}

// TestSegmentsNoRoom: where there is no room for what arrives early, one connection
// brings the file, and the upstream is not blamed.
func TestSegmentsNoRoom(t *testing.T) {
	t.Parallel()
	for name, scratch := range map[string]func(n int32) (*os.File, error){
		"no file": func(int32) (*os.File, error) { return nil, syscall.ENFILE },
		"full":    func(int32) (*os.File, error) { return os.OpenFile("/dev/full", os.O_RDWR, 0) },
		"full soon": func(n int32) (*os.File, error) {
			if n > 3 {
				return os.OpenFile("/dev/full", os.O_RDWR, 0)
			}
			return unnamed(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newBig(t, 0, false)
			h := m.source()
			var made atomic.Int32
			go m.letGoWhen(func() bool { return made.Load() > 3 || name != "full soon" && made.Load() > 1 })
			d := m.fetch(h, "f", 0, func(r *Request) {
				r.Extra.Scratch = func() (*os.File, error) { return scratch(made.Add(1)) }
			})
			if d.err != nil || made.Load() < 2 {
				t.Errorf("%d files, %v", made.Load(), d.err)
			}
			if now := time.Now(); now.Before(h.tolerance.until) {
				t.Error("the upstream is asked by fewer connections from now on")
			}
		})
	}
}
