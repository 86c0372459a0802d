package source

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirror"
)

// TestSegmentsSilent: what is silent, or all but silent, for too long is given up where
// other connections have nothing to do but to ask for it anew.
func TestSegmentsSilent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		idle  time.Duration
		stall int64
	}{
		"not a byte":       {time.Second, 0},
		"a byte at a time": {time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newBig(t, 0, false)
			begun := time.Now()
			m.instead = func(w http.ResponseWriter, r *http.Request, _, _ int) bool {
				_, to, ok := m.span(r)
				if !ok || to < bigSize-1 || time.Since(begun) > time.Minute { // or it would never end
					return false
				}
				if c.stall > 0 {
					m.serve(&reply{ResponseWriter: w, r: r, stall: c.stall})
					return true
				}
				select {
				case <-r.Context().Done():
				case <-m.stop:
				}
				panic(http.ErrAbortHandler)
			}
			h := m.source()
			h.opts.Idle, h.opts.LowSpeed, h.opts.LowSpeedTime = c.idle, 1<<10, time.Second
			if d := m.fetch(h, "f", bigSize-16<<20, nil); !errors.Is(d.err, mirror.ErrTimeout) {
				t.Errorf("%v, want ErrTimeout", d.err)
			}
			if h.tolerance.promising(time.Now()) {
				t.Error("whoever goes on has several connections, too")
			}
		})
	}
}

// TestSegmentsTooMany: an upstream to which several connections turn out to be too many
// is waited for until it takes one again; and one of several machines, of which not each
// has the version, is asked until the right one answers.
func TestSegmentsTooMany(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(http.ResponseWriter) bool{
		"429": func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusTooManyRequests); return true },
		"503": func(w http.ResponseWriter) bool {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		},
		"other version": func(w http.ResponseWriter) bool { w.Header().Set("ETag", `"eight"`); return false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newBig(t, 0, false)
			var alone atomic.Int32 // how often all that is left was asked for
			m.instead = func(w http.ResponseWriter, r *http.Request, n, _ int) bool {
				if _, to, ok := m.span(r); ok && to == bigSize-1 && alone.Add(1) == 3 {
					m.letGo()
				}
				return n >= 7 && alone.Load() < 3 && refuse(w)
			}
			if d := m.fetch(m.source(), "f", 0, nil); d.err != nil || alone.Load() < 3 {
				t.Errorf("all that is left was asked for %d times, want 3: %v", alone.Load(), d.err)
			}
		})
	}
}

// TestSegmentsTooLong: an upstream that wants to be left alone for long is left alone.
func TestSegmentsTooLong(t *testing.T) {
	t.Parallel()
	m := newBig(t, 0, false)
	m.instead = func(w http.ResponseWriter, _ *http.Request, n, _ int) bool {
		if n < 7 {
			return false
		}
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	begun := time.Now()
	d := m.fetch(m.source(), "f", 0, nil)
	var own *Error
	if !errors.As(d.err, &own) || own.RetryAfter != time.Minute || time.Since(begun) > time.Minute {
		t.Errorf("after %v: %v, want the upstream's minute", time.Since(begun), d.err)
	}
}

// TestSegmentsBroken: where several connections break off again and again, whoever goes
// on with what came has one.
func TestSegmentsBroken(t *testing.T) {
	t.Parallel()
	m := newBig(t, 0, false)
	m.instead = func(w http.ResponseWriter, r *http.Request, n, _ int) bool {
		if n < 4 {
			return false
		}
		m.serve(&reply{ResponseWriter: w, r: r, cut: 50_000})
		return true
	}
	h := m.source()
	d := m.fetch(h, "f", 0, nil)
	if !errors.Is(d.err, mirror.ErrBroken) {
		t.Errorf("%v, want ErrBroken", d.err)
	}
	if h.tolerance.promising(time.Now()) {
		t.Error("it is tried with several again")
	}
}

// TestSegmentsNoSlotLeft: when the last worker leaves for want of a slot, one connection
// takes over, whatever another worker has gone for.
func TestSegmentsNoSlotLeft(t *testing.T) {
	s := &segmented{
		h: new(HTTP), may: &Extra{Slot: func() (func(), bool) { return nil, false }}, ctx: t.Context(),
		phase: several, end: 2, next: 2, segments: []*segment{{to: 2}}, target: 2, running: 1,
		err: errors.New("what another one went for"),
	}
	s.arrived.L, s.changed.L = &s.mu, &s.mu
	if g := s.pick(&worker{extra: true}); g != nil {
		t.Fatal("it has a segment without a slot")
	}
	if n, err := s.take(make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("%d bytes, %v, want none: one connection takes over", n, err)
	}
}

// TestSegmentsGiveWay: what takes long gives its slot back when others may need it, and
// the file comes all the same.
func TestSegmentsGiveWay(t *testing.T) {
	t.Parallel()
	const lasts = 6 * time.Second // what a segment does
	m := newMetered(t, int64(segmentSize/lasts.Seconds()), 0, false)
	m.body = aBody()
	h := m.source()
	go m.letGoWhen(func() bool { return !h.tolerance.promising(time.Now()) })
	var mu sync.Mutex
	held := 0
	var wanted time.Time // guarded by mu, as held: since others need slots
	var passed time.Duration
	d := m.fetch(h, "f", 0, func(r *Request) {
		r.Extra.Slot = func() (func(), bool) {
			mu.Lock()
			defer mu.Unlock()
			if !wanted.IsZero() {
				return nil, false
			}
			if held++; held == 3 {
				wanted = time.Now()
			}
			return func() {
				mu.Lock()
				defer mu.Unlock()
				if held--; held == 0 && !wanted.IsZero() && passed == 0 {
					passed = time.Since(wanted)
					m.letGo()
				}
			}, true
		}
		r.Extra.SlotFree = func() bool {
			mu.Lock()
			defer mu.Unlock()
			return wanted.IsZero()
		}
	})
	if d.err != nil || passed == 0 || passed > lasts/2 {
		t.Errorf("slots that others need are given back after %v: %v", passed, d.err)
	}
}
