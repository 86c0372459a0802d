package source

import (
	"fmt"
	"testing"
	"time"
)

// TestSegmentsSizes: segments are so large that what an upstream far away takes to
// answer hardly counts, and so small that all connections end together, and not too much
// lies ahead. Time is reckoned, not measured.
func TestSegmentsSizes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		connections int
		rate        float64 // bytes a second of a connection
		answer      time.Duration
		size        int64
		requests    int     // at most
		worst       float64 // times what n connections that never wait take
	}{
		{4, 20e6, 0, 200 << 20, 250, 1.01},
		{4, 20e6, 10 * time.Millisecond, 200 << 20, 90, 1.1},
		{4, 20e6, 50 * time.Millisecond, 200 << 20, 20, 1.1},
		{4, 20e6, 50 * time.Millisecond, 1 << 30, 80, 1.08},
		{4, 20e6, 200 * time.Millisecond, 200 << 20, 12, 1.2},
		{4, 20e6, 50 * time.Millisecond, 50 << 20, 8, 1.2},
		{8, 20e6, 50 * time.Millisecond, 200 << 20, 32, 1.15},
		{16, 5e6, 50 * time.Millisecond, 200 << 20, 80, 1.15},
		{2, 200e6, time.Second, 8 << 30, 150, 4.1}, // bound by what may lie ahead
	} {
		t.Run(fmt.Sprintf("%d at %.0f MB a second, %v", c.connections, c.rate/1e6, c.answer), func(t *testing.T) {
			s := &segmented{end: c.size, pace: pace{perOne: c.rate, first: c.answer}}
			ends := make([]time.Duration, c.connections) // when each has its segment
			at := make([]*segment, c.connections)
			var now time.Duration
			requests := 0
			for s.next < s.end {
				first := 0
				for i := range ends {
					if ends[i] < ends[first] {
						first = i
					}
				}
				now = ends[first]
				s.segments = s.segments[:0]
				for i, g := range at {
					if g != nil && ends[i] > now {
						left := int64((ends[i] - now).Seconds() * c.rate)
						g.got = max(0, g.to-g.from-left)
						s.segments = append(s.segments, g)
					}
				}
				g := &segment{from: s.next, to: s.next + s.pace.size(s.end-s.next, s.missing(), c.connections)}
				if n := g.to - g.from; n <= 0 || g.to > s.end || n*windowPer*int64(c.connections) > aheadMost {
					t.Fatalf("bytes %d to %d of %d", g.from, g.to, s.end)
				}
				s.next, at[first] = g.to, g
				ends[first] = now + c.answer + time.Duration(float64(g.to-g.from)/c.rate*float64(time.Second))
				requests++
			}
			for _, e := range ends {
				now = max(now, e)
			}
			ideal := float64(c.size) / c.rate / float64(c.connections)
			if times := now.Seconds() / ideal; times > c.worst || requests > c.requests {
				t.Errorf("%d requests and %.3f times of what is possible, want %d and %.3f", requests, times, c.requests, c.worst)
			}
		})
	}
}

// TestTrend: a rate that doubles with each round trip tells nothing before it is steady,
// also where what came at once was cut in two; one that is steady is not waited for.
func TestTrend(t *testing.T) {
	for name, c := range map[string]struct {
		rates []float64
		after int // of these it is known
	}{
		"steady":   {[]float64{20, 21, 19}, 3},
		"less":     {[]float64{20, 10, 10}, 3},
		"nothing":  {[]float64{0, 0, 0, 1, 1, 1}, 6},
		"doubles":  {[]float64{0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 20, 20}, 9},
		"in parts": {[]float64{0.3, 0.6, 1.2, 2.3, 2.6, 4.7, 9.3, 20, 20, 20}, 10},
	} {
		var tr trend
		for i, rate := range c.rates {
			if grows := tr.grows(rate); grows == (i+1 >= c.after) {
				t.Errorf("%s: after %d rates it has to be looked at again: %v", name, i+1, grows)
			}
		}
	}
}
