package origin

import (
	"sync"
	"time"
)

// line is the way to the origin that all connections share.
type line struct {
	mu   sync.Mutex
	rate int64     // guarded by mu; bytes a second, 0: no limit
	free time.Time // guarded by mu; when all that was taken is through
}

func (l *line) set(rate int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rate, l.free = rate, time.Time{}
}

// take puts n bytes on the line, and returns when they are through.
func (l *line) take(n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rate == 0 {
		return time.Time{}
	}
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / float64(l.rate) * float64(time.Second)))
	return l.free
}
