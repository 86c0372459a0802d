package source

import (
	"sync"
	"time"
)

const (
	// easedFor is how long an upstream that did not want more connections, and did
	// not say for how long, is not asked for more.
	easedFor = 10 * time.Minute

	// noUseFor is how long more connections are not tried where they were of no
	// use: then other work may be on the way.
	noUseFor = time.Minute
)

// patience is what is known of how many connections an upstream takes at a time,
// beside the first one of each fetch. It is that of all fetches of the process.
// The zero value knows nothing.
type patience struct {
	mu      sync.Mutex
	running int       // guarded by mu: extra connections with a request
	most    int       // guarded by mu: of those, until until
	until   time.Time // guarded by mu
	noUse   time.Time // guarded by mu: until then more are of no use
}

// enter counts one more connection, if the upstream takes it.
func (p *patience) enter(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Before(p.until) && p.running >= p.most {
		return false
	}
	p.running++
	return true
}

func (p *patience) leave() {
	p.mu.Lock()
	p.running--
	p.mu.Unlock()
}

// ease notes that one was too many, for that long (0: it is not known).
func (p *patience) ease(now time.Time, d time.Duration) {
	if d <= 0 {
		d = easedFor
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	most := max(0, p.running-1)
	if now.Before(p.until) {
		most = min(most, p.most)
	}
	p.most = most
	if until := now.Add(d); until.After(p.until) {
		p.until = until
	}
}

// alone notes that one connection is all that the upstream takes.
func (p *patience) alone(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most, p.until = 0, now.Add(easedFor)
}

// useless notes that more connections brought no more.
func (p *patience) useless(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noUse = now.Add(noUseFor)
}

// promising reports whether it is worth trying more.
func (p *patience) promising(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !now.Before(p.noUse) && !(now.Before(p.until) && p.running >= p.most)
}
