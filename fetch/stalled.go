package fetch

import (
	"sync"
	"time"
)

// stalled remembers, for a short while, what did not answer: directories whose
// listing could not be confirmed, and upstreams that list nothing. Who asks
// meanwhile does not wait for them again.
type stalled struct {
	mu   sync.Mutex
	list map[string]stall // guarded by mu
}

type stall struct {
	why   error
	until time.Time
}

// maxStalled is how many are remembered.
const maxStalled = 10_000

// note remembers key until then.
func (s *stalled) note(key string, why error, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil || len(s.list) >= maxStalled {
		s.list = make(map[string]stall)
	}
	s.list[key] = stall{why, until}
}

// why says why key stalled, nil if it is not known to.
func (s *stalled) why(key string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.list[key]; ok && now.Before(known.until) {
		return known.why
	}
	return nil
}
