package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"mirror"
	"mirror/config"
)

// catalogTakes is how long before its own time a catalog may have begun to be
// made, and how far the upstream's clock may be from ours: by what came into the
// docroot later it is not to be held.
const catalogTakes = time.Hour

// catalogWord is what the catalog's directories are worth to a walk.
type catalogWord struct {
	url   string    // where it comes from
	asOf  time.Time // see Walked
	doubt error     // see Walked
}

// renewCatalog refreshes the mirror's catalog, and returns once it was read. As
// for List, trouble with it is no reason to end: what is on record of it is used,
// and where there is nothing, directories are asked for one by one. The error is
// ctx's, or the record's.
func (e *Engine) renewCatalog(ctx context.Context, m *config.Mirror) (catalogWord, error) {
	name := mirror.Name(m.Prefix + m.Index)
	word := catalogWord{url: e.sources[m][0].URL(mirror.Name(m.Index))}
	var failed error
	err := e.FetchMany(ctx, m, []Wanted{{Name: name}}, Many{
		Done: func(_ Wanted, _ Brought, _ int64, err error) { failed = err },
	})
	if ctx.Err() != nil {
		return word, context.Cause(ctx)
	}
	if failed = cmp.Or(err, failed); failed != nil {
		e.log.Warn("the catalog of a mirror cannot be refreshed", "path", "/"+string(name), "err", failed)
		word.doubt = fmt.Errorf("the mirror's catalog could not be refreshed: %w", failed)
	}
	if _, err := e.catalog(ctx, m); err != nil {
		if errors.Is(err, errNoCatalog) {
			err = nil
		}
		return word, err
	}
	e.mu.Lock()
	reading := e.listings[name]
	e.mu.Unlock()
	if reading != nil {
		if err := reading.wait(ctx); err != nil {
			return word, err
		}
	}
	row, _, err := e.index.Listing(ctx, catalogRow(name))
	if err != nil {
		return word, err
	}
	fi, err := e.tree.Lstat(name)
	switch {
	case err == nil:
		word.asOf = fi.ModTime().Add(-catalogTakes)
	case word.doubt == nil:
		word.doubt = errors.New("the mirror's catalog is not here")
	}
	if word.doubt == nil && row.ETag != catalogVersion(fi) {
		word.doubt = errors.New("the mirror's catalog, as it is now, could not be read: an older one is used")
	}
	return word, nil
}

// catalogVersion is what the record calls the version of a catalog's file.
func catalogVersion(fi fs.FileInfo) string {
	return fmt.Sprintf("%d-%d", fi.Size(), fi.ModTime().UnixNano())
}
