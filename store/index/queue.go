package index

import (
	"context"
	"sync"
)

// maxBatch bounds the writes of one transaction, so that other processes get
// their turn: a hundred or so take some milliseconds.
const maxBatch = 128

// A job is one caller's write, waiting for its commit.
type job struct {
	// run makes the write. It may be called again if the transaction failed,
	// so it must only depend on its arguments.
	run func(*transaction) error

	durable bool          // the commit must survive a power cut
	err     error         // the outcome; set before done is closed
	done    chan struct{} // closed once the outcome is settled
}

// The queue of writes. A goroutine drains it while there is anything in it, and
// ends when it is empty: an index that is not written to has none.
type queue struct {
	mu       sync.Mutex // guards all below
	waiting  []*job
	draining bool
	closed   bool

	drains sync.WaitGroup // the goroutine that drains
}

// close refuses further jobs and waits for those that were accepted. It
// reports whether this was the first call.
func (q *queue) close() bool {
	q.mu.Lock()
	first := !q.closed
	q.closed = true
	q.mu.Unlock()
	q.drains.Wait()
	return first
}

// withdraw takes back a job that is still waiting, and reports whether it was.
func (q *queue) withdraw(j *job) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, other := range q.waiting {
		if other == j {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// next takes the jobs for one transaction; nil ends the draining.
func (q *queue) next() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), maxBatch)
	if n == 0 {
		q.waiting, q.draining = nil, false
		return nil
	}
	batch := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return batch
}

// write queues run and returns when its transaction has committed or failed.
// When ctx ends, it returns early only if the write has not been begun.
func (x *Index) write(ctx context.Context, op string, durable bool, run func(*transaction) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{run: run, durable: durable, done: make(chan struct{})}
	q := &x.queue
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return explain(x.path, op, ErrClosed)
	}
	q.waiting = append(q.waiting, j)
	if !q.draining {
		q.draining = true
		q.drains.Go(x.drain)
	}
	q.mu.Unlock()

	select {
	case <-j.done:
	case <-ctx.Done():
		if q.withdraw(j) {
			return ctx.Err()
		}
		<-j.done
	}
	return explain(x.path, op, j.err)
}

// drain commits batch after batch until nothing is waiting.
func (x *Index) drain() {
	for batch := x.queue.next(); batch != nil; batch = x.queue.next() {
		x.commit(batch)
		for _, j := range batch {
			close(j.done)
		}
	}
}
