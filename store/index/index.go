// Package index keeps the record of what the mirror has, in SQLite: published
// files, partial files, negative answers, directories, a log of changes, and what
// repositories' indexes claim of their files.
//
// It is a record and not the truth. The truth is the docroot; an index that is
// lost is rebuilt from it by `mirrorctl reindex`, and an engine that cannot
// write a record can deliver and publish the file all the same.
//
// # Many processes
//
// A daemon, CGI processes, detached workers and mirrorctl use one database at
// the same time. Within a process, one writer connection takes all writes:
// whatever is queued while one transaction commits makes up the next (group
// commit). Between processes SQLite's file locks decide; see patiently for why
// "database is locked" never reaches a caller.
//
//	caller ─┐                    ┌─> transaction ─> index.db-wal ─┐
//	caller ─┼─> queue ─> drain ──┤   (one for all   (append)      ├─> index.db
//	caller ─┘   (memory) (one    └─   that waited)   checkpoint ──┘
//	                      at a time)
//
// # Durability
//
// A write that has returned survives the death of any process, at any moment.
// After a power cut the last few writes may be missing, but the database is
// whole, and nothing is missing that precedes something which is there. Intend
// alone waits for the disk: once it has returned, the intent and all writes
// before it survive a power cut too. As strace shows it:
//
//	            WAL                            the safe mode (rollback journal)
//	Intend      write index.db-wal, fsync it   fsync the journal and its directory, the
//	                                           database; unlink the journal, fsync the
//	                                           directory
//	the others  write index.db-wal             the same without the last fsync
//
// and, once a megabyte of log (a quarter where each request is a process: see Brief), the
// checkpoint: fsync index.db-wal, write index.db, fsync it; a log that got longer than
// four is truncated then. To wait at every write would cost each single Publish six
// times its 30 µs here, where an fsync takes 0.15 ms, and a hundred times on a disk that
// turns.
//
// A file that somebody deletes is noticed within a second, at the next write,
// and created anew; what was written in that second is lost with it.
//
// # Cost
//
// Open does nothing but remember; the first use opens the database, in about
// 0.4 ms for a read and 0.3 ms more for a first write. A process that answers
// one request should simply exit: Close, by the last process that has the
// database open, copies the log back, which costs more than the request did,
// and some later commit does so anyway.
package index

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3" // the "sqlite3" driver
)

// FileName is the database's name in the state directory. SQLite puts
// FileName-wal, FileName-shm or FileName-journal beside it.
const FileName = "index.db"

const (
	// How often the writer makes sure that the file it writes to is still the
	// one at its path. A stat costs a microsecond, so this is not about cost
	// but says how long writes may go to a file that somebody has deleted.
	lookEvery = time.Second

	// Read connections, that is reads at the same moment. A read takes some
	// ten microseconds of processor time, so more would only wait there.
	readConnections = 4
)

// An Index is the record. It is safe for concurrent use.
//
// All its errors say what to do in a sentence. errors.Is tells those listed in
// errors.go apart. A context that ends lets a call return while it waits for
// its turn; what has begun is finished, in microseconds or, where a lock is
// awaited, seconds, so that a caller always knows whether its write was made.
type Index struct {
	dir  string // the state directory, absolute
	path string // the database in it
	mode string // modeWAL or modeDelete, by the file system

	patience time.Duration           // shorter in tests
	logPages int                     // length of the log at which a commit copies it back
	sync     func(path string) error // fsync; another in tests

	// mu guards reader and closed. A read holds it shared as long as it uses
	// the reader; who opens, drops or closes the reader holds it alone.
	mu     sync.RWMutex
	reader *reader // nil until first used, and after the file was replaced
	closed bool

	queue  queue
	writer *writer // owned by the goroutine that drains the queue; nil until first used
}

// A reader is a small pool of connections that can only read. Safe for
// concurrent use.
type reader struct {
	db   *sql.DB
	file os.FileInfo // what stood at the path when it was opened
	statements
}

// Open returns the index in the state directory dir. It touches nothing: an
// error is a directory that is not there. What is wrong with the database shows
// at the first use, and again at each use until it is right.
func Open(dir string) (*Index, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	mode, err := modeFor(dir)
	if err != nil {
		return nil, err
	}
	return &Index{dir: dir, path: filepath.Join(dir, FileName), mode: mode, patience: patience, logPages: checkpointPages, sync: syncFile}, nil
}

// Close waits for the writes that are queued and closes the database. Calls
// that come later, and a second Close, return ErrClosed.
func (x *Index) Close() error {
	if !x.queue.close() {
		return ErrClosed
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	return explain(x.path, "close", errors.Join(x.writer.close(), x.dropReader()))
}

// read runs f with the reader, which it opens if need be.
func (x *Index) read(ctx context.Context, op string, f func(*reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := x.patiently(ctx, func() error {
		r, err := x.acquireReader(ctx)
		if err != nil {
			return err
		}
		err = f(r)
		x.mu.RUnlock()
		if err != nil && x.moved(r.file) {
			x.mu.Lock()
			x.dropReader() // it read a damaged file that is gone by now
			x.mu.Unlock()
		}
		return err
	})
	return explain(x.path, op, err)
}

// acquireReader returns the reader with x.mu held shared.
func (x *Index) acquireReader(ctx context.Context) (*reader, error) {
	for {
		x.mu.RLock()
		if x.reader != nil {
			return x.reader, nil
		}
		x.mu.RUnlock()
		if err := x.openReader(ctx); err != nil {
			return nil, err
		}
	}
}

// openReader sets x.reader, unless somebody else has done so meanwhile.
func (x *Index) openReader(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return ErrClosed
	}
	if x.reader != nil {
		return nil
	}
	db, file, err := x.open(ctx, x.dsn()+"&_query_only=1", readConnections)
	if err != nil {
		return err
	}
	x.reader = &reader{db: db, file: file, statements: statements{on: db}}
	return nil
}

// dropReader closes the reader; the next read opens another. x.mu must be held.
func (x *Index) dropReader() error {
	if x.reader == nil {
		return nil
	}
	err := errors.Join(x.reader.close(), x.reader.db.Close())
	x.reader = nil
	return err
}

// moved reports whether the path no longer leads to file: the database was
// deleted, or replaced. It asks the path only; to open the file and close it
// again would drop the locks that SQLite holds on it.
func (x *Index) moved(file os.FileInfo) bool {
	now, err := os.Stat(x.path)
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	return !os.SameFile(now, file)
}
