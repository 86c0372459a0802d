package index

import (
	"context"
	"iter"
	"strconv"
)

const (
	selectFile    = `SELECT ` + fileColumns + ` FROM files WHERE name = ?`
	selectPartial = `SELECT ` + partialColumns + ` FROM partials WHERE name = ?`
	selectFailure = `SELECT ` + failureColumns + ` FROM failures WHERE name = ?`

	selectAll = `SELECT f.name IS NOT NULL, p.name IS NOT NULL, n.name IS NOT NULL,
		f.name, f.upstream, f.size, f.mtime, f.inode, f.etag, f.last_modified, f.content_type,
		f.digest, f.fetched, f.checked, f.ours, f.target, f.fresh,
		p.name, p.upstream, p.inode, p.total, p.mtime, p.etag, p.last_modified, p.content_type,
		p.boot, p.synced, p.publishing, p.digest, p.started, p.fresh,
		n.name, n.kind, n.cause, n.upstream, n.at, n.until, n.since
		FROM (SELECT ? AS name) AS k
		LEFT JOIN files AS f ON f.name = k.name
		LEFT JOIN partials AS p ON p.name = k.name
		LEFT JOIN failures AS n ON n.name = k.name`
)

// pageRows is how many rows an iterator reads at a time. Between two pages it
// holds no lock and no snapshot, so that a slow consumer, or one that writes,
// keeps nobody waiting and lets the log be copied back.
const pageRows = 256

// File returns the record of a published file, and whether there is one.
func (x *Index) File(ctx context.Context, name string) (record Record, ok bool, err error) {
	err = x.read(ctx, "look up a file", func(r *reader) (err error) {
		ok, err = r.row(selectFile, record.fields(), []byte(name))
		return err
	})
	return record, ok, err
}

// Partial returns what is recorded of a partial file, and whether there is one.
func (x *Index) Partial(ctx context.Context, name string) (partial Partial, ok bool, err error) {
	err = x.read(ctx, "look up a partial file", func(r *reader) (err error) {
		ok, err = r.row(selectPartial, partial.fields(), []byte(name))
		return err
	})
	return partial, ok, err
}

// Failure returns the last failure of a name, and whether there is one.
func (x *Index) Failure(ctx context.Context, name string) (failure Failure, ok bool, err error) {
	err = x.read(ctx, "look up a failure", func(r *reader) (err error) {
		ok, err = r.row(selectFailure, failure.fields(), []byte(name))
		return err
	})
	return failure, ok, err
}

// Lookup returns all that is known of a name, of one moment: nil stands for
// nothing. It costs less than three calls, and cannot miss a file that goes
// from partial to published meanwhile.
func (x *Index) Lookup(ctx context.Context, name string) (record *Record, partial *Partial, failure *Failure, err error) {
	err = x.read(ctx, "look up a name", func(r *reader) error {
		var (
			rec          Record
			part         Partial
			fail         Failure
			is, has, was bool
		)
		fields := into(&is, &has, &was)
		fields = append(fields, rec.fields()...)
		fields = append(fields, part.fields()...)
		fields = append(fields, fail.fields()...)
		if _, err := r.row(selectAll, fields, []byte(name)); err != nil {
			return err
		}
		record, partial, failure = nil, nil, nil
		if is {
			record = &rec
		}
		if has {
			partial = &part
		}
		if was {
			failure = &fail
		}
		return nil
	})
	return record, partial, failure, err
}

// Files yields the records whose names begin with prefix, in the order of their
// bytes. It reads a page at a time: each row is as it was when its page was
// read, and the caller may write meanwhile. After an error it ends.
func (x *Index) Files(ctx context.Context, prefix string) iter.Seq2[Record, error] {
	return list(ctx, x, prefix, `SELECT `+fileColumns+` FROM files`, (*Record).fields,
		func(r *Record) string { return r.Name })
}

// Partials yields all partial files, in the manner of Files.
func (x *Index) Partials(ctx context.Context) iter.Seq2[Partial, error] {
	return x.PartialsBelow(ctx, "")
}

// PartialsBelow yields the partial files whose names begin with prefix.
func (x *Index) PartialsBelow(ctx context.Context, prefix string) iter.Seq2[Partial, error] {
	return list(ctx, x, prefix, `SELECT `+partialColumns+` FROM partials`, (*Partial).fields,
		func(p *Partial) string { return p.Name })
}

// list yields the rows of a table that is keyed by name.
func list[T any](ctx context.Context, x *Index, prefix, query string, fields func(*T) []any, name func(*T) string) iter.Seq2[T, error] {
	// A name that begins with prefix lies between prefix itself and end.
	query += ` WHERE name >= ?`
	end := after(prefix)
	if end != nil {
		query += ` AND name < ?`
	}
	return pages(ctx, x, query+` ORDER BY name`, prefix, fields, name,
		func(from []byte) []any { return bounds(from, end) })
}

// pages yields the rows of a query that is ordered by name. args are its
// arguments for the rows from a name on, at first from the name first.
func pages[T any](ctx context.Context, x *Index, query, first string, fields func(*T) []any, name func(*T) string, args func(from []byte) []any) iter.Seq2[T, error] {
	query += ` LIMIT ` + strconv.Itoa(pageRows)
	return func(yield func(T, error) bool) {
		page := make([]T, 0, pageRows) // for all of them: a record of a million files is some thousands
		for from := []byte(first); ; {
			err := x.read(ctx, "list names", func(r *reader) error {
				page = page[:0]
				return r.rows(query, func(scan scanner) error {
					var row T
					err := scan(fields(&row)...)
					page = append(page, row)
					return err
				}, args(from)...)
			})
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
			}
			if len(page) < pageRows {
				return
			}
			from = append([]byte(name(&page[len(page)-1])), 0) // the next name that there can be
		}
	}
}

// bounds are the arguments of list's query.
func bounds(from, end []byte) []any {
	if end == nil {
		return []any{from}
	}
	return []any{from, end}
}

// after returns the first name that sorts behind all names which begin with
// prefix; nil if there is none.
func after(prefix string) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xFF {
			return append([]byte(prefix[:i]), prefix[i]+1)
		}
	}
	return nil
}
