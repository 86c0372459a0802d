package fetch

import (
	"context"
	"errors"

	"mirror"
)

// clearWay removes a file of ours that stands where the name needs a directory,
// if its upstreams do not have it as a file any more. It reports whether the way
// is free now.
func (e *Engine) clearWay(ctx context.Context, name mirror.Name) bool {
	for dir := name.Parent(); dir != ""; dir = dir.Parent() {
		fi, err := e.tree.Lstat(dir)
		if err != nil {
			continue // what stands in the way is further up
		}
		if !fi.Mode().IsRegular() {
			return false
		}
		p := e.placeOf(dir)
		if _, ours := e.claim(ctx, dir, fi); !ours || p.m == nil {
			return false
		}
		_, _, err = e.statUpstream(ctx, p)
		if !errors.Is(err, mirror.ErrIsDirectory) && !isGone(err) {
			return false
		}
		return e.drop(ctx, dir) == nil
	}
	return false
}

// drop removes a file or link of ours from the docroot and the record.
func (e *Engine) drop(ctx context.Context, name mirror.Name) error {
	lock, err := e.tree.Locks.TryLock(string(name))
	if err != nil {
		return err
	}
	defer lock.Unlock()
	fi, err := e.tree.Lstat(name)
	if err != nil {
		return err
	}
	if _, ours := e.claim(ctx, name, fi); !ours {
		return mirror.ErrForeign
	}
	if err := e.tree.Remove(name); err != nil {
		return err
	}
	e.log.Info("a file gives way to a directory", "path", "/"+string(name))
	return e.index.Remove(ctx, string(name))
}
