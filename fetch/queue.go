package fetch

import (
	"context"
	"sync"
)

// queues are where the fetches of this process stand in line for an upstream, at a gate in
// front of its slots that is as wide as there are slots: with fifty clients, trying for
// those instead cost a third of the small misses a second. Who has passed still needs a
// slot, and waits for it only while other processes or extra connections have them.
type queues struct {
	mu    sync.Mutex
	gates map[string]gate // guarded by mu; by pool
}

// enter waits at the gate in front of a pool of n slots, for limits.queue_time.
func (q *queues) enter(t *transfer, pool string, n int) (leave func(), err error) {
	q.mu.Lock()
	g := q.gates[pool]
	if g == nil {
		if q.gates == nil {
			q.gates = make(map[string]gate)
		}
		g = make(gate, n)
		q.gates[pool] = g
	}
	q.mu.Unlock()
	if g.try() {
		return g.leave, nil
	}
	ctx, cancel := context.WithTimeout(t.ctx, t.e.conf.Limits.QueueTime)
	defer cancel()
	switch {
	case g.enter(ctx) == nil:
		return g.leave, nil
	case t.ctx.Err() != nil:
		return nil, context.Cause(t.ctx)
	}
	return nil, t.noSlot(pool, n)
}
