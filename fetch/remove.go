package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"mirror"
	"mirror/internal/keylock"
)

// Removed is what became of a name that was to go.
type Removed struct {
	Name mirror.Name
	Size int64 // of a file
	Link bool
	Err  error // why it stays: mirror.ErrForeign, it is not ours; mirror.ErrBusy, it is being fetched
}

// RemoveMany takes files and links of ours out of the docroot, and calls done for
// each.
func (e *Engine) RemoveMany(ctx context.Context, names []mirror.Name, done func(Removed)) error {
	for some := range slices.Chunk(names, filesAtOnce(maxBatch)) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := e.remove(context.WithoutCancel(ctx), some, done); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) remove(ctx context.Context, names []mirror.Name, done func(Removed)) error {
	var gone []mirror.Name
	var failed error
	for _, name := range names {
		lock, err := e.lock(name)
		if errors.Is(err, mirror.ErrStore) {
			failed = err
			break // those that have gone are to be recorded all the same
		}
		if err != nil {
			done(Removed{Name: name, Err: err})
			continue
		}
		defer lock.Unlock()
		r := Removed{Name: name}
		fi, err := e.tree.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			gone = append(gone, name)
			continue
		}
		if err == nil {
			r.Link = fi.Mode()&fs.ModeSymlink != 0
			if !r.Link {
				r.Size = fi.Size()
			}
			if _, ours := e.claim(ctx, name, fi); !ours || fi.IsDir() {
				err = fmt.Errorf("/%s: %w", name, mirror.ErrForeign)
			} else if err = e.tree.Remove(name); err == nil {
				gone = append(gone, name)
			}
		}
		r.Err = err
		done(r)
	}
	return errors.Join(failed, e.forget(ctx, gone))
}

// forget takes names that have been removed off the record. A power cut must not bring
// back what the record does not know: that would be somebody else's file.
func (e *Engine) forget(ctx context.Context, gone []mirror.Name) error {
	if err := e.tree.SyncRemoved(gone); err != nil {
		return err
	}
	names := make([]string, len(gone))
	for i, name := range gone {
		names[i] = string(name)
	}
	return e.index.Remove(ctx, names...)
}

// lock takes the lock of a name for what does not wait until it was fetched: then the
// error is mirror.ErrBusy, and any other one mirror.ErrStore.
func (e *Engine) lock(name mirror.Name) (*keylock.Lock, error) {
	lock, err := e.tree.Locks.TryLock(string(name))
	switch {
	case errors.Is(err, keylock.ErrHeld):
		return nil, fmt.Errorf("/%s: %w: it is being fetched", name, mirror.ErrBusy)
	case err != nil:
		return nil, fmt.Errorf("/%s: %w: %w", name, mirror.ErrStore, err)
	}
	return lock, nil
}

// RemoveDirs takes empty directories out of the docroot, and returns those that it
// took. Each was made for the mirror if something of ours was just taken out of it
// (emptied, to which it adds), or an upstream is on record as having had it. What lies
// in another one comes before that.
func (e *Engine) RemoveDirs(ctx context.Context, dirs []mirror.Name, emptied map[mirror.Name]bool) (gone []mirror.Name) {
	var recorded []mirror.Name
	for _, dir := range dirs {
		_, known, err := e.index.Listing(ctx, string(dir))
		if err != nil || !known && !emptied[dir] || e.tree.RemoveDir(dir) != nil {
			continue
		}
		gone = append(gone, dir)
		emptied[dir.Parent()] = true
		if known {
			recorded = append(recorded, dir)
		}
	}
	err := e.tree.SyncRemoved(gone)
	for _, dir := range recorded {
		if err == nil {
			err = e.index.DeleteListing(ctx, string(dir))
		}
	}
	if err != nil {
		e.log.Warn("directories that were removed stay on record", "err", err)
	}
	return gone
}
