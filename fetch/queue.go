package fetch

import (
	"context"
	"sync"
	"time"
)

// queues are where the fetches of this process stand in line for an upstream, in front of
// its slots. Slots are locks that count for all processes: who waits for one can only
// try all of them again and again, and with fifty clients that cost a third of the small
// misses a second. A queue has as many places as the upstream has slots, gives them in
// order, and wakes who is next. Who has a place still needs a slot, and waits for it only
// while other processes or extra connections have them.
type queues struct {
	mu    sync.Mutex
	pools map[string]chan struct{} // guarded by mu: by pool, a token for each place that is taken
}

// enter waits for one of the n places in front of pool, for limits.queue_time.
func (q *queues) enter(t *transfer, pool string, n int) (leave func(), err error) {
	q.mu.Lock()
	places := q.pools[pool]
	if places == nil {
		if q.pools == nil {
			q.pools = make(map[string]chan struct{})
		}
		places = make(chan struct{}, n)
		q.pools[pool] = places
	}
	q.mu.Unlock()
	leave = func() { <-places }
	select {
	case places <- struct{}{}:
		return leave, nil
	default:
	}
	timer := time.NewTimer(t.e.conf.Limits.QueueTime)
	defer timer.Stop()
	select {
	case places <- struct{}{}:
		return leave, nil
	case <-timer.C:
		return nil, t.noSlot(pool, n)
	case <-t.ctx.Done():
		return nil, context.Cause(t.ctx)
	}
}
