package index

import (
	"context"
	"iter"
)

// FilesAfter yields the records of Files whose names sort behind another: a walk that
// was broken off goes on there.
func (x *Index) FilesAfter(ctx context.Context, prefix, behind string) iter.Seq2[Record, error] {
	if behind < prefix {
		return x.Files(ctx, prefix)
	}
	query, end := `SELECT `+fileColumns+` FROM files WHERE name >= ?`, after(prefix)
	if end != nil {
		query += ` AND name < ?`
	}
	return pages(ctx, x, query+` ORDER BY name`, behind+"\x00", (*Record).fields,
		func(r *Record) string { return r.Name },
		func(from []byte) []any { return bounds(from, end) })
}

// Total counts the files whose names begin with prefix, and the bytes in them.
func (x *Index) Total(ctx context.Context, prefix string) (files, bytes int64, err error) {
	query, end := `SELECT count(*), coalesce(sum(size), 0) FROM files WHERE name >= ?`, after(prefix)
	if end != nil {
		query += ` AND name < ?`
	}
	err = x.read(ctx, "count files", func(r *reader) error {
		_, err := r.row(query, into(&files, &bytes), bounds([]byte(prefix), end)...)
		return err
	})
	return files, bytes, err
}

// Digested records the SHA-256 of a file of which none was known, if r is still
// its record.
func (x *Index) Digested(ctx context.Context, r Record, digest []byte) error {
	return x.write(ctx, "record a digest", false, func(t *transaction) error {
		return t.exec(`UPDATE files SET digest = ?4 WHERE name = ?1 AND size = ?2 AND mtime IS ?3 AND digest IS NULL`,
			[]byte(r.Name), r.Size, nanos(r.ModTime), digest)
	})
}

// WhenDropped returns what is recorded of a dropped file, and whether it is dropped.
func (x *Index) WhenDropped(ctx context.Context, name string) (d Dropped, ok bool, err error) {
	err = x.read(ctx, "look up a dropped file", func(r *reader) (err error) {
		ok, err = r.row(`SELECT `+droppedColumns+` FROM dropped WHERE name = ?`, d.fields(), []byte(name))
		return err
	})
	return d, ok, err
}
