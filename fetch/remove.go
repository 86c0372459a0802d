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
	var gone []string
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
			gone = append(gone, string(name))
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
				gone = append(gone, string(name))
			}
		}
		r.Err = err
		done(r)
	}
	return errors.Join(failed, e.index.Remove(ctx, gone...))
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

// RemoveDir takes an empty directory out of the docroot, and reports whether it
// did. It was made for the mirror if something of ours was just taken out of it
// (emptied), or an upstream is on record as having had it.
func (e *Engine) RemoveDir(ctx context.Context, name mirror.Name, emptied bool) bool {
	_, recorded, err := e.index.Listing(ctx, string(name))
	if err != nil || !recorded && !emptied || e.tree.RemoveDir(name) != nil {
		return false
	}
	if !recorded {
		return true
	}
	if err := e.index.DeleteListing(ctx, string(name)); err != nil {
		e.log.Warn("the record of a directory cannot be removed", "path", "/"+string(name), "err", err)
	}
	return true
}
