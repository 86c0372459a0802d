package handler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"mirror"
	"mirror/fetch"
	"mirror/listing/render"
)

// format is a way to write a directory.
type format struct {
	contentType string
	write       func(io.Writer, *render.Page) error
}

// formats by what a client calls them: ?format=json.
var formats = map[string]format{
	"html":  {"text/html; charset=utf-8", render.HTML},
	"json":  {"application/json", render.JSON},
	"ls-lR": {"text/plain; charset=utf-8", render.LsLR},
	"rsync": {"text/plain; charset=utf-8", render.Rsync},
}

// formatOf is what a client wants: what it asks for, or by its Accept header
// HTML or JSON. asked: by name; such a client wants the listing, and not what a
// page in the directory has to say.
func formatOf(r *http.Request, query string) (f format, asked bool, err error) {
	values, err := url.ParseQuery(query)
	if name := values.Get("format"); err == nil && name != "" {
		f, ok := formats[name]
		if !ok {
			return f, true, errFormat
		}
		return f, true, nil
	}
	accept := r.Header.Get("Accept")
	if json := weight(accept, "application/json"); json > 0 && json > weight(accept, "text/html") {
		return formats["json"], true, nil
	}
	return formats["html"], false, nil
}

// errFormat: ?format= names none that there is.
var errFormat = errors.New("no such format")

// weight is the best that an Accept header (RFC 9110, 12.5.1) says of any of some
// media types, which are compared as they are written; 0: it takes none.
func weight(accept string, types ...string) (best float64) {
	for part := range strings.SplitSeq(accept, ",") {
		t, params, err := mime.ParseMediaType(part)
		if err != nil || !slices.Contains(types, t) {
			continue
		}
		q := 1.0
		if v, err := strconv.ParseFloat(params["q"], 64); err == nil {
			q = v
		}
		best = max(best, q)
	}
	return best
}

// directory answers a path with a slash at its end: with the index.html that is
// there, with the upstream's listing, or, where the upstream shows a page of its
// own instead of one, with that.
func (h *Handler) directory(w http.ResponseWriter, r *http.Request) {
	v := visitOf(r)
	name := v.target.Name
	index := name.Join("index.html")
	f, asked, err := formatOf(r, v.target.Query)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	if !asked {
		if file, err := h.engine.OpenPublished(r.Context(), index); err == nil {
			defer file.Close()
			h.bytes(w, r, index, file)
			return
		}
	}
	wait, cancel := h.patience(r.Context())
	defer cancel()
	page, stale, err := h.write(wait, f, name)
	if errors.Is(err, mirror.ErrNoListing) && !asked {
		if file, openErr := h.engine.Open(wait, index); openErr == nil {
			defer file.Close()
			file.Within(r.Context())
			h.bytes(w, r, index, file)
			return
		}
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	defer page.Close()
	header := w.Header()
	header.Set("Content-Type", f.contentType)
	header.Set("Content-Length", strconv.FormatInt(page.size, 10))
	header.Set("Cache-Control", "no-cache")
	header.Set("Vary", "Accept")
	header.Set("Content-Security-Policy", render.Policy())
	if stale {
		warnStale(header)
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	if err := page.send(w); err != nil {
		h.log.Debug("a directory was not read to its end", "target", r.RequestURI, "err", err)
	}
}

// directories is how many directories are written at a time; each takes some 300
// bytes of memory an entry.
const directories = 64

// write writes a directory, as it is shown at name.
func (h *Handler) write(ctx context.Context, f format, name mirror.Name) (page *spool, stale bool, err error) {
	select {
	case h.writing <- struct{}{}:
		defer func() { <-h.writing }()
	case <-ctx.Done():
		return nil, false, fmt.Errorf("%w: %d directories are being written", mirror.ErrBusy, directories)
	}
	dir, err := h.engine.List(ctx, name)
	if err != nil {
		return nil, false, err
	}
	what, err := h.pageOf(ctx, name, dir)
	if err != nil {
		return nil, false, err
	}
	page = &spool{engine: h.engine}
	if err := f.write(page, what); err != nil {
		page.Close()
		return nil, false, err
	}
	return page, dir.Stale != nil, nil
}

// pageOf is dir as it is shown at name, which may lead there through links.
func (h *Handler) pageOf(ctx context.Context, name mirror.Name, dir *fetch.Directory) (*render.Page, error) {
	items, err := h.engine.Items(ctx, dir)
	if err != nil {
		return nil, err
	}
	p := &render.Page{Base: h.conf.Base, Path: string(name), Rows: make([]render.Row, len(items))}
	for i, it := range items {
		p.Rows[i] = render.Row{Entry: it.Entry, State: states[it.Presence], Done: it.Done}
	}
	if u, err := url.Parse(dir.Upstream); err == nil {
		p.Upstream = u.Host
	}
	if dir.Stale != nil {
		p.Stale = dir.Checked
	}
	return p, nil
}

var states = map[fetch.Presence]render.State{
	fetch.Absent: render.Upstream, fetch.Arriving: render.Arriving, fetch.Here: render.Here,
}
