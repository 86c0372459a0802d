package source

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"mirror"
	"mirror/listing"
	"mirror/listing/page"
)

const (
	// maxPage is how long a directory page may be, in bytes: 200,000 entries
	// of the widest format have less.
	maxPage = 64 << 20
	// maxEntries bounds a list that comes in pieces.
	maxEntries = 500_000

	// smallPage is up to how many bytes any number of pages are read at a time.
	// Of larger ones, each takes ten times its size and more to be understood,
	// largePages are.
	smallPage  = 1 << 20
	largePages = 2
)

var large = make(chan struct{}, largePages)

// List implements Lister: it reads the page that the upstream shows for a
// directory, or, where the upstream is an object store, asks it for the keys that
// begin alike. A page that is no listing is mirror.ErrNoListing.
func (h *HTTP) List(ctx context.Context, dir mirror.Name, held *mirror.Meta) (Listing, error) {
	if dir != "" {
		dir += "/"
	}
	var at *url.URL
	if h.store.Load() {
		at, held = h.keysOf(dir), nil
	}
	whole, err := h.page(ctx, dir, at, held)
	if err != nil {
		return whole, err
	}
	if at == nil && dir == "" && strings.HasPrefix(whole.Format, "s3") {
		h.store.Store(true) // a list of one level is shorter than one of all keys
		return h.List(ctx, "", nil)
	}
	first := at
	if first == nil {
		first = h.base.JoinPath(string(dir))
	}
	all := folding{seen: make(map[string]bool, len(whole.Entries))}
	all.add(whole.Entries)
	for whole.Next != "" {
		next, err := h.page(ctx, dir, page.Continue(first, whole.Next), nil)
		if err != nil {
			return Listing{}, err
		}
		switch before := len(all.list); {
		case !all.add(next.Entries):
			return Listing{}, h.fail(mirror.ErrTooLarge, dir, "has a listing of more than %d entries", maxEntries)
		case len(all.list) == before && next.Next != "":
			return Listing{}, h.fail(mirror.ErrBroken, dir, "has a listing that goes on without anything new")
		}
		whole.Ended, whole.Unread, whole.Next = whole.Ended && next.Ended, whole.Unread+next.Unread, next.Next
		whole.Meta = mirror.Meta{Size: -1} // the validators of one piece say nothing of the others
	}
	whole.Entries = all.list
	return whole, nil
}

// keysOf is where an object store lists the keys that begin with dir, folded at
// the next slash.
func (h *HTTP) keysOf(dir mirror.Name) *url.URL {
	u := *h.base
	u.User = nil
	q := url.Values{"delimiter": {"/"}}
	if dir != "" {
		q.Set("prefix", string(dir))
	}
	u.RawQuery = q.Encode()
	return &u
}

// folding makes one directory of all keys of an object store that begin alike up
// to a slash, and keeps the first of entries of one name, which may come again in
// another piece of a list.
type folding struct {
	seen map[string]bool
	list []listing.Entry
}

// add reports false when there are too many.
func (f *folding) add(entries []listing.Entry) bool {
	for _, e := range entries {
		if dir, _, deeper := strings.Cut(e.Name, "/"); deeper {
			e = listing.Entry{Name: dir, Type: listing.Dir}
		}
		if f.seen[e.Name] || !listing.ValidName(e.Name) {
			continue
		}
		f.seen[e.Name] = true
		f.list = append(f.list, e)
	}
	return len(f.list) <= maxEntries
}

// page asks for one page of a listing, which is at the directory's own URL where
// at is nil.
func (h *HTTP) page(ctx context.Context, dir mirror.Name, at *url.URL, held *mirror.Meta) (Listing, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l := Listing{Meta: mirror.Meta{Size: -1}}
	r, err := h.request(ctx, http.MethodGet, dir)
	if err != nil {
		return l, err
	}
	if at != nil {
		r.URL = at
	}
	if held != nil {
		conditions(r, held)
	}
	resp, err := h.client.Do(r)
	if err != nil {
		return l, h.transportError(ctx, dir, err)
	}
	body := h.newBody(resp.Body, cancel)
	defer body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && held != nil:
		return l, ErrNotModified
	case resp.StatusCode == http.StatusForbidden: // as servers say that they list no directories
		return l, h.fail(mirror.ErrNoListing, dir, "answered %s: it does not show directories", statusOf(resp))
	case resp.StatusCode != http.StatusOK:
		return l, h.statusError(dir, resp)
	case encoding(resp) != "":
		return l, h.fail(mirror.ErrBroken, dir, "is sent with Content-Encoding %s, though none was accepted", encoding(resp))
	}
	text, err := io.ReadAll(io.LimitReader(body, smallPage))
	if err == nil && len(text) == smallPage {
		select {
		case large <- struct{}{}:
			defer func() { <-large }()
		case <-ctx.Done():
			return l, h.transportError(ctx, dir, context.Cause(ctx))
		}
		var rest []byte
		rest, err = io.ReadAll(io.LimitReader(body, maxPage+1-smallPage))
		text = append(text, rest...)
	}
	if err != nil {
		return l, h.pageError(ctx, dir, err)
	}
	if len(text) > maxPage {
		return l, h.fail(mirror.ErrTooLarge, dir, "has a listing of more than %d MiB", maxPage>>20)
	}
	in := page.Input{Base: resp.Request.URL, ContentType: resp.Header.Get("Content-Type"), Clock: listing.Clock{Zone: h.opts.Zone}}
	if in.Clock.Now, err = http.ParseTime(resp.Header.Get("Date")); err != nil {
		in.Clock.Now = time.Now()
	}
	if l.Listing, err = page.Parse(text, in); err != nil {
		return l, h.fail(mirror.ErrNoListing, dir, "shows a page that is no listing: %v", err)
	}
	l.Meta = h.metaOf(resp, int64(len(text)))
	l.Meta.ModTime = time.Time{} // the page's: the directory's own is not told
	l.Ended = l.Ended && !unframed(resp)
	return l, nil
}

// pageError is that of a page that broke off.
func (h *HTTP) pageError(ctx context.Context, dir mirror.Name, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, mirror.ErrTimeout) {
		return h.fail(mirror.ErrTimeout, dir, "%v", cause)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return h.fail(mirror.ErrBroken, dir, "the connection ended before the listing did")
	}
	return h.transportError(ctx, dir, err)
}
