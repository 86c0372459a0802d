package source

import (
	"sync"
	"time"
)

const (
	// easedFor is how long an upstream that refused a connection, and did not say
	// for how long, is not asked by as many again.
	easedFor = 10 * time.Minute

	// noUseFor is how long more connections are not tried where they brought no
	// more. What they were measured against, other traffic on the line for example,
	// may have changed by then.
	noUseFor = time.Minute
)

// tolerance is what is known of how many extra connections an upstream takes at a
// time: those beside the first one of each fetch. All fetches of the process from that
// upstream share it, and it goes with the process. The zero value knows nothing.
type tolerance struct {
	mu      sync.Mutex
	running int       // guarded by mu: extra connections with a request
	most    int       // guarded by mu: how many of these it takes, which holds up to until
	until   time.Time // guarded by mu
	noUse   time.Time // guarded by mu: up to then no fetch tries more
}

// enter counts one more extra connection, if the upstream takes it.
func (t *tolerance) enter(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.until) && t.running >= t.most {
		return false
	}
	t.running++
	return true
}

// leave uncounts one.
func (t *tolerance) leave() {
	t.mu.Lock()
	t.running--
	t.mu.Unlock()
}

// ease notes that the last one was too many, for the time d (0: the upstream did not say).
func (t *tolerance) ease(now time.Time, d time.Duration) {
	if d <= 0 {
		d = easedFor
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	most := max(0, t.running-1)
	if now.Before(t.until) {
		most = min(most, t.most)
	}
	t.most = most
	t.extend(now.Add(d))
}

// extend has most hold up to until, or longer where the upstream has asked for that.
// Caller holds mu.
func (t *tolerance) extend(until time.Time) {
	if until.After(t.until) {
		t.until = until
	}
}

// alone notes that the upstream takes no extra connection at all.
func (t *tolerance) alone(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.most = 0
	t.extend(now.Add(easedFor))
}

// useless notes that extra connections brought no more.
func (t *tolerance) useless(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.noUse = now.Add(noUseFor)
}

// promising reports whether an extra connection is worth a try.
func (t *tolerance) promising(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !now.Before(t.noUse) && !(now.Before(t.until) && t.running >= t.most)
}
