package fetch

import (
	"context"

	"mirror"
	"mirror/config"
	"mirror/store/index"
)

// The bounds of what one new generation brings before it is asked for.
const (
	mostPrefetched      = 1000
	mostPrefetchedBytes = 4 << 30
	// leastFree is which part of the disk, a tenth, stays free.
	leastFree = 10
	// prefetchJobs is how many are fetched at a time by a process: clients come first.
	prefetchJobs = 2
)

// prefetch brings packages that an index has come to name, of which an earlier
// version is here, in the background: what one index names after what another does.
func (e *Engine) prefetch(m *config.Mirror, claims []index.Claim) {
	if !m.Prefetch || len(claims) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.wg.Go(func() {
		if e.prefetching.enter(e.ctx) != nil {
			return
		}
		defer e.prefetching.leave()
		list := e.prefetchable(claims)
		err := e.FetchMany(e.ctx, m, list, Many{Jobs: prefetchJobs, Done: func(w Wanted, _ Brought, _ int64, err error) {
			if err != nil {
				e.log.Info("a newer package cannot be fetched before it is asked for", "path", "/"+string(w.Name), "err", err)
			}
		}})
		if err != nil && context.Cause(e.ctx) == nil {
			e.log.Warn("newer packages cannot be fetched before they are asked for", "err", err)
		}
	})
}

// prefetchable is what the bounds and the disk let of claims: of a disk that is too full
// nothing.
func (e *Engine) prefetchable(claims []index.Claim) (list []Wanted) {
	var bytes int64
	for _, c := range claims {
		if c.Size < 0 || len(list) == mostPrefetched || bytes+c.Size > mostPrefetchedBytes {
			continue
		}
		bytes += c.Size
		list = append(list, Wanted{Name: mirror.Name(c.Name), Size: c.Size})
	}
	free, all, err := e.tree.Space()
	if err != nil || free-bytes < all/leastFree {
		e.log.Info("newer packages are not fetched before they are asked for: the disk is too full", "packages", len(list), "bytes", bytes, "free", free)
		return nil
	}
	return list
}
