package index

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// olderSchema is the schema as an older version wrote it.
func olderSchema(version int) string {
	without := []string{schemaKnowledge, `,
	fresh         INTEGER NOT NULL DEFAULT 0`, `,
	since         INTEGER
`}
	if version < 2 {
		without = append(without, schemaListings, `,
	target        TEXT NOT NULL DEFAULT ''`)
	}
	older := schema
	for _, what := range without {
		older = strings.ReplaceAll(older, what, "")
	}
	return older
}

// TestUpgrade opens databases as earlier versions wrote them.
func TestUpgrade(t *testing.T) {
	for version := 1; version < schemaVersion; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			dir := t.TempDir()
			db, err := sql.Open("sqlite3", filepath.Join(dir, FileName))
			must(t, err)
			_, err = db.Exec(`PRAGMA journal_mode = WAL;` + olderSchema(version) + `
				INSERT INTO files (name, upstream, size, inode, etag, last_modified, content_type, ours)
					VALUES (x'61', 'http://one.example/a', 5, 7, '', '', '', 1);
				INSERT INTO partials (name, upstream, inode, total, etag, last_modified, content_type, boot, synced, publishing)
					VALUES (x'62', 'http://one.example/b', 8, -1, '', '', '', '', 0, 0);` +
				fmt.Sprintf(`PRAGMA user_version = %d`, version))
			must(t, err)
			must(t, db.Close())

			x := open(t, dir)
			expectFile(t, x, "a", &Record{Name: "a", Upstream: "http://one.example/a", Size: 5, Inode: 7, Ours: true})
			expectPartial(t, x, "b", &Partial{Name: "b", Upstream: "http://one.example/b", Inode: 8, Total: -1})
			must(t, x.PutListings(t.Context(), Listing{Name: "d", Entries: []byte{}}))
			if _, ok, err := x.Listing(t.Context(), "d"); !ok || err != nil {
				t.Errorf("%v, %v", ok, err)
			}
			learned, err := x.Learn(t.Context(), IndexFile{Name: "i"}, []Claim{{Name: "a"}})
			if err != nil || learned.Claims != 1 {
				t.Errorf("%+v, %v", learned, err)
			}
			expectSchema(t, x)
		})
	}
}

// expectSchema compares the tables' columns with those of a new database.
func expectSchema(t *testing.T, x *Index) {
	t.Helper()
	columns := func(x *Index) (all []string) {
		must(t, x.read(t.Context(), "list columns", func(r *reader) error {
			all = nil
			return r.rows(`SELECT m.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || c.pk
				FROM sqlite_schema AS m, pragma_table_info(m.name) AS c ORDER BY 1`, func(scan scanner) error {
				var column string
				err := scan(&column)
				all = append(all, column)
				return err
			})
		}))
		return all
	}
	got, want := columns(x), columns(open(t, t.TempDir()))
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the upgraded schema is\n%q, want\n%q", got, want)
	}
}
