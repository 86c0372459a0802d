package fetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mirror"
	"mirror/config"
	"mirror/internal/keylock"
	"mirror/listing"
	"mirror/listing/lines"
	"mirror/store/index"
)

// A catalog is a file of the mirror that lists all of it (ls-lR.gz, say): what
// its configuration calls "index". It is fetched and refreshed as a mutable file
// like any other, and its directories are recorded when it has changed:
//
//	listings of   format     etag                 last_modified
//	catalogRow    catalog    version in use       version being read, or ""
//	directories   catalog    version it is from
//
// While a new version is read, directories of either count. Each mirror has a
// format of its own, since one mirror may lie within another.
const catalogFormat = "catalog of /"

func formatOf(m *config.Mirror) string { return catalogFormat + m.Prefix }

// catalogRow is the name of the row that says which version of the catalog called
// name is in use; no directory can be called so.
func catalogRow(name mirror.Name) string { return string(name) + "\x00" }

// catalogBatch is how many bytes of encoded entries are gathered before they are
// recorded: some 500,000 entries.
const catalogBatch = 16 << 20

// errNoCatalog: the mirror has none, or it cannot be used just now.
var errNoCatalog = errors.New("no catalog")

// fromCatalog returns the directory at p as the mirror's catalog has it, or
// errNoCatalog.
func (e *Engine) fromCatalog(ctx context.Context, p place) (*Directory, error) {
	use, err := e.catalog(ctx, p.m)
	if err != nil {
		return nil, err
	}
	l, ok, err := e.index.Listing(ctx, string(p.name))
	if err != nil || !ok || l.Format != formatOf(p.m) || l.ETag != use.ETag && l.ETag != use.LastModified {
		return nil, errNoCatalog
	}
	d, err := directoryOf(l)
	if err != nil {
		e.log.Warn("the record of a directory cannot be read", "path", "/"+string(p.name), "err", err)
		return nil, errNoCatalog
	}
	d.Checked = use.Checked
	// What was not understood may have been of any directory; what is still being
	// read may not be all of it.
	d.Ended, d.Unread = l.ETag == use.ETag, use.Unread
	return d, nil
}

// catalog returns the row of the mirror's catalog, once one is recorded. A newer
// version is read behind the client's back, the first one while it waits.
func (e *Engine) catalog(ctx context.Context, m *config.Mirror) (index.Listing, error) {
	name := mirror.Name(m.Prefix + m.Index)
	row, have, err := e.index.Listing(ctx, catalogRow(name))
	if err != nil {
		return row, err
	}
	f, err := e.openCatalog(ctx, name)
	if err != nil {
		if have {
			return row, nil
		}
		e.log.Warn("the catalog of a mirror cannot be had: directories are asked for one by one", "path", "/"+string(name), "err", err)
		return row, errNoCatalog
	}
	version := catalogVersion(f.info)
	if bad := e.isUnreadable(name, version); bad || have && row.ETag == version {
		f.Close()
		if !have {
			return row, errNoCatalog
		}
		return row, nil
	}
	call, mine, err := e.beginCall(name, func() (*Directory, error) {
		defer f.Close()
		return nil, e.readCatalogOnce(f, name, m, version)
	})
	if !mine {
		f.Close()
	}
	if have || err != nil {
		return row, err
	}
	if err := call.wait(ctx); err != nil {
		return row, err
	}
	if row, have, err = e.index.Listing(ctx, catalogRow(name)); err == nil && !have {
		err = errNoCatalog
	}
	return row, err
}

