package fetch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mirror"
	"mirror/internal/keylock"
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

// waitSlots waits for the slots to ask src, as long as it takes, since no client does.
func (t *transfer) waitSlots(src upstream) (leave func(), err error) {
	leave = func() {
		t.lock.ReleaseSlot(src.pool)
		t.lock.ReleaseSlot(poolAll)
	}
	limits := t.e.conf.Limits
	if err = waitSlot(t.ctx, t.lock, poolAll, limits.Fetches); err == nil {
		err = waitSlot(t.ctx, t.lock, src.pool, limits.PerUpstream)
	}
	if err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// waitSlot waits for one of the n slots of a pool.
func waitSlot(ctx context.Context, lock *keylock.Lock, pool string, n int) error {
	var got bool
	var err error
	waitErr := poll(ctx, func() bool {
		got, err = lock.TrySlot(pool, n)
		return got || err != nil
	})
	switch {
	case got:
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", mirror.ErrStore, err)
	}
	return waitErr
}

// upstreamSlot waits for one of an upstream's slots, for limits.queue_time.
func (e *Engine) upstreamSlot(ctx context.Context, src upstream) (*keylock.Lock, error) {
	wait, cancel := context.WithTimeout(ctx, e.conf.Limits.QueueTime)
	defer cancel()
	n := e.conf.Limits.PerUpstream
	var slot *keylock.Lock
	err := keylock.ErrHeld
	poll(wait, func() bool {
		slot, err = e.tree.Locks.TryPool(src.pool, n)
		return !errors.Is(err, keylock.ErrHeld)
	})
	switch {
	case errors.Is(err, keylock.ErrHeld):
		return nil, fmt.Errorf("%w: all %d slots of %q (limits.per_upstream) were taken for %s", mirror.ErrBusy, n, src.pool, e.conf.Limits.QueueTime)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", mirror.ErrStore, err)
	}
	return slot, nil
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
