package fetch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"mirror"
	"mirror/listing"
	"mirror/source"
	"mirror/store/index"
)

// Directory is what is known of a directory of the mirror.
type Directory struct {
	Name     mirror.Name
	Upstream string          // the URL that the listing came from, without credentials; "" is none
	Entries  []listing.Entry // nobody may change them
	ModTime  time.Time       // the directory's own; zero where unknown
	Ended    bool            // the listing was read to its proper end
	Unread   int64           // lines of it that were not understood
	Checked  time.Time       // when the upstream last said so

	// Stale says why the listing could not be confirmed, though it is due; nil:
	// it is fresh.
	Stale error

	meta mirror.Meta // the listing's validators
}

// silentFor is how long an upstream that was silent is not asked for listings.
const silentFor = time.Minute

// maxRows is how many listings are recorded in one transaction: others write, too.
const maxRows = 500

// errAsking: the upstream takes its time to confirm a listing.
var errAsking = errors.New("the upstream has not answered yet")

// List returns what is in a directory, at the place that links lead to. A recorded
// listing that is fresh is the answer; one that is due is confirmed with the
// upstream, for which the client waits staleWait at most; without one, it waits
// until ctx is done. A mirror with a catalog has its directories from there. A
// directory above all prefixes has them.
//
// Absence from a listing is no proof that a file is gone.
func (e *Engine) List(ctx context.Context, name mirror.Name) (*Directory, error) {
	p := e.placeOfDir(name)
	if p.m == nil {
		return e.above(name)
	}
	if p.rest != "" && !e.tree.HasDir(name) { // a link may be in the way
		e.via(ctx, p)
		real, err := e.tree.Resolve(name)
		if err != nil {
			return nil, err
		}
		if real != name {
			return e.List(ctx, real)
		}
	}
	if p.m.Index != "" {
		d, err := e.fromCatalog(ctx, p)
		if !errors.Is(err, errNoCatalog) {
			return d, err
		}
	}
	held, err := e.recorded(ctx, name)
	if err != nil {
		return nil, err
	}
	if held != nil {
		if age := e.now().Sub(held.Checked); age >= 0 && age <= p.m.ListingMaxAge {
			return held, nil
		}
		if why := e.stalled.why(directoryKey(name), e.now()); why != nil {
			return stale(held, why)
		}
	} else if err := e.remembered(ctx, name+"/"); err != nil {
		return nil, err
	}
	return e.confirmList(ctx, p, held)
}

// confirmList has the upstreams asked for the directory at p, of which held is the
// listing on record; nil: there is none.
func (e *Engine) confirmList(ctx context.Context, p place, held *Directory) (*Directory, error) {
	call, _, err := e.beginCall(p.name, func() (*Directory, error) {
		d, err := e.askList(p, held)
		if err == nil {
			e.makeLinksOf(context.WithoutCancel(e.ctx), d)
		}
		return d, err
	})
	if err != nil {
		return stale(held, err)
	}
	wait := ctx
	if held != nil {
		var cancel context.CancelFunc
		wait, cancel = context.WithTimeout(ctx, staleWait)
		defer cancel()
	}
	select {
	case <-call.done:
	case <-wait.Done():
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		e.stalled.note(directoryKey(p.name), errAsking, e.now().Add(refreshAgain))
		return stale(held, errAsking)
	}
	if call.err != nil && !isGone(call.err) {
		e.stalled.note(directoryKey(p.name), call.err, e.now().Add(refreshAgain))
		return stale(held, call.err)
	}
	return call.dir, call.err
}

// directoryKey is a directory's among what stalled; no URL is like it.
func directoryKey(name mirror.Name) string { return "/" + string(name) }

// stale is a held listing that cannot be confirmed, or why there is none.
func stale(held *Directory, why error) (*Directory, error) {
	if held == nil {
		return nil, why
	}
	d := *held
	d.Stale = why
	return &d, nil
}

// above lists a directory that is below no prefix, but has some below it.
func (e *Engine) above(name mirror.Name) (*Directory, error) {
	d := &Directory{Name: name, Ended: true, Checked: e.now()}
	for i := range e.conf.Mirrors {
		below := e.conf.Mirrors[i].Prefix
		if name != "" {
			var ok bool
			if below, ok = strings.CutPrefix(below, string(name)+"/"); !ok {
				continue
			}
		}
		first, _, _ := strings.Cut(below, "/")
		same := func(e listing.Entry) bool { return e.Name == first }
		if !slices.ContainsFunc(d.Entries, same) {
			d.Entries = append(d.Entries, listing.Entry{Name: first, Type: listing.Dir})
		}
	}
	if len(d.Entries) == 0 {
		return nil, fmt.Errorf("/%s: %w", name, mirror.ErrNoMirror)
	}
	return d, nil
}

