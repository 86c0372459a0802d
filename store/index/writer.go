package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/mattn/go-sqlite3"
)

// checkpointPages is the length of the log, 1 MB, at which a commit copies it
// back. SQLite's own choice is four times that, but here a CGI process that
// finds itself alone must read the whole log before it can begin: that took
// 1.2 ms for 3 MB. Writing costs the same within what can be measured.
const checkpointPages = 250

// longLog is the length, in bytes, of a log that is not only copied back: see
// shortenLog.
const longLog = 4 << 20

// commit settles the outcome of each job. What fails as a whole, because the
// disk is full, say, is tried again one by one: nobody pays for a neighbour.
// So is what failed because the file has just been deleted. Others who hold the
// lock, however, will not let it go for the second job either.
func (x *Index) commit(batch []*job) {
	err := x.transact(batch)
	if err == nil {
		return
	}
	again := len(batch) > 1 || x.writer != nil && x.moved(x.writer.file)
	for _, j := range batch {
		if again && !isBusy(err) {
			j.err = x.transact([]*job{j})
		} else {
			j.err = err
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
	w.turn.begin()
	err := x.patiently(ctx, func() error { return w.synchronous(ctx, jobs) })
	if err == nil {
		err = x.patiently(ctx, func() error { return w.exec(`BEGIN IMMEDIATE`) })
	}
	if err == nil {
		if err = w.runAll(jobs); err == nil {
			err = x.patiently(ctx, func() error { return w.exec(`COMMIT`) })
		}
		if err == nil {
			w.shortenLog(ctx, x.path+"-wal")
		}
		if err != nil && !w.autocommit() {
			err = errors.Join(err, w.exec(`ROLLBACK`))
		}
	}
	w.turn.end()
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

	file    os.FileInfo // what stood at the path when it was opened
	look    time.Time   // when to see whether it still does
	turn    turn        // when other processes are to be let in
	durable bool        // commits wait for the disk
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
	db, file, err := x.open(ctx, x.dsn()+"&_synchronous=NORMAL", 1)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		_, err = conn.ExecContext(ctx, fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", checkpointPages))
	}
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
	return errors.Join(w.statements.close(), w.conn.Close(), w.db.Close())
}

// synchronous sets how the coming commit treats the disk. NORMAL appends to the
// log and leaves the rest to the kernel. EXTRA waits until the log, with all
// that was ever appended to it, is on stable storage; in the safe mode, until
// the journal's removal is.
func (w *writer) synchronous(ctx context.Context, jobs []*job) error {
	durable := slices.ContainsFunc(jobs, func(j *job) bool { return j.durable })
	if durable == w.durable {
		return nil
	}
	level := "NORMAL"
	if durable {
		level = "EXTRA"
	}
	_, err := w.conn.ExecContext(ctx, "PRAGMA synchronous = "+level)
	if err == nil {
		w.durable = durable
	}
	return err
}

// shortenLog empties a log that a large transaction has made long. SQLite copies
// it back, and begins at its start when the same process writes again; but where
// each request is a process, there is none such. With 55 MB, which an index of
// 60,000 names may bring, each of them took 18 ms to read it to its end, and 100 ms
// to copy it once more if it wrote. Who reads just now may be in the way of this;
// then a later commit does it.
func (w *writer) shortenLog(ctx context.Context, path string) {
	if log, err := os.Stat(path); err == nil && log.Size() > longLog {
		w.conn.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	}
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
