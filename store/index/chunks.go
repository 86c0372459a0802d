package index

import (
	"slices"
	"strings"
	"time"
)

// chunk is how many rows of a batch one statement writes: to hand a row over costs as
// much as to write it, by sixteen half as much a row. With 8 it is a tenth more, with 32
// no less.
const chunk = 16

// inChunks hands rows to many, a chunk at a time, and what is left to one.
func inChunks[T any](rows []T, many func([]T) error, one func(T) error) error {
	for ; len(rows) >= chunk; rows = rows[chunk:] {
		if err := many(rows[:chunk:chunk]); err != nil {
			return err
		}
	}
	for _, row := range rows {
		if err := one(row); err != nil {
			return err
		}
	}
	return nil
}

// ofChunk is a statement with a chunk of something in it.
func ofChunk(before, each, behind string) string {
	return before + strings.Repeat(each+", ", chunk-1) + each + behind
}

// OR FAIL spares SQLite from noting how each page was before the statement, to undo it
// alone. What a job has written before it fails is undone as a whole.
var (
	putPartials = ofChunk(`REPLACE INTO partials (`+partialColumns+`) VALUES `, partialRow, ``)
	addFiles    = ofChunk(`INSERT OR FAIL INTO files (`+fileColumns+`) VALUES `, fileRow, ``)
	addChanges  = ofChunk(`INSERT OR FAIL INTO changes (`+newChangeColumns+`) VALUES `, newChangeRow, ``)

	selectAnyFile  = ofChunk(`SELECT EXISTS (SELECT 1 FROM files WHERE name IN (`, `?`, `))`)
	deletePartials = ofChunk(`DELETE FROM partials WHERE name IN (`, `?`, `)`)
	deleteFailures = ofChunk(`DELETE FROM failures WHERE name IN (`, `?`, `)`)
)

// intendMany writes a chunk.
func (t *transaction) intendMany(partials []Partial) error {
	values := make([]any, 0, chunk*strings.Count(partialRow, "?"))
	for _, p := range partials {
		p.Publishing = true
		values = append(values, p.values()...)
	}
	return t.execMany(putPartials, values)
}

// publishMany publishes a chunk: together if all of its files are new, as those of
// almost all chunks are.
func (t *transaction) publishMany(records []Record) error {
	names := make([]any, 0, chunk)
	files := make([]any, 0, chunk*strings.Count(fileRow, "?"))
	changes := make([]any, 0, chunk*strings.Count(newChangeRow, "?"))
	now := time.Now()
	for _, r := range records {
		r.Ours = true
		c := Change{Name: r.Name, Op: OpAdd, Size: r.Size, ModTime: r.ModTime, At: now}
		names = append(names, []byte(r.Name))
		files = append(files, r.values()...)
		changes = append(changes, c.values()...)
	}
	known := twice(records)
	if !known {
		if _, err := t.row(selectAnyFile, []any{&known}, names...); err != nil {
			return err
		}
	}
	if known {
		for _, r := range records {
			if err := t.publish(r); err != nil {
				return err
			}
		}
		return nil
	}
	if err := t.execMany(addFiles, files); err != nil {
		return err
	}
	if err := t.execMany(deletePartials, names); err != nil {
		return err
	}
	if err := t.execMany(deleteFailures, names); err != nil {
		return err
	}
	if err := t.execMany(addChanges, changes); err != nil {
		return err
	}
	var last int64
	if _, err := t.row(`SELECT last_insert_rowid()`, []any{&last}); err != nil {
		return err
	}
	return t.trimChanges(last, chunk)
}

// twice reports whether two of the records have the same name.
func twice(records []Record) bool {
	for i, r := range records {
		if slices.ContainsFunc(records[:i], func(other Record) bool { return other.Name == r.Name }) {
			return true
		}
	}
	return false
}
