package index

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"
)

// schemaVersion is what `PRAGMA user_version` says of the schema below. Any
// change to the schema raises it; a file with a higher number is refused.
const schemaVersion = 3

// The schema. Three tables are keyed by name and answer "what is known of this
// file?", the fourth "what is in this directory upstream?", the fifth is the
// history, and the last three answer "what do a repository's indexes say of this
// file?".
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
//	       ├─>│ failures  a ring of the   │  "not there", and last errors
//	       │  │           last 100,000    │
//	       │  └───────────────────────────┘
//	       │  ┌───────────────────────────┐
//	       └─>│ listings  one per         │  as an upstream last showed it
//	          │           directory       │
//	          └───────────────────────────┘
//	          ┌───────────────────────────┐
//	seq ─────>│ changes   a ring of the   │  what Publish, Adopt, Remove and
//	          │           last 1,000,000  │  a reindex did to files
//	          └───────────────────────────┘
//	          ┌───────────────────────────┐
//	name ────>│ indexes   one per index   │  Packages, primary.xml, ...: which
//	          │           that was read   │  version, read from which file
//	          └───────────────────────────┘
//	           id = via
//	          ┌───────────────────────────┐
//	via, ────>│ expected  one per file    │  size and digest that the file must
//	name   ┌─>│           and index       │  have; by name, too: by all indexes
//	       │  └───────────────────────────┘
//	       │  ┌───────────────────────────┐
//	name ──┴─>│ dropped   files of ours   │  no index names them any more
//	          └───────────────────────────┘
//
// The life of one name:
//
//	PutPartial  ->  partials                      a fetch begins or goes on
//	Intend      ->  partials, publishing = 1      checked; rename comes next
//	Publish     ->  files + changes, and the rows of partials, failures and
//	                dropped go
//	Touch       ->  files, and the row of failures goes
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
// expected is as large as all that the upstreams offer. It is kept by index, then
// by name, since that is how it is written and compared: a new version of an index
// walks through one stretch of the tree. The way from a name to those who claim it
// is a second, slimmer tree.
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
	ours          INTEGER NOT NULL,
	target        TEXT NOT NULL DEFAULT '',
	fresh         INTEGER NOT NULL DEFAULT 0
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
	started       INTEGER,
	fresh         INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE failures (
	id            INTEGER PRIMARY KEY,
	name          BLOB NOT NULL UNIQUE,
	kind          TEXT NOT NULL,
	cause         TEXT NOT NULL,
	upstream      TEXT NOT NULL,
	at            INTEGER,
	until         INTEGER,
	since         INTEGER
);

CREATE TABLE changes (
	seq           INTEGER PRIMARY KEY AUTOINCREMENT,
	name          BLOB NOT NULL,
	op            TEXT NOT NULL,
	size          INTEGER NOT NULL,
	mtime         INTEGER,
	at            INTEGER
);
` + schemaListings + schemaKnowledge

// schemaListings is what version 2 brought, beside files.target. A row is
// large, so the table keeps its rowid.
const schemaListings = `
CREATE TABLE listings (
	id            INTEGER PRIMARY KEY,
	name          BLOB NOT NULL UNIQUE,
	upstream      TEXT NOT NULL,
	format        TEXT NOT NULL,
	mtime         INTEGER,
	etag          TEXT NOT NULL,
	last_modified TEXT NOT NULL,
	checked       INTEGER,
	ended         INTEGER NOT NULL,
	unread        INTEGER NOT NULL,
	entries       BLOB NOT NULL
);
`

// schemaKnowledge is what version 3 brought, beside files.fresh, partials.fresh
// and failures.since.
const schemaKnowledge = `
CREATE TABLE indexes (
	id            INTEGER PRIMARY KEY,
	name          BLOB NOT NULL UNIQUE,
	source        BLOB NOT NULL,
	digest        BLOB NOT NULL,
	made          INTEGER,
	expires       INTEGER,
	learned       INTEGER
);

CREATE TABLE expected (
	via           INTEGER NOT NULL,
	name          BLOB NOT NULL,
	size          INTEGER NOT NULL,
	algorithm     INTEGER NOT NULL,
	digest        BLOB NOT NULL,
	slot          BLOB NOT NULL DEFAULT x'',
	package       INTEGER NOT NULL,
	known_as      BLOB NOT NULL DEFAULT x'',
	PRIMARY KEY (via, name)
) WITHOUT ROWID;

CREATE INDEX expected_name ON expected (name);

CREATE TABLE dropped (
	name          BLOB PRIMARY KEY,
	since         INTEGER,
	via           BLOB NOT NULL
) WITHOUT ROWID;
`

// upgrades lead from each version to the next one, beginning with version 1.
var upgrades = [schemaVersion - 1]string{
	`ALTER TABLE files ADD COLUMN target TEXT NOT NULL DEFAULT '';` + schemaListings,
	`ALTER TABLE files ADD COLUMN fresh INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE partials ADD COLUMN fresh INTEGER NOT NULL DEFAULT 0;
	ALTER TABLE failures ADD COLUMN since INTEGER;` + schemaKnowledge,
}

// The column lists, in the order of the fields methods in codec.go.
const (
	fileColumns = `name, upstream, size, mtime, inode, etag, last_modified, content_type,
		digest, fetched, checked, ours, target, fresh`
	partialColumns = `name, upstream, inode, total, mtime, etag, last_modified, content_type,
		boot, synced, publishing, digest, started, fresh`
	failureColumns = `name, kind, cause, upstream, at, until, since`
	changeColumns  = `seq, name, op, size, mtime, at`
	listingColumns = `name, upstream, format, mtime, etag, last_modified, checked, ended, unread, entries`
	indexColumns   = `name, source, digest, made, expires, learned`
	claimColumns   = `name, size, algorithm, digest, slot, package, known_as`
	droppedColumns = `name, since, via`

	newChangeColumns = `name, op, size, mtime, at`
)

// The values of a row.
const (
	fileRow      = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	partialRow   = `(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	newChangeRow = `(?, ?, ?, ?, ?)`
)

// version asks which schema the database has: 0 for a new, empty file.
func version(ctx context.Context, conn *sql.Conn) (v int, err error) {
	err = conn.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&v)
	return v, err
}

// createSchema writes the schema, or what an older one lacks of it, unless
// another process has done so first: the version is asked again under the write
// lock. All or nothing of it is written.
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
	var missing string
	if v == 0 {
		missing = schema + fmt.Sprintf(`INSERT INTO sqlite_sequence (name, seq) VALUES ('changes', %d);`, now.UnixMilli())
	} else if v < schemaVersion {
		missing = strings.Join(upgrades[v-1:], "")
	}
	if missing != "" {
		if _, err := conn.ExecContext(ctx, missing+fmt.Sprintf(`PRAGMA user_version = %d`, schemaVersion)); err != nil {
			return err
		}
	}
	_, err = conn.ExecContext(ctx, `COMMIT`)
	return err
}