// recorded returns the listing on record, nil where there is none.
func (e *Engine) recorded(ctx context.Context, name mirror.Name) (*Directory, error) {
	l, ok, err := e.index.Listing(ctx, string(name))
	if err == nil && ok && !strings.HasPrefix(l.Format, catalogFormat) { // those count with their catalog only
		var d *Directory
		if d, err = directoryOf(l); err == nil {
			return d, nil
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		e.log.Warn("the record of a directory cannot be read", "path", "/"+string(name), "err", err)
	}
	return nil, nil
}

func directoryOf(l index.Listing) (*Directory, error) {
	entries, err := listing.Decode(l.Entries)
	if err != nil {
		return nil, err
	}
	return &Directory{
		Name: mirror.Name(l.Name), Upstream: l.Upstream, Entries: entries, ModTime: l.ModTime,
		Ended: l.Ended, Unread: l.Unread, Checked: l.Checked,
		meta: mirror.Meta{Size: -1, ETag: l.ETag, LastModified: l.LastModified},
	}, nil
}

// listCall is a directory, or a catalog, that is being read. dir and err are set
// before done is closed.
type listCall struct {
	done chan struct{}
	dir  *Directory
	err  error
}

// wait returns once the call has ended, or with ctx's error.
func (c *listCall) wait(ctx context.Context) error {
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// beginCall runs read in a goroutine, unless that is under way for the name in
// this process: then mine is false. Other processes may do the same at the same
// time: they come to the same result.
func (e *Engine) beginCall(name mirror.Name, read func() (*Directory, error)) (c *listCall, mine bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.listings[name]; c != nil {
		return c, false, nil
	}
	if e.closed {
		return nil, false, errShutdown
	}
	c = &listCall{done: make(chan struct{})}
	e.listings[name] = c
	e.wg.Add(1)
	go func() {
		defer e.wg.Done()
		c.dir, c.err = read()
		e.mu.Lock()
		delete(e.listings, name)
		e.mu.Unlock()
		close(c.done)
	}()
	return c, true, nil
}

// askList asks the upstreams, and records what they say.
func (e *Engine) askList(p place, held *Directory) (*Directory, error) {
	begun := e.now()
	var failures []error
	for _, src := range e.listers[p.m] {
		// One that says nothing costs every directory its silence.
		if why := e.stalled.why(src.URL(""), e.now()); why != nil {
			failures = append(failures, why)
			continue
		}
		d, err := e.listFrom(src, p, held)
		switch {
		case err == nil:
			e.log.Info("list", "path", slashed(p.name), "upstream", src.String(), "entries", len(d.Entries),
				"ended", d.Ended, "unread", d.Unread, "took", e.now().Sub(begun).Round(10*time.Microsecond))
			return d, nil
		case e.ctx.Err() != nil:
			return nil, context.Cause(e.ctx)
		}
		if errors.Is(err, mirror.ErrTimeout) {
			e.stalled.note(src.URL(""), err, e.now().Add(silentFor))
		}
		failures = append(failures, err)
	}
	err := summary(failures)
	for _, f := range failures {
		if errors.Is(f, mirror.ErrNoListing) { // the directory is there
			err = f
		}
	}
	e.log.Info("list: failed", "path", slashed(p.name), "err", err)
	if ctx := context.WithoutCancel(e.ctx); isGone(err) {
		e.remember(ctx, p.name+"/", p.m, "", err)
		if err := e.index.DeleteListing(ctx, string(p.name)); err != nil {
			e.log.Warn("the record of a directory cannot be removed", "path", "/"+string(p.name), "err", err)
		}
	}
	return nil, err
}

// slashed is the path of a directory, as logs have it; "" is the docroot itself.
func slashed(name mirror.Name) string {
	if name == "" {
		return "/"
	}
	return "/" + string(name) + "/"
}

// listFrom asks one upstream.
func (e *Engine) listFrom(src upstream, p place, held *Directory) (*Directory, error) {
	slot, err := e.upstreamSlot(e.ctx, src)
	if err != nil {
		return nil, err
	}
	defer slot.Unlock()
	url := src.URL(p.rest)
	var condition *mirror.Meta
	if held != nil && held.Upstream == url && held.meta.ETag+held.meta.LastModified != "" {
		condition = &held.meta
	}
	l, err := src.Source.(source.Lister).List(e.ctx, p.rest, condition)
	ctx := context.WithoutCancel(e.ctx)
	now := e.now()
	if errors.Is(err, source.ErrNotModified) {
		d := *held
		d.Checked = now
		if err := e.index.TouchListing(ctx, string(p.name), now); err != nil {
			e.log.Warn("a listing cannot be recorded", "path", "/"+string(p.name), "err", err)
		}
		return &d, nil
	}
	if err != nil {
		return nil, err
	}
	withFileTimes(l.Entries)
	d := &Directory{
		Name: p.name, Upstream: url, Entries: l.Entries, ModTime: mirror.FileTime(l.Meta.ModTime),
		Ended: l.Ended, Unread: int64(l.Unread), Checked: now, meta: l.Meta,
	}
	err = e.index.PutListings(ctx, index.Listing{
		Name: string(p.name), Upstream: url, Format: l.Format, ModTime: d.ModTime,
		ETag: l.Meta.ETag, LastModified: l.Meta.LastModified, Checked: now,
		Ended: d.Ended, Unread: d.Unread, Entries: listing.Encode(nil, d.Entries),
	})
	if err != nil {
		e.log.Warn("a listing cannot be recorded", "path", "/"+string(p.name), "err", err)
	}
	return d, nil
}

// withFileTimes makes times unknown that no file can be given: a listing comes in here,
// by itself, with a tree or out of a catalog.
func withFileTimes(entries []listing.Entry) {
	for i := range entries {
		if at := &entries[i].MTime; at.Known && !(mirror.IsFileTime(at.Lo) && mirror.IsFileTime(at.Hi)) {
			*at = listing.Span{}
		}
	}
}
