package fetch

import (
	"context"
	"sync"
	"time"
)

// queues are where the fetches of this process wait for the slots of an upstream: in
// order, and woken as soon as one of them leaves. The slots count for all processes,
// but who waits for one can only look again and again, at all of them: with fifty
// clients a third of the small misses a second were lost with that. There are as many
// places as slots, so whoever has one seldom waits for a slot any more.
type queues struct {
	mu    sync.Mutex
	pools map[string]chan struct{} // guarded by mu; each has a token for each place that is taken
}

// enter waits for a place of n, for limits.queue_time.
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
