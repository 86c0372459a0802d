package index

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/mattn/go-sqlite3"
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

// commit settles the outcome of each job. What fails as a whole, because the
// disk is full, say, is tried again one by one: nobody pays for a neighbour.
func (x *Index) commit(batch []*job) {
	err := x.transact(batch)
	if err == nil {
		return
	}
	for _, j := range batch {
		j.err = err
		if len(batch) > 1 {
			j.err = x.transact([]*job{j})
		}
	}
}

// transact runs the jobs in one transaction. An error means that none of them
// was written; otherwise each job's own error tells.
func (x *Index) transact(jobs []*job) error {
	ctx := context.Background()
	if err := x.openWriter(ctx); err != nil {
		return err
	}
	w := x.writer
	err := w.synchronous(ctx, jobs)
	if err == nil {
		err = x.patiently(ctx, func() error { return w.exec(`BEGIN IMMEDIATE`) })
	}
	if err == nil {
		if err = w.runAll(jobs); err == nil {
			err = x.patiently(ctx, func() error { return w.exec(`COMMIT`) })
		}
		if err != nil && !w.autocommit() {
			err = errors.Join(err, w.exec(`ROLLBACK`))
		}
	}
	if err != nil {
		w.look = time.Time{} // perhaps the file is gone: look at once
	}
	return err
}

// A writer is the one connection that writes. One goroutine at a time uses it.
type writer struct {
	db   *sql.DB
	conn *sql.Conn
	transaction

	file os.FileInfo // what stood at the path when it was opened
	look time.Time   // when to see whether it still does
	full bool        // the connection waits for the disk at each commit
}

// openWriter makes x.writer ready: opens it, or opens it anew when the file was
// deleted or replaced.
func (x *Index) openWriter(ctx context.Context) error {
	now := time.Now()
	if w := x.writer; w != nil {
		if now.Before(w.look) {
			return nil
		}
		w.look = now.Add(lookEvery)
		if !x.moved(w.file) {
			return nil
		}
		// SQLite sees that the file has moved, too, and leaves the new one's
		// log alone. An error in closing the old one is of no interest.
		x.writer = nil
		w.close()
		x.mu.Lock()
		x.dropReader()
		x.mu.Unlock()
	}
	db, file, err := x.open(ctx, x.dsn("rw", "&_synchronous=NORMAL"), 1)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		db.Close()
		return err
	}
	x.writer = &writer{db: db, conn: conn, file: file, look: now.Add(lookEvery),
		transaction: transaction{statements{on: conn}}}
	return nil
}

// close closes the connection. A nil writer is closed already.
func (w *writer) close() error {
	if w == nil {
		return nil
	}
	return errors.Join(w.conn.Close(), w.db.Close())
}

// synchronous sets how the coming commit treats the disk. NORMAL appends to the
// log and leaves the rest to the kernel; FULL waits until the log, with all
// that was ever appended to it, is on stable storage.
func (w *writer) synchronous(ctx context.Context, jobs []*job) error {
	full := false
	for _, j := range jobs {
		full = full || j.durable
	}
	if full == w.full {
		return nil
	}
	level := "NORMAL"
	if full {
		level = "FULL"
	}
	_, err := w.conn.ExecContext(ctx, "PRAGMA synchronous = "+level)
	if err == nil {
		w.full = full
	}
	return err
}

// errRolledBack: SQLite gave up the whole transaction, as it may when the disk
// is full or fails.
var errRolledBack = errors.New("the transaction was rolled back")

// runAll runs the jobs within the open transaction, each behind a savepoint, so
// that one that fails leaves no trace. A single job needs none.
func (w *writer) runAll(jobs []*job) error {
	if len(jobs) == 1 {
		return jobs[0].run(&w.transaction)
	}
	for _, j := range jobs {
		if err := w.exec(`SAVEPOINT job`); err != nil {
			return err
		}
		j.err = j.run(&w.transaction)
		if j.err != nil {
			if w.autocommit() {
				return errRolledBack
			}
			if err := w.exec(`ROLLBACK TO job`); err != nil {
				return err
			}
		}
		if err := w.exec(`RELEASE job`); err != nil {
			return err
		}
	}
	return nil
}

// autocommit reports whether no transaction is open.
func (w *writer) autocommit() (yes bool) {
	w.conn.Raw(func(conn any) error {
		yes = conn.(*sqlite3.SQLiteConn).AutoCommit()
		return nil
	})
	return yes
}

// A transaction is what a job may do: statements, within the writer's
// transaction and behind the job's savepoint.
type transaction struct{ statements }
