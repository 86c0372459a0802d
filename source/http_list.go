package source

import (
	"context"
	"errors"
	"fmt"
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
	// maxPages is how many pieces a list may come in (S3: of 1,000 keys each).
	maxPages = 1000
)

// List implements Lister: it reads the page that the upstream shows for a
// directory. A page that is no listing is mirror.ErrNoListing.
func (h *HTTP) List(ctx context.Context, dir mirror.Name, held *mirror.Meta) (Listing, error) {
	if dir != "" {
		dir += "/"
	}
	whole, err := h.page(ctx, dir, "", held)
	if err != nil {
		return whole, err
	}
	for pages := 1; whole.Next != ""; pages++ {
		if pages == maxPages {
			return Listing{}, h.fail(mirror.ErrBroken, dir, "has a listing in more than %d pieces", maxPages)
		}
		next, err := h.page(ctx, dir, whole.Next, nil)
		if err != nil {
			return Listing{}, err
		}
		if next.Next == whole.Next {
			return Listing{}, h.fail(mirror.ErrBroken, dir, "has a listing that goes on where it began")
		}
		whole.Entries = append(whole.Entries, next.Entries...)
		whole.Ended, whole.Unread, whole.Next = whole.Ended && next.Ended, whole.Unread+next.Unread, next.Next
		whole.Meta = mirror.Meta{Size: -1} // the validators of one piece say nothing of the others
	}
	whole.Entries = folded(whole.Entries)
	return whole, nil
}

// folded makes one directory of all keys of an object store that begin alike up
// to a slash, and keeps the first of entries of one name, which may come again in
// another piece of a list.
func folded(entries []listing.Entry) []listing.Entry {
	seen := make(map[string]bool, len(entries))
	kept := entries[:0]
	for _, e := range entries {
		if dir, _, deeper := strings.Cut(e.Name, "/"); deeper {
			e = listing.Entry{Name: dir, Type: listing.Dir}
		}
		if seen[e.Name] || !listing.ValidName(e.Name) {
			continue
		}
		seen[e.Name] = true
		kept = append(kept, e)
	}
	return kept
}

// page asks for one page of a listing; next is the token of a list's next piece.
func (h *HTTP) page(ctx context.Context, dir mirror.Name, next string, held *mirror.Meta) (Listing, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l := Listing{Meta: mirror.Meta{Size: -1}}
	r, err := h.request(ctx, http.MethodGet, dir)
	if err != nil {
		return l, err
	}
	if next != "" {
		r.URL.RawQuery = nextPiece(next)
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
		return l, h.fail(mirror.ErrNoListing, dir, "answered %s: it does not show directories", resp.Status)
	case resp.StatusCode != http.StatusOK:
		return l, h.statusError(dir, resp)
	case encoding(resp) != "":
		return l, h.fail(mirror.ErrBroken, dir, "is sent with Content-Encoding %s, though none was accepted", encoding(resp))
	}
	text, err := io.ReadAll(io.LimitReader(body, maxPage+1))
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

// nextPiece is the query that asks for more of an S3 list: by its token, or,
// in the first version of that protocol, from a key on.
func nextPiece(token string) string {
	return fmt.Sprintf("list-type=2&continuation-token=%s&marker=%[1]s", url.QueryEscape(token))
}
