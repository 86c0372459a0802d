package index

import (
	"context"
	"time"
)

const (
	// keepChanges bounds the change log: a reader may stay away for a million
	// changes, some hundred megabytes of database, before it must list all files.
	keepChanges = 1_000_000

	// keepFailures bounds the failures. Who asks for random names all day long
	// fills some ten megabytes, not the disk.
	keepFailures = 100_000

	// trimEvery is how many rows are added between two trims: few enough that
	// a trim takes a millisecond, enough that it is not felt.
	trimEvery = 1000
)

// log adds a line to the change log. Seq and At are set here.
func (t *transaction) log(c Change) error {
	c.At = time.Now()
	result, err := t.result(`INSERT INTO changes (`+newChangeColumns+`) VALUES `+newChangeRow, c.values()...)
	if err != nil {
		return err
	}
	seq, err := result.LastInsertId()
	if err != nil {
		return err
	}
	return t.trimChanges(seq, 1)
}

func (t *transaction) trimChanges(last, n int64) error {
	return t.trim(last, n, `DELETE FROM changes WHERE seq <= ?`, keepChanges)
}

// trim keeps the last rows of a table whose rowids rise with age, by the given
// statement. It does so when one of the n rows just inserted, up to the rowid last, has
// a round number; whoever happens to insert that one trims for all.
func (t *transaction) trim(last, n int64, deleteUpTo string, keep int64) error {
	if last%trimEvery >= n {
		return nil
	}
	return t.exec(deleteUpTo, last-last%trimEvery-keep)
}

// Changes returns at most limit lines of the change log that come after the
// sequence number since, oldest first; none if nothing has changed. Since 0
// begins with the oldest line that is kept.
//
// ErrGap means that lines between since and the oldest kept were trimmed, or
// were lost with an earlier database: what changed meanwhile can only be found
// by listing all files. A caller does so and goes on from Sequence, asked before.
func (x *Index) Changes(ctx context.Context, since int64, limit int) ([]Change, error) {
	var changes []Change
	err := x.read(ctx, "read the change log", func(r *reader) error {
		changes = nil
		err := r.rows(`SELECT `+changeColumns+` FROM changes WHERE seq > ? ORDER BY seq LIMIT ?`,
			func(scan scanner) error {
				var c Change
				err := scan(c.fields()...)
				changes = append(changes, c)
				return err
			}, since, limit)
		if err != nil || since == 0 || limit <= 0 {
			return err
		}
		if len(changes) > 0 && changes[0].Seq == since+1 {
			return nil
		}
		last, err := r.sequence()
		if err == nil && (last != since || len(changes) > 0) {
			return ErrGap
		}
		return err
	})
	return changes, err
}

// Sequence returns the sequence number of the last change.
func (x *Index) Sequence(ctx context.Context) (last int64, err error) {
	err = x.read(ctx, "read the change log", func(r *reader) (err error) {
		last, err = r.sequence()
		return err
	})
	return last, err
}

func (r *reader) sequence() (last int64, err error) {
	_, err = r.row(`SELECT seq FROM sqlite_sequence WHERE name = 'changes'`, []any{&last})
	return last, err
}
