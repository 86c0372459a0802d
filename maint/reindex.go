package maint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"mirror"
	"mirror/internal/keylock"
	"mirror/store"
	"mirror/store/index"
)

// Reindexed counts what a reindex met.
type Reindexed struct {
	Known   int // files that stand there as they are recorded
	New     int // files that were not recorded
	Changed int // files that are others than those recorded
	Ours    int // files kept in the state directory that were not recorded: nobody else puts any there
	Gone    int // records of files that are no longer there
	Busy    int // left to the fetch that is running
	Skipped Skipped
}

// batchSize is how many names are written down in one transaction. Each is
// locked meanwhile, which takes a descriptor, and a shell allows 1024.
const batchSize = 64

// reindex is one run of Reindex.
type reindex struct {
	Site
	ctx   context.Context
	tell  func(Reindexed)
	count Reindexed

	locks []*keylock.Lock // of the names in found, or in gone
	found []index.Record
	gone  []string
}

// Reindex brings the record into line with the docroot: every regular file
// below a prefix is recorded, and the records of files that have gone are
// removed. It adopts nothing: what the record knows with the same size and
// mtime stays ours, what it does not know is others', but for what is kept in the
// state directory. Mutable files that are not where the configuration has them are
// moved first. tell is called as it goes on. What could not be read is in the error, and
// left as it is recorded.
func (s Site) Reindex(ctx context.Context, tell func(Reindexed)) (Reindexed, error) {
	r := &reindex{Site: s, ctx: ctx, tell: tell}
	defer r.unlock()
	// What a crash cut off between rename and record is ours.
	if err := s.Engine.Recover(ctx); err != nil {
		return r.count, err
	}
	if err := s.Engine.Rearrange(ctx); err != nil {
		return r.count, err
	}
	w := &walker{tree: s.Engine.Tree(), file: r.file}
	for _, root := range s.roots() {
		if err := w.walk(ctx, root); err != nil {
			return r.count, err
		}
	}
	r.count.Skipped = w.skipped
	if err := r.writeFound(); err != nil {
		return r.count, err
	}
	if err := r.forget(w); err != nil {
		return r.count, err
	}
	return r.count, errors.Join(w.problems...)
}

// file takes down one file, unless the record has it as it is.
func (r *reindex) file(name mirror.Name) error {
	defer func() { r.tell(r.count) }()
	fi, err := r.Engine.Tree().Lstat(name)
	if err != nil || !fi.Mode().IsRegular() {
		return nil // it has gone since the directory was read
	}
	known, ok, err := r.Engine.Index().File(r.ctx, string(name))
	if err != nil {
		return err
	}
	if ok && known.Describes(fi.Size(), fi.ModTime()) {
		r.count.Known++
		return nil
	}
	if held, err := r.lock(name); err != nil || !held {
		return err
	}
	// Once more under the lock: a fetch may have put another file there.
	if fi, err = r.Engine.Tree().Lstat(name); err != nil || !fi.Mode().IsRegular() {
		return nil
	}
	if r.Engine.Tree().StandsAside(name, fi) && r.Engine.Owns(r.ctx, name) {
		r.count.Ours++
		return nil
	}
	r.found = append(r.found, index.Record{
		Name: string(name), Size: fi.Size(), ModTime: fi.ModTime(), Inode: store.Inode(fi),
	})
	if ok {
		r.count.Changed++
	} else {
		r.count.New++
	}
	if len(r.locks) < batchSize {
		return nil
	}
	return r.writeFound()
}

func (r *reindex) writeFound() error {
	defer r.unlock()
	err := r.Engine.Index().Reindexed(r.ctx, r.found)
	r.found = r.found[:0]
	return err
}

// forget removes the records whose files are not there any more.
func (r *reindex) forget(w *walker) error {
	for rec, err := range r.Engine.Index().Files(r.ctx, "") {
		if err != nil {
			return err
		}
		name := mirror.Name(rec.Name)
		if gone, err := r.isGone(rec); err != nil {
			w.problems = append(w.problems, err)
			continue
		} else if !gone {
			continue
		}
		held, err := r.lock(name)
		if err != nil {
			return err
		}
		if !held {
			continue
		}
		if gone, err := r.isGone(rec); err != nil || !gone {
			continue // it was fetched meanwhile
		}
		r.gone = append(r.gone, rec.Name)
		r.count.Gone++
		r.tell(r.count)
		if len(r.locks) >= batchSize {
			if err := r.remove(); err != nil {
				return err
			}
		}
	}
	return r.remove()
}

func (r *reindex) remove() error {
	defer r.unlock()
	err := r.Engine.Index().Remove(r.ctx, r.gone...)
	r.gone = r.gone[:0]
	return err
}

// isGone reports whether the docroot has no regular file of this name, nor, where
// the record is of one, the symbolic link. What cannot be looked at counts as there.
func (r *reindex) isGone(rec index.Record) (bool, error) {
	name := mirror.Name(rec.Name)
	fi, err := r.Engine.Tree().Lstat(name)
	switch {
	case err == nil && rec.Target != "":
		target, err := r.Engine.Tree().Readlink(name)
		return err != nil || target != rec.Target, nil
	case err == nil:
		return !fi.Mode().IsRegular(), nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return true, nil
	}
	return false, fmt.Errorf("%s cannot be looked at: %w", Quote(name), reason(err))
}

// lock keeps name from being fetched until the batch is written. It reports
// false when a fetch is running.
func (r *reindex) lock(name mirror.Name) (bool, error) {
	lock, err := r.Engine.Tree().Locks.TryLock(string(name))
	if errors.Is(err, keylock.ErrHeld) {
		r.count.Busy++
		return false, nil
	}
	if err != nil {
		return false, err
	}
	r.locks = append(r.locks, lock)
	return true, nil
}

func (r *reindex) unlock() {
	for _, l := range r.locks {
		l.Unlock()
	}
	r.locks = r.locks[:0]
}
