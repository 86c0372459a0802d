package index

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// schemaVersion is what `PRAGMA user_version` says of the schema below. Any
// change to the schema raises it; a file with a higher number is refused.
const schemaVersion = 1

// The schema. Three tables are keyed by name and answer "what is known of this
// file?"; the fourth is the history.
//
//	          ┌───────────────────────────┐
//	name ──┬─>│ files     one per file in │  published and recorded
//	       │  │           the docroot     │
//	       │  └───────────────────────────┘
//	       │  ┌───────────────────────────┐
//	       ├─>│ partials  one per file in │  growing, or (publishing = 1)
//	       │  │           the state dir   │  about to be renamed
//	       │  └───────────────────────────┘
//	       │  ┌───────────────────────────┐
//	       └─>│ failures  a ring of the   │  "not there", and last errors
//	          │           last 100,000    │
//	          └───────────────────────────┘
//	          ┌───────────────────────────┐
//	seq ─────>│ changes   a ring of the   │  what Publish, Adopt, Remove and
//	          │           last 1,000,000  │  a reindex did to files
//	          └───────────────────────────┘
//
// The life of one name:
//
//	PutPartial  ->  partials                      a fetch begins or goes on
//	Intend      ->  partials, publishing = 1      checked; rename comes next
//	Publish     ->  files + changes, and the rows of partials and failures go
//
// All values are stored as follows.
//
//   - Names are BLOBs: file names are bytes, and a BLOB compares byte by byte,
//     so the order of the table is the order of the bytes, and a prefix is a range.
//   - Times are nanoseconds since 1970 as INTEGER, NULL for the zero time.
//     Years before 1678 and after 2262 become the nearest that fits.
//   - Inodes are unsigned 64 bits, stored in SQLite's signed ones.
//
// files and partials are WITHOUT ROWID, so that a lookup walks one tree and not
// two: with 10^6 files it takes a tenth less time, and the database an eighth
// less room, while inserts of a large batch take a third longer. failures keeps
// its rowid, since that is the ring's order of age.
//
// The sequence of changes starts at the clock's milliseconds. A database that
// is deleted and rebuilt thus starts above all that the old one gave out
// (it would need a thousand changes a second, for ever, to get ahead of the
// clock), and who remembers a sequence number is told of the gap instead of
// waiting for numbers that were used before.
const schema = `
CREATE TABLE files (
	name          BLOB PRIMARY KEY,
	upstream      TEXT NOT NULL,
	size          INTEGER NOT NULL,
	mtime         INTEGER,
	inode         INTEGER NOT NULL,
	etag          TEXT NOT NULL,
	last_modified TEXT NOT NULL,
	content_type  TEXT NOT NULL,
	digest        BLOB,
	fetched       INTEGER,
	checked       INTEGER,
	ours          INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE partials (
	name          BLOB PRIMARY KEY,
	upstream      TEXT NOT NULL,
	inode         INTEGER NOT NULL,
	total         INTEGER NOT NULL,
	mtime         INTEGER,
	etag          TEXT NOT NULL,
	last_modified TEXT NOT NULL,
	content_type  TEXT NOT NULL,
	boot          TEXT NOT NULL,
	synced        INTEGER NOT NULL,
	publishing    INTEGER NOT NULL,
	digest        BLOB,
	started       INTEGER
) WITHOUT ROWID;

CREATE TABLE failures (
	id            INTEGER PRIMARY KEY,
	name          BLOB NOT NULL UNIQUE,
	kind          TEXT NOT NULL,
	cause         TEXT NOT NULL,
	upstream      TEXT NOT NULL,
	at            INTEGER,
	until         INTEGER
);

CREATE TABLE changes (
	seq           INTEGER PRIMARY KEY AUTOINCREMENT,
	name          BLOB NOT NULL,
	op            TEXT NOT NULL,
	size          INTEGER NOT NULL,
	mtime         INTEGER,
	at            INTEGER
);
`

// The column lists, in the order of the fields methods in codec.go.
const (
	fileColumns = `name, upstream, size, mtime, inode, etag, last_modified, content_type,
		digest, fetched, checked, ours`
	partialColumns = `name, upstream, inode, total, mtime, etag, last_modified, content_type,
		boot, synced, publishing, digest, started`
	failureColumns = `name, kind, cause, upstream, at, until`
	changeColumns  = `seq, name, op, size, mtime, at`
)

// version asks which schema the database has: 0 for a new, empty file.
func version(ctx context.Context, conn *sql.Conn) (v int, err error) {
	err = conn.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&v)
	return v, err
}

// createSchema writes the schema, unless another process has done so first: the
// version is asked again under the write lock. All or nothing of it is written.
func createSchema(ctx context.Context, conn *sql.Conn, now time.Time) (err error) {
	if _, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			conn.ExecContext(ctx, `ROLLBACK`)
		}
	}()
	v, err := version(ctx, conn)
	if err != nil {
		return err
	}
	if v == 0 {
		finish := fmt.Sprintf(`INSERT INTO sqlite_sequence (name, seq) VALUES ('changes', %d);
			PRAGMA user_version = %d`, now.UnixMilli(), schemaVersion)
		if _, err := conn.ExecContext(ctx, schema+finish); err != nil {
			return err
		}
	}
	_, err = conn.ExecContext(ctx, `COMMIT`)
	return err
}
