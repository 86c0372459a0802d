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

// briefPages is that length where each request is a process (see Brief): who finds
// itself alone reads half of it, 2.5 µs a page, and one write in as many as fill it pays
// 1 ms for the copying. Both together are least near this.
const briefPages = 64

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
			x.settle(jobs)
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
	logs    bool        // it appends to a log: see settle
	durable bool        // commits wait for the disk, by SQLite's doing
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
		_, err = conn.ExecContext(ctx, fmt.Sprintf("PRAGMA wal_autocheckpoint = %d", x.logPages))
	}
	mode := ""
	if err == nil {
		mode, err = journal(ctx, conn)
	}
	if err != nil {
		db.Close()
		return err
	}
	x.writer = &writer{db: db, conn: conn, logs: mode == modeWAL, file: file, look: now.Add(lookEvery),
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

// settle puts on stable storage what durable jobs have appended to the log, with all
// before it. SQLite would do so if it were told to with a pragma, and syncs the directory
// as well, once a connection: where each request is a process, that is once a write. The
// log's own name it has synced when it made the log. (Nobody holds POSIX locks on the
// log, which closing it would drop.) What cannot be synced was written all the same.
func (x *Index) settle(jobs []*job) {
	if !x.writer.logs || !slices.ContainsFunc(jobs, isDurable) {
		return
	}
	if err := x.sync(x.path + "-wal"); err != nil {
		for _, j := range jobs {
			if j.durable {
				j.err = errors.Join(j.err, err)
			}
		}
	}
}

func isDurable(j *job) bool { return j.durable }

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// synchronous sets how the coming commit treats the disk. NORMAL leaves the log to the
// kernel, until settle. In the safe mode EXTRA waits until the journal's removal is on
// stable storage.
func (w *writer) synchronous(ctx context.Context, jobs []*job) error {
	durable := !w.logs && slices.ContainsFunc(jobs, isDurable)
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
