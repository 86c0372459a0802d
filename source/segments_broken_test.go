package source

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"time"

	"mirror"
)

// TestSegmentsCut: what breaks is asked for again from where it broke.
func TestSegmentsCut(t *testing.T) {
	t.Parallel()
	const cut = 100_000 // bytes
	m := newBig(t, 0, false)
	m.instead = func(w http.ResponseWriter, r *http.Request, n, _ int) bool {
		if n > 20 {
			m.letGo()
		}
		if n < 3 || n%3 != 0 {
			return false
		}
		m.serve(&reply{ResponseWriter: w, r: r, cut: cut})
		return true
	}
	d := m.fetch(m.source(), "f", 0, nil)
	// What is in the sockets of a connection that breaks is lost.
	if d.err != nil || d.twice > underway+int64(len(d.requests)/3)*cut {
		t.Errorf("%d bytes twice, %v", d.twice, d.err)
	}
}

// TestSegmentsGone: when the upstream is gone, what came is a beginning, and the
// error says that it broke off.
func TestSegmentsGone(t *testing.T) {
	t.Parallel()
	m := newBig(t, 0, false)
	m.instead = func(w http.ResponseWriter, r *http.Request, n, _ int) bool {
		if n >= 7 {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	d := m.fetch(m.source(), "f", 0, nil)
	if !errors.Is(d.err, mirror.ErrBroken) {
		t.Errorf("%v, want ErrBroken", d.err)
	}
}

// TestSegmentsChanged: a file that changes while it comes is not pieced together.
func TestSegmentsChanged(t *testing.T) {
	t.Parallel()
	m := newBig(t, 0, false)
	m.instead = func(w http.ResponseWriter, r *http.Request, n, _ int) bool {
		if n >= 7 {
			w.Header().Set("ETag", `"eight"`)
		}
		return false
	}
	d := m.fetch(m.source(), "f", 0, nil)
	if !errors.Is(d.err, mirror.ErrChanged) {
		t.Errorf("%v, want ErrChanged", d.err)
	}
}

// TestSegmentsStall: a connection that stalls while others flow does not hold up the
// file until it has been silent for too long.
func TestSegmentsStall(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 6} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			m := newBig(t, 0, false)
			m.instead = func(w http.ResponseWriter, r *http.Request, k, _ int) bool {
				if k >= n+4 {
					m.letGo()
				}
				if k != n {
					return false
				}
				m.serve(&reply{ResponseWriter: w, r: r, stall: 50_000})
				return true
			}
			h := m.source()
			h.opts.Idle = time.Hour
			if d := m.fetch(h, "f", 0, nil); d.err != nil || d.twice > d.mayComeTwice() {
				t.Errorf("%d bytes twice, %v", d.twice, d.err)
			}
		})
	}
}

// TestSegmentsIdle: what is silent for too long is given up, as one connection is.
func TestSegmentsIdle(t *testing.T) {
	t.Parallel()
	m := newBig(t, 0, false)
	m.instead = func(w http.ResponseWriter, r *http.Request, n, _ int) bool {
		if n < 4 {
			return false
		}
		m.serve(&reply{ResponseWriter: w, r: r, stall: 50_000})
		return true
	}
	h := m.source()
	h.opts.Idle = 100 * time.Millisecond
	if d := m.fetch(h, "f", 0, nil); !errors.Is(d.err, mirror.ErrTimeout) {
		t.Errorf("%v, want ErrTimeout", d.err)
	}
}

// TestSegmentsCancel: whoever leaves, leaves nothing behind.
func TestSegmentsCancel(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	for _, after := range []int64{1 << 20, 2 << 20, 6 << 20} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			m := newMetered(t, slow, 0, false)
			ctx, cancel := context.WithCancelCause(t.Context())
			a := newAttempt(t, "f", nil)
			a.Extra = &Extra{Connections: 4, Scratch: func() (*os.File, error) { return unnamed(t) }}
			wrote := a.Wrote
			a.Wrote = func(n int) {
				if wrote(n); a.wrote > after {
					cancel(enough)
				}
			}
			h := m.source()
			if _, err := h.Fetch(ctx, a.Request); !errors.Is(err, enough) {
				t.Errorf("%v, want the cause", err)
			}
		})
	}
}

// TestSegmentsTrouble: whatever goes wrong, what is there is right.
func TestSegmentsTrouble(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			m := newBig(t, 0, false)
			m.instead = func(w http.ResponseWriter, r *http.Request, n, _ int) bool {
				dice := rand.New(rand.NewPCG(seed, uint64(n)))
				a := &reply{ResponseWriter: w, r: r}
				switch {
				case n > 16:
					m.letGo()
				case n < 3:
				case dice.IntN(8) == 0:
					a.cut = dice.Int64N(segmentSize) + 1
				case dice.IntN(24) == 0:
					w.WriteHeader([]int{200, 404, 416, 429, 500, 503}[dice.IntN(6)])
					return true
				case dice.IntN(24) == 0:
					w.Header().Set("ETag", `"eight"`)
				case dice.IntN(24) == 0:
					panic(http.ErrAbortHandler)
				}
				time.Sleep(time.Duration(dice.IntN(20)) * time.Millisecond) // a slow upstream: answers overtake each other
				m.serve(a)
				return true
			}
			h := m.source()
			go m.letGoWhen(func() bool { return !h.tolerance.promising(time.Now()) })
			d := m.fetch(h, "f", 0, func(r *Request) { r.Extra.Connections = 2 + int(seed)%7 })
			t.Logf("%d requests, %d at a time, %v", len(d.requests), d.peak, d.err)
		})
	}
}
