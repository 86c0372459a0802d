package fetch

import (
	"context"
	"fmt"
	"time"

	"mirror"
)

// The pools of slots that are not of one upstream.
const (
	// poolAll bounds the fetches of all processes together.
	poolAll = "all"
	// poolRelays bounds the relayed ranges likewise.
	poolRelays = "relays"
)

// admit waits until src may be asked.
func (t *transfer) admit(src upstream) (leave func(), err error) {
	switch {
	case t.group != nil:
		return t.group.admit(t, src)
	case t.generation != nil:
		return t.waitSlots(src) // no client waits
	}
	n, begun := t.e.conf.Limits.PerUpstream, time.Now()
	leaveQueue, err := t.e.queues.enter(t, src.pool, n)
	if err != nil {
		return nil, err
	}
	if err := t.takeSlotWithin(t.e.conf.Limits.QueueTime-time.Since(begun), src.pool, n); err != nil {
		leaveQueue()
		return nil, err
	}
	return func() {
		t.lock.ReleaseSlot(src.pool)
		leaveQueue()
	}, nil
}

// takeSlot waits for a free slot of a pool, for limits.queue_time.
func (t *transfer) takeSlot(pool string, n int) error {
	return t.takeSlotWithin(t.e.conf.Limits.QueueTime, pool, n)
}

func (t *transfer) takeSlotWithin(d time.Duration, pool string, n int) error {
	if t.brief {
		d = 0 // a worker can wait
	}
	got, err := t.lock.TrySlot(pool, n)
	if !got && err == nil {
		wait, cancel := context.WithTimeout(t.ctx, d)
		defer cancel()
		poll(wait, func() bool {
			got, err = t.lock.TrySlot(pool, n)
			return got || err != nil
		})
	}
	switch {
	case t.ctx.Err() != nil:
		return context.Cause(t.ctx)
	case err != nil:
		return fmt.Errorf("%w: %w", mirror.ErrStore, err)
	case !got:
		return t.noSlot(pool, n)
	}
	return nil
}

func (t *transfer) noSlot(pool string, n int) error {
	return fmt.Errorf("/%s: %w: all %d slots of %q (limits.fetches, limits.per_upstream) were taken for %s", t.name, mirror.ErrBusy, n, pool, t.e.conf.Limits.QueueTime)
}

const (
	pollSoon  = 500 * time.Microsecond // a tenth of what a small fetch of a worker takes
	pollFirst = 5 * time.Millisecond   // what a small fetch of another process takes
	pollMost  = 50 * time.Millisecond  // a person does not notice it; 100 pollers take 5 % of a core
)

// poll calls ok, once at least, until it reports true or ctx is done, with
// growing pauses.
func poll(ctx context.Context, ok func() bool) error { return pollFrom(ctx, pollFirst, ok) }

func pollFrom(ctx context.Context, pause time.Duration, ok func() bool) error {
	var timer *time.Timer
	for {
		if ok() {
			return nil
		}
		if timer == nil {
			timer = time.NewTimer(pause)
			defer timer.Stop()
		} else {
			timer.Reset(pause)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
		}
		pause = min(pause+pause/4, pollMost)
	}
}
