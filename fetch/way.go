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
		removed := false
		if err := e.RemoveMany(ctx, []mirror.Name{dir}, func(r Removed) { removed = r.Err == nil }); err != nil || !removed {
			return false
		}
		e.log.Info("a file gives way to a directory", "path", "/"+string(dir))
		return true
	}
	return false
}
