package index

import (
	"context"
	"time"
)

// PutPartial records a partial file, in place of what was recorded before.
func (x *Index) PutPartial(ctx context.Context, p Partial) error {
	return x.write(ctx, "record a partial file", false, func(t *transaction) error {
		return t.putPartial(p)
	})
}

// DeletePartial forgets a partial file. One that is not recorded is no error.
func (x *Index) DeletePartial(ctx context.Context, name string) error {
	return x.write(ctx, "forget a partial file", false, func(t *transaction) error {
		return t.exec(`DELETE FROM partials WHERE name = ?`, []byte(name))
	})
}

// Intend records that the files are checked and about to be renamed into the
// docroot: all of them, with Publishing set, or none. When it has returned, the
// intents are on stable storage: after a power cut a name that made it into the
// docroot is known as ours, whether or not Publish came to record it.
func (x *Index) Intend(ctx context.Context, partials []Partial) error {
	return x.write(ctx, "record what is to be published", true, func(t *transaction) error {
		return inChunks(partials, t.intendMany, t.intend)
	})
}

// Publish records files that now stand in the docroot: all of them or none.
// Their partials and failures go, and each adds a line to the change log,
// OpAdd or OpReplace. Ours is set whatever the records say. It does not wait for
// the disk; see Intend.
func (x *Index) Publish(ctx context.Context, records []Record) error {
	return x.write(ctx, "record published files", false, func(t *transaction) error {
		return inChunks(records, t.publishMany, t.publish)
	})
}

// Touch notes that the upstream, at checked, called the recorded file current
// (304), and records the validators that came with that answer, and for how long it
// will be (Record.Fresh); what is empty or 0 leaves what is known. The name's failure
// goes. The change log stays as it is, since the file does. A name without a record is
// no error.
func (x *Index) Touch(ctx context.Context, name string, checked time.Time, etag, lastModified string, fresh time.Duration) error {
	return x.write(ctx, "note a check", false, func(t *transaction) error {
		if err := t.exec(`DELETE FROM failures WHERE name = ?`, []byte(name)); err != nil {
			return err
		}
		return t.exec(`UPDATE files SET checked = ?2,
			etag = CASE ?3 WHEN '' THEN etag ELSE ?3 END,
			last_modified = CASE ?4 WHEN '' THEN last_modified ELSE ?4 END,
			fresh = CASE ?5 WHEN 0 THEN fresh ELSE ?5 END
			WHERE name = ?1`, []byte(name), nanos(checked), etag, lastModified, int64(fresh))
	})
}

// PutFailure records what went wrong for a name, in place of what was recorded
// before: Since is that of the earlier one, if that is of the same kind, else At. The
// last 100,000 or so are kept.
func (x *Index) PutFailure(ctx context.Context, f Failure) error {
	f.Since = f.At
	return x.write(ctx, "record a failure", false, func(t *transaction) error {
		result, err := t.result(`REPLACE INTO failures (`+failureColumns+`)
			SELECT ?1, ?2, ?3, ?4, ?5, ?6, coalesce((SELECT since FROM failures WHERE name = ?1 AND kind = ?2), ?7)`,
			f.values()...)
		if err != nil {
			return err
		}
		id, err := result.LastInsertId()
		if err != nil {
			return err
		}
		return t.trim(id, 1, `DELETE FROM failures WHERE id <= ?`, keepFailures)
	})
}

// ForgetFailures forgets the failures of a kind of all names that begin with prefix.
func (x *Index) ForgetFailures(ctx context.Context, prefix, kind string) error {
	return x.write(ctx, "forget failures", false, func(t *transaction) error {
		if end := after(prefix); end != nil {
			return t.exec(`DELETE FROM failures WHERE kind = ? AND name >= ? AND name < ?`, kind, []byte(prefix), end)
		}
		return t.exec(`DELETE FROM failures WHERE kind = ? AND name >= ?`, kind, []byte(prefix))
	})
}

