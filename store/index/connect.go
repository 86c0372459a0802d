package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
)

// dsn names the database for the driver, to open what is there.
//
// The driver and SQLite both read the URI, so the path is escaped: a '?' or '#'
// in a directory's name is part of the name. SQLite is not to wait for locks,
// since patiently does. What costs a statement, and is set already or of no use
// to the process of a single request, is not set here.
func (x *Index) dsn() string {
	u := url.URL{Path: x.path}
	return "file:" + u.EscapedPath() + "?mode=rw&_busy_timeout=0"
}

// open opens the database, with the schema in place and the journal as wanted,
// and returns which file it is. Only where there is something to do does
// initialise run.
func (x *Index) open(ctx context.Context, dsn string, connections int) (*sql.DB, os.FileInfo, error) {
	for range 3 {
		db, file, err := x.openReady(ctx, dsn, connections)
		if db != nil || err != nil {
			return db, file, err
		}
		if err := x.patiently(ctx, func() error { return x.initialise(ctx) }); err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, errors.New("somebody deletes the file again and again")
}

// openReady opens the database if it is ready, at the cost of one stat and one
// statement; all are nil if it is not. The file's identity is taken before it
// is opened: should it be replaced in between, the two differ, and the next
// look at the path shows it.
func (x *Index) openReady(ctx context.Context, dsn string, connections int) (*sql.DB, os.FileInfo, error) {
	file, err := os.Stat(x.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
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
	if ready && err == nil {
		return db, file, nil
	}
	db.Close()
	if x.moved(file) {
		return nil, nil, nil // deleted just now
	}
	return nil, nil, err
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
	if v < schemaVersion {
		return false, nil
	}
	if x.mode == modeWAL {
		// One that is in the safe mode stays there: leaving it would need the
		// whole database for ourselves, and it is merely slower.
		return true, nil
	}
	mode, err := journal(ctx, conn)
	return mode != modeWAL, err
}

// journal asks for the journal mode.
func journal(ctx context.Context, conn *sql.Conn) (mode string, err error) {
	err = conn.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode)
	return mode, err
}