// openCatalog opens the catalog's file in the docroot, which is asked for when
// it is missing or due.
func (e *Engine) openCatalog(ctx context.Context, name mirror.Name) (*File, error) {
	for range maxTries {
		f, err := e.Open(ctx, name)
		if err != nil || f.published {
			return f, err
		}
		_, err = f.Settle(ctx)
		f.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: /%s was fetched, and is not there", mirror.ErrBroken, name)
}

// readCatalogOnce reads a version of the catalog, unless another process has done
// so, or does.
func (e *Engine) readCatalogOnce(f *File, name mirror.Name, m *config.Mirror, version string) error {
	var lock *keylock.Lock
	var err error
	waitErr := poll(e.ctx, func() bool {
		lock, err = e.tree.Locks.TryLock(catalogRow(name))
		return !errors.Is(err, keylock.ErrHeld)
	})
	if err = cmp.Or(waitErr, err); err != nil {
		return err
	}
	defer lock.Unlock()
	row, have, err := e.index.Listing(e.ctx, catalogRow(name))
	if err != nil || have && row.ETag == version {
		return err
	}
	return e.readCatalog(f, name, m, row, version)
}

// readCatalog records what the catalog in f lists. Its lock is held.
func (e *Engine) readCatalog(f *File, name mirror.Name, m *config.Mirror, row index.Listing, version string) error {
	begun := e.now()
	ctx := context.WithoutCancel(e.ctx)
	row.Name, row.Format, row.LastModified = catalogRow(name), formatOf(m), version
	if row.Entries == nil {
		row.Entries = []byte{}
	}
	if row.ETag != "" { // a first one is not used before it is whole
		if err := e.index.PutListings(ctx, row); err != nil {
			return err
		}
	}
	w := &catalogWriter{e: e, m: m, version: version, url: e.sources[m][0].URL(mirror.Name(m.Index)), checked: begun,
		gathered: make(map[string][]byte), written: make(map[string]bool)}
	o := lines.Options{Clock: listing.Clock{Now: f.info.ModTime(), Zone: m.Zone}}
	tree, err := lines.ReadTree(io.NewSectionReader(f.file, 0, f.info.Size()), o, w.add)
	if err == nil && !tree.Ended {
		err = errors.New("it does not end properly")
	}
	if err == nil {
		err = w.flush()
	}
	if err != nil {
		e.log.Warn("the catalog of a mirror cannot be read", "path", "/"+string(name), "err", err)
		e.mu.Lock()
		e.unreadable[name] = version
		e.mu.Unlock()
		if row.ETag != "" { // what was recorded of this version does not count
			row.LastModified = ""
			e.index.PutListings(ctx, row)
		}
		return err
	}
	row.ETag, row.LastModified, row.Checked, row.Ended, row.Unread = version, "", begun, true, int64(tree.Unread)
	row.Upstream = w.url
	if err := e.index.PutListings(ctx, row); err != nil {
		return err
	}
	e.log.Info("catalog", "path", "/"+string(name), "format", tree.Format, "directories", len(w.written),
		"entries", tree.Entries, "unread", tree.Unread, "took", e.now().Sub(begun).Round(time.Millisecond))
	return e.index.DropListings(ctx, m.Prefix, formatOf(m), version)
}

// isUnreadable reports whether this version of a catalog was tried in vain.
func (e *Engine) isUnreadable(name mirror.Name, version string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.unreadable[name] == version
}

// catalogWriter records directories as they come, which may be in pieces.
type catalogWriter struct {
	e       *Engine
	m       *config.Mirror
	version string
	url     string
	checked time.Time

	size     int
	gathered map[string][]byte // encoded entries of directories
	written  map[string]bool
}

func (w *catalogWriter) add(dir string, entries []listing.Entry) error {
	if err := w.e.ctx.Err(); err != nil {
		return err
	}
	if w.e.placeOfDir(mirror.Name(w.name(dir))).m != w.m {
		return nil // it is another mirror's
	}
	withFileTimes(entries)
	b := w.gathered[dir]
	before := len(b)
	if b == nil {
		b = listing.Encode(nil, entries)
	} else {
		b = listing.AppendEntries(b, entries)
	}
	w.gathered[dir] = b
	if w.size += len(b) - before; w.size < catalogBatch {
		return nil
	}
	return w.flush()
}

// name is that of a directory of the catalog.
func (w *catalogWriter) name(dir string) string {
	if dir == "" {
		return strings.TrimSuffix(w.m.Prefix, "/")
	}
	return w.m.Prefix + dir
}

func (w *catalogWriter) flush() error {
	ctx := context.WithoutCancel(w.e.ctx)
	rows := make([]index.Listing, 0, maxRows)
	for dir, b := range w.gathered {
		name := w.name(dir)
		if w.written[dir] {
			l, ok, err := w.e.index.Listing(ctx, name)
			if err != nil {
				return err
			}
			if ok {
				b = append(l.Entries, b[1:]...) // without its version
			}
		}
		w.written[dir] = true
		rows = append(rows, index.Listing{
			Name: name, Upstream: w.url, Format: formatOf(w.m), ETag: w.version, Checked: w.checked, Ended: true, Entries: b,
		})
		if len(rows) == maxRows {
			if err := w.e.index.PutListings(ctx, rows...); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	clear(w.gathered)
	w.size = 0
	if len(rows) == 0 {
		return nil
	}
	return w.e.index.PutListings(ctx, rows...)
}