// Remove forgets files that no longer stand in the docroot: all of them or
// none. Each that was recorded adds a line to the change log, OpRemove.
func (x *Index) Remove(ctx context.Context, names ...string) error {
	return x.write(ctx, "forget files", false, func(t *transaction) error {
		for _, name := range names {
			result, err := t.result(`DELETE FROM files WHERE name = ?`, []byte(name))
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			if n == 0 {
				continue // the others are to go all the same
			}
			if err := t.clearDropped(name); err != nil {
				return err
			}
			if err := t.log(Change{Name: name, Op: OpRemove}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Adopt records files that stand in the docroot as ours, whoever put them
// there: all of them or none. Ours is set whatever the records say. Each adds a
// line to the change log, OpAdopt.
func (x *Index) Adopt(ctx context.Context, records ...Record) error {
	return x.write(ctx, "adopt files", false, func(t *transaction) error {
		for _, r := range records {
			r.Ours = true
			if _, err := t.putFile(r); err != nil {
				return err
			}
			if err := t.log(Change{Name: r.Name, Op: OpAdopt, Size: r.Size, ModTime: r.ModTime}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Reindexed records files that a reindex found in the docroot: all of them or
// none.
//
//   - Where a record of the same size and mtime exists, it stays as it is.
//   - Where an intent of the same inode, size and mtime exists, the file is
//     ours, and its publication is completed as Publish would have.
//   - Otherwise the file is recorded with Ours false, and adds a line to the
//     change log, OpFound: somebody else put it there.
func (x *Index) Reindexed(ctx context.Context, found []Record) error {
	return x.write(ctx, "record found files", false, func(t *transaction) error {
		for _, r := range found {
			if err := t.reindexed(r); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *transaction) reindexed(r Record) error {
	var known Record
	ok, err := t.row(selectFile, known.fields(), []byte(r.Name))
	if err != nil || ok && known.Describes(r.Size, r.ModTime) {
		return err
	}
	var intent Partial
	ok, err = t.row(selectPartial, intent.fields(), []byte(r.Name))
	if err != nil {
		return err
	}
	if ok && intent.Became(r.Inode, r.Size, r.ModTime) {
		return t.publish(intent.Record())
	}
	r.Ours = false
	if _, err := t.putFile(r); err != nil {
		return err
	}
	return t.log(Change{Name: r.Name, Op: OpFound, Size: r.Size, ModTime: r.ModTime})
}

func (t *transaction) publish(r Record) error {
	r.Ours = true
	replaced, err := t.putFile(r)
	if err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM partials WHERE name = ?`, []byte(r.Name)); err != nil {
		return err
	}
	if err := t.exec(`DELETE FROM failures WHERE name = ?`, []byte(r.Name)); err != nil {
		return err
	}
	op := OpAdd
	if replaced {
		op = OpReplace
	}
	return t.log(Change{Name: r.Name, Op: op, Size: r.Size, ModTime: r.ModTime})
}

func (t *transaction) intend(p Partial) error {
	p.Publishing = true
	return t.putPartial(p)
}

func (t *transaction) putPartial(p Partial) error {
	return t.exec(`REPLACE INTO partials (`+partialColumns+`) VALUES `+partialRow, p.values()...)
}

// putFile writes a record, and reports whether the name had one. Only one that
// had can have been dropped.
func (t *transaction) putFile(r Record) (replaced bool, err error) {
	result, err := t.result(`INSERT INTO files (`+fileColumns+`) VALUES `+fileRow+` ON CONFLICT DO NOTHING`, r.values()...)
	if err != nil {
		return false, err
	}
	inserted, err := result.RowsAffected()
	if err != nil || inserted == 1 {
		return false, err
	}
	if err := t.clearDropped(r.Name); err != nil {
		return false, err
	}
	return true, t.exec(`REPLACE INTO files (`+fileColumns+`) VALUES `+fileRow, r.values()...)
}
