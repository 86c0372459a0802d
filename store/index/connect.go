package index

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

// dsn names the database for the driver. access is SQLite's: "rw" opens the
// file that is there, "rwc" creates it.
//
// The driver and SQLite both read the URI, so the path is escaped: a '?' or '#'
// in a directory's name is part of the name. Times and journal mode are not
// set here, since each costs a statement and a process may live for one request.
func (x *Index) dsn(access string, extra ...string) string {
	u := url.URL{Path: x.path}
	return fmt.Sprintf("file:%s?mode=%s&_busy_timeout=%d%s", u.EscapedPath(), access,
		x.busyTimeout.Milliseconds(), strings.Join(extra, ""))
}

// open opens the database, with the schema in place and the journal as wanted.
//
// Almost always all of it is there, and costs one stat and one statement to
// see. Only where it is not does initialise run. The file's identity is taken
// before the file is opened: should it be replaced in between, the two differ,
// and the next look at the path repairs it.
func (x *Index) open(ctx context.Context, dsn string, connections int) (*sql.DB, os.FileInfo, error) {
	for attempt := 0; ; attempt++ {
		file, err := os.Stat(x.path)
		if err == nil {
			db, err := sql.Open("sqlite3", dsn)
			if err != nil {
				return nil, nil, err
			}
			db.SetMaxOpenConns(connections)
			db.SetMaxIdleConns(connections)
			var ready bool
			err = x.patiently(ctx, func() (err error) {
				ready, err = x.ready(ctx, db)
				return err
			})
			if err == nil && ready {
				return db, file, nil
			}
			db.Close()
			if err != nil {
				return nil, nil, err
			}
		} else if !os.IsNotExist(err) {
			return nil, nil, err
		}
		if attempt == 2 {
			return nil, nil, fmt.Errorf("somebody deletes %s again and again", x.path)
		}
		if err := x.patiently(ctx, func() error { return x.initialise(ctx) }); err != nil {
			return nil, nil, err
		}
	}
}

// ready reports whether the database can be used as it is. It refuses one that
// a newer program wrote.
func (x *Index) ready(ctx context.Context, db *sql.DB) (bool, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	v, err := version(ctx, conn)
	if err != nil {
		return false, err
	}
	if v > schemaVersion {
		return false, fmt.Errorf("%w (the file has version %d, this program knows %d)", ErrNewer, v, schemaVersion)
	}
	if v == 0 || x.mode == ModeWAL {
		// One that is in the safe mode stays there: leaving it would need the
		// whole database for ourselves, and it is merely slower.
		return v != 0, nil
	}
	mode, err := journal(ctx, conn)
	return mode != ModeWAL, err
}

// initialise creates the file, sets its journal mode, which the file remembers,
// and writes the schema. Any number of processes may do so at once: SQLite's
// locks order them, and those that come later find the work done.
func (x *Index) initialise(ctx context.Context) error {
	db, err := sql.Open("sqlite3", x.dsn("rwc"))
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "PRAGMA journal_mode = "+x.mode); err != nil {
		return err
	}
	mode, err := journal(ctx, conn)
	if err != nil {
		return err
	}
	if mode == ModeWAL && x.mode != ModeWAL {
		return fmt.Errorf("the journal cannot be changed to the safe mode: %w", ErrBusy)
	}
	return createSchema(ctx, conn, time.Now())
}

// journal asks for the journal mode.
func journal(ctx context.Context, conn *sql.Conn) (mode string, err error) {
	err = conn.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode)
	return mode, err
}

// patiently repeats f while others are in the way. SQLite itself waits for most
// locks (busyTimeout), but in some places it must not, lest two wait for each
// other: while the journal mode changes, while a log is recovered or removed,
// when the database changed under a read that became a write.
func (x *Index) patiently(ctx context.Context, f func() error) error {
	deadline := time.Now().Add(x.patience)
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := f()
		if !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
