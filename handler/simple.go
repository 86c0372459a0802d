package handler

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"mirror"
	"mirror/fetch"
)

// simpleJSON is the media type of the page in JSON (PEP 691).
const simpleJSON = "application/vnd.pypi.simple.v1+json"

// simpleWait bounds how long it is tried to find a Python index in a directory of
// which a listing is at hand: that can be shown at once.
const simpleWait = 2 * time.Second

// isSimple reports whether a request is for what may be a page of a Python index: by
// its directory, or by the name under which it is kept.
func (h *Handler) isSimple(r *http.Request, _ *mux.RouteMatch) bool {
	t := visitOf(r).target
	if !t.Dir {
		return h.engine.IsPage(t.Name)
	}
	_, _, _, ok := h.engine.Page(t.Name)
	return ok && !wantsListing(r, t.Query)
}

// wantsListing reports whether a client asks for the listing of a directory, by a
// name that is one of ours.
func wantsListing(r *http.Request, query string) bool {
	_, asked, err := formatOf(r, query)
	return asked && (err == nil || !strings.HasPrefix(simpleFormat(query), "application/vnd.pypi.simple."))
}

// simpleFormat is the type that a client asks for in the address.
func simpleFormat(query string) string {
	values, _ := url.ParseQuery(query)
	return values.Get("format")
}

// simpleAccept is what a client takes: by the address, or by its header.
func simpleAccept(r *http.Request, query string) string {
	if f := simpleFormat(query); f != "" {
		return f
	}
	return strings.Join(r.Header.Values("Accept"), ",")
}

// simpleHTMLs are the types of the page in HTML.
var simpleHTMLs = []string{"text/html", "application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.latest+html"}

// prefersSimpleJSON reports whether a client wants the page as JSON. One that takes
// anything gets HTML, as from every index that there ever was.
func prefersSimpleJSON(r *http.Request, query string) bool {
	accept := simpleAccept(r, query)
	json := weight(accept, simpleJSON, "application/vnd.pypi.simple.latest+json")
	return json > 0 && json >= weight(accept, simpleHTMLs...)
}

// takesSimpleHTML reports whether a client that would rather have JSON says that
// HTML will do.
func takesSimpleHTML(r *http.Request, query string) bool {
	return weight(simpleAccept(r, query), simpleHTMLs...) > 0
}

// simpleGone is after how long without a word from the upstream a page that was asked
// for is taken for one in a form that the upstream has given up.
const simpleGone = time.Hour

// betterHTML reports whether a client that would rather have JSON, and takes HTML, is
// better off with that: nobody waits for an upstream while there is something good,
// and what was confirmed later is better than what nobody confirms any more. The form
// that is missing is fetched for the next one.
func (h *Handler) betterHTML(ctx context.Context, html, json mirror.Name) bool {
	wanted, here := h.freshness(ctx, json)
	if here && !wanted.Stale {
		return false
	}
	other, otherHere := h.freshness(ctx, html)
	missing := html
	switch {
	case here && otherHere:
		return other.Age < wanted.Age
	case here && wanted.Age < simpleGone, !here && !otherHere:
		return false
	case otherHere:
		missing = json
	}
	if err := h.engine.Start(ctx, missing); err != nil && !errors.Is(err, mirror.ErrNotFound) {
		h.log.Warn("a fetch could not be started", "path", "/"+string(missing), "err", err)
	}
	return otherHere
}

// simpleForms are the names of the page in the forms that a client takes, the best first.
func (h *Handler) simpleForms(r *http.Request, query string, html, json mirror.Name) []mirror.Name {
	if !prefersSimpleJSON(r, query) || takesSimpleHTML(r, query) && h.betterHTML(r.Context(), html, json) {
		return []mirror.Name{html}
	}
	return []mirror.Name{json, html}
}

// freshness says how current a file is, if it is published.
func (h *Handler) freshness(ctx context.Context, name mirror.Name) (f fetch.Freshness, here bool) {
	file, err := h.engine.OpenPublished(ctx, name)
	if err != nil {
		return f, false
	}
	defer file.Close()
	return file.Fresh, true
}

// simple answers with the upstream's own page of a Python index, as JSON or HTML,
// or, where there is none, as if there were no such thing.
//
// Nothing is sent before the page is whole and published: only then is it known
// that it is one. The web server is never handed it, which knows neither its type
// nor that there are two of it.
func (h *Handler) simple(w http.ResponseWriter, r *http.Request) {
	v := visitOf(r)
	dir, only := v.target.Name, mirror.Name("")
	if !v.target.Dir {
		dir, only = dir.Parent(), dir
	}
	html, json, certain, _ := h.engine.Page(dir)
	names := []mirror.Name{only}
	if only == "" {
		names = h.simpleForms(r, v.target.Query, html, json)
	}
	wait, cancel := h.patience(r.Context())
	defer cancel()
	ask := wait
	if !certain && only == "" && h.engine.IsListed(wait, dir) {
		ask, cancel = context.WithTimeout(wait, simpleWait)
		defer cancel()
	}
	var err error
	for _, name := range names {
		var f *fetch.File
		if f, err = h.whole(ask, name); err == nil {
			defer f.Close()
			f.Within(r.Context())
			if only == "" {
				w.Header().Set("Vary", "Accept")
			}
			w.Header().Set("Cache-Control", "no-cache")
			h.bytes(w, r, name, f)
			return
		}
	}
	switch {
	case r.Context().Err() != nil:
	case !certain && only == "" && (errors.Is(err, mirror.ErrNotFound) || h.engine.IsListed(wait, dir)):
		h.directory(w, r)
	case errors.Is(err, errPatience) && h.refer(w, html):
	default:
		h.fail(w, r, err)
	}
}

// whole opens a file once all of it has been found good.
func (h *Handler) whole(ctx context.Context, name mirror.Name) (*fetch.File, error) {
	f, err := h.engine.Open(ctx, name)
	if err != nil || f.Published() {
		return f, err
	}
	published, err := f.Settle(ctx)
	if err == nil && !published {
		return f, nil // it will never be, and these bytes are all there is
	}
	f.Close()
	if err == nil || errors.Is(err, mirror.ErrChanged) {
		// What was open may be an earlier attempt than the one that is published.
		return h.engine.Open(ctx, name)
	}
	return nil, err
}
