package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"mirror"
	"mirror/internal/keylock"
	"mirror/source"
)

const (
	// maxAsked and maxAskedBytes bound what one session is asked for: some
	// sources settle large files at its end only.
	maxAsked      = 512
	maxAskedBytes = 256 << 20

	// sessions is how many there are at a time: while one waits for the upstream
	// to make its list, the other one sends.
	sessions = 2
)

// batch gathers what the transfers of a group ask of a [source.Batcher]. To each
// of them it is the source's Fetch; while one session runs, the requests for the
// next one gather. A session takes the slots of one fetch, and its transfers
// none.
type batch struct {
	e   *Engine
	src upstream
	ctx context.Context // of the sessions

	mu    sync.Mutex
	more  sync.Cond // of mu: the queue has grown, or it is over
	queue []*asking // guarded by mu
	over  bool      // guarded by mu: nobody will ask any more, or the engine is stopped
	ended bool      // guarded by mu: run has
}

// asking is one request. res and err are set before done is closed.
type asking struct {
	source.Request
	size    int64 // as far as it is known, in bytes
	started bool  // its bytes have begun to come; of the goroutine of run
	done    chan struct{}
	res     source.Result
	err     error
}

// newBatch returns the batch of src, which end ends; nil if src is no Batcher.
func (e *Engine) newBatch(src upstream) *batch {
	if _, ok := src.Source.(source.Batcher); !ok {
		return nil
	}
	b := &batch{e: e, src: src}
	b.more.L = &b.mu
	return b
}

// start has sessions begin, at most most at a time. They end after end was called,
// or with ctx, which ends with the engine.
func (b *batch) start(ctx context.Context, most int) error {
	b.e.mu.Lock()
	defer b.e.mu.Unlock()
	if b.e.closed {
		return errShutdown
	}
	b.ctx = ctx
	context.AfterFunc(ctx, b.end)
	for range min(sessions, most) {
		b.e.batches.Go(b.run)
	}
	return nil
}

func (b *batch) end() {
	b.mu.Lock()
	b.over = true
	b.mu.Unlock()
	b.more.Broadcast()
}

// fetch is Source.Fetch. A session ends with its context, and nobody
// touches the request after fetch has returned.
func (b *batch) fetch(r source.Request, size int64) (source.Result, error) {
	a := &asking{Request: r, size: size, done: make(chan struct{})}
	a.Start = func(m mirror.Meta) (*os.File, error) {
		a.started = true
		return r.Start(m)
	}
	b.mu.Lock()
	if b.ended {
		b.mu.Unlock()
		return source.Result{}, context.Cause(b.ctx)
	}
	b.queue = append(b.queue, a)
	b.mu.Unlock()
	b.more.Signal()
	<-a.done
	return a.res, a.err
}

// run holds one session after the other.
func (b *batch) run() {
	for {
		some := b.next()
		if len(some) == 0 {
			return
		}
		lock, err := b.slots()
		if err != nil {
			for _, a := range some {
				a.err = err
				close(a.done)
			}
			continue
		}
		again := b.session(some)
		lock.Unlock()
		b.mu.Lock()
		b.queue = append(again, b.queue...)
		b.mu.Unlock()
	}
}

// next waits for requests, and takes as many as a session may have; none: there
// will be none.
func (b *batch) next() []*asking {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.queue) == 0 && !b.over {
		b.more.Wait()
	}
	b.ended = len(b.queue) == 0
	n, size := 0, int64(0)
	for n < min(len(b.queue), maxAsked) && (n == 0 || size+b.queue[n].size <= maxAskedBytes) {
		size += b.queue[n].size
		n++
	}
	some := b.queue[:n:n]
	b.queue = b.queue[n:]
	return some
}

// session asks for files. It returns those that are to be asked for again: the
// session broke off before their turn, but not before it had settled others.
func (b *batch) session(some []*asking) (again []*asking) {
	requests := make([]source.Request, len(some))
	for i, a := range some {
		requests[i] = a.Request
	}
	settled := 0
	settle := func(a *asking) {
		settled++
		close(a.done)
	}
	b.src.Source.(source.Batcher).FetchMany(b.ctx, requests, func(i int, res source.Result, err error) {
		a := some[i]
		a.res, a.err = res, err
		broke := errors.Is(err, mirror.ErrBroken) || errors.Is(err, mirror.ErrTimeout)
		if broke && !a.started {
			again = append(again, a)
			return
		}
		settle(a)
	})
	if settled > 0 {
		return again
	}
	for _, a := range again {
		settle(a)
	}
	return nil
}

// slots takes those of one fetch. Nobody waits for a client here, so they are
// waited for as long as it takes.
func (b *batch) slots() (lock *keylock.Lock, err error) {
	limits := b.e.conf.Limits
	waitErr := poll(b.ctx, func() bool {
		lock, err = b.e.tree.Locks.TryPool(poolAll, limits.Fetches)
		return !errors.Is(err, keylock.ErrHeld)
	})
	switch {
	case waitErr != nil && err != nil:
		return nil, waitErr
	case err != nil:
		return nil, fmt.Errorf("%w: %w", mirror.ErrStore, err)
	}
	if err := waitSlot(b.ctx, lock, b.src.pool, limits.PerUpstream); err != nil {
		lock.Unlock()
		return nil, err
	}
	return lock, nil
}
