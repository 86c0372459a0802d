// Package handler is the HTTP face: it turns a request into a name, asks the
// engine for it, and delivers the file in the way that the web server in front
// can take it. One table turns errors into statuses.
package handler

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/gorilla/mux"

	"mirror"
	"mirror/config"
	"mirror/fetch"
)

// Handler answers requests of any front. It is safe for concurrent use.
type Handler struct {
	conf   *config.Config
	engine *fetch.Engine
	log    *slog.Logger
	routes *mux.Router
	prefix string // of the escaped URL paths: conf.Base, escaped

	writing chan struct{} // a token for each directory that is being written
}

// New returns the handler of an engine.
func New(conf *config.Config, engine *fetch.Engine, log *slog.Logger) *Handler {
	h := &Handler{conf: conf, engine: engine, log: log, writing: make(chan struct{}, directories)}
	h.prefix = "/"
	if base := strings.Trim(conf.Base, "/"); base != "" {
		h.prefix = "/" + mirror.Name(base).Escape() + "/"
	}
	r := mux.NewRouter()
	get := r.Methods(http.MethodGet, http.MethodHead).Subrouter()
	get.MatcherFunc(isTop).HandlerFunc(h.top)
	get.MatcherFunc(h.isSimple).HandlerFunc(h.simple)
	get.MatcherFunc(isDirectory).HandlerFunc(h.directory)
	get.Methods(http.MethodHead).HandlerFunc(h.head)
	get.NewRoute().HandlerFunc(h.get)
	r.MethodNotAllowedHandler = http.HandlerFunc(h.notAllowed)
	r.NotFoundHandler = r.MethodNotAllowedHandler
	h.routes = r
	return h
}

// visit is what the routes know of a request. It is the request's context, too, in which
// it is found as a value: one allocation instead of two.
type visit struct {
	context.Context
	front  Front
	target mirror.Target
}

type visitKey struct{}

// Value implements context.Context.
func (v *visit) Value(key any) any {
	if key == (visitKey{}) {
		return v
	}
	return v.Context.Value(key)
}

func visitOf(r *http.Request) *visit { return r.Context().Value(visitKey{}).(*visit) }

// isTop reports whether a request is for the base without its slash.
func isTop(r *http.Request, _ *mux.RouteMatch) bool {
	t := visitOf(r).target
	return t.Name == "" && !t.Dir
}

func isDirectory(r *http.Request, _ *mux.RouteMatch) bool { return visitOf(r).target.Dir }

// Serve answers one request that came through front.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, front Front) {
	set(w.Header(), "X-Content-Type-Options", "nosniff")
	target, err := mirror.ParseTarget(front.Target, h.conf.Base)
	if err == nil && h.isProgram(target.Name, front.Script) {
		err = errProgram
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	front.Second = front.Second || hasMarker(target.Query)
	r = r.WithContext(&visit{r.Context(), front, target})
	// The routes go by the target, not by a URL; and without the router's own
	// ServeHTTP, which copies the request twice for variables that no route has, and
	// answers paths that it finds unclean with an absolute redirect.
	r.URL = anyURL
	var match mux.RouteMatch
	h.routes.Match(r, &match)
	match.Handler.ServeHTTP(w, r)
}

// anyURL is what all requests have in place of their URL, which the target has
// replaced. It is shared, so nobody may change it.
var anyURL = &url.URL{Path: "/"}

// Builtin returns the front that is this process itself.
func (h *Handler) Builtin() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.Serve(w, r, Front{Target: r.RequestURI, Stream: true, ETag: ETagNginx})
	})
}

// isProgram reports whether a name is the CGI program or its configuration, which
// lie in the docroot on shared hosting. The one must not be asked of an
// upstream by its own request; the other may hold passwords.
func (h *Handler) isProgram(name mirror.Name, script string) bool {
	if name == "" {
		return false
	}
	if h.conf.File != "" && name.Base() == filepath.Base(h.conf.File) {
		// By inode: the docroot may be reached by way of a link.
		own, err := os.Stat(h.conf.File)
		asked, err2 := os.Stat(filepath.Join(h.conf.Docroot, string(name)))
		if err == nil && err2 == nil && os.SameFile(own, asked) {
			return true
		}
	}
	if script == "" {
		return false
	}
	t, err := mirror.ParseTarget((&url.URL{Path: script}).EscapedPath(), h.conf.Base)
	return err == nil && t.Name == name
}

// head answers HEAD: it never downloads.
func (h *Handler) head(w http.ResponseWriter, r *http.Request) {
	v := visitOf(r)
	if f, err := h.engine.OpenPublished(r.Context(), v.target.Name); err == nil {
		defer f.Close()
		h.published(w, r, v, f)
		return
	}
	ctx, cancel := h.patience(r.Context())
	defer cancel()
	meta, err := h.engine.Stat(ctx, v.target.Name)
	if err != nil {
		h.failOrRefer(w, r, err)
		return
	}
	h.describe(w, r, v.target.Name, meta)
	tellDigest(w.Header(), r, meta.Size, h.engine.ExpectedSHA256(ctx, v.target.Name, meta.Size))
	if meta.Size < 0 {
		if !meta.ModTime.IsZero() {
			w.Header().Set("Last-Modified", meta.ModTime.UTC().Format(http.TimeFormat))
		}
		return
	}
	serveContent(w, r, meta, &sized{size: meta.Size})
}

// get answers GET.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) {
	v := visitOf(r)
	name := v.target.Name
	mode := h.engine.Miss(name)
	if mode == config.MissRedirect && !v.front.Second {
		f, err := h.engine.OpenPublished(r.Context(), name)
		switch {
		case err == nil:
			defer f.Close()
			h.published(w, r, v, f)
		case !errors.Is(err, fs.ErrNotExist):
			h.fail(w, r, err)
		default:
			h.startAndRefer(w, r, name)
		}
		return
	}
	wait, cancel := h.patience(r.Context())
	defer cancel()
	f, err := h.engine.Open(wait, name)
	if err != nil {
		h.failOrRefer(w, r, err)
		return
	}
	defer f.Close()
	if f.Published() {
		h.published(w, r, v, f)
		return
	}
	f.Within(r.Context())
	switch {
	case v.front.Stream && mode == config.MissStream:
		h.bytes(w, r, name, f)
	default:
		h.await(wait, w, r, v, f)
	}
}

// await answers a client that cannot be streamed to: once the file is
// published, by sending the client back to it.
func (h *Handler) await(wait context.Context, w http.ResponseWriter, r *http.Request, v *visit, f *fetch.File) {
	ok, err := f.Settle(wait)
	switch {
	case err != nil && !f.Whole() && !errors.Is(err, mirror.ErrNoSpace):
		h.failOrRefer(w, r, err)
	case f.Aside(): // the client would be sent back to nothing
		h.bytes(w, r, v.target.Name, f)
	case v.front.Second: // whatever went wrong with the redirect, it ends here
		h.bytes(w, r, v.target.Name, f)
	case ok && v.front.Handover != HandoverNone:
		h.handOver(w, r, v, f)
	case ok:
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Location", h.location(v.target.Name)+"?"+marker)
		w.WriteHeader(http.StatusFound)
	default: // it will never be published: its bytes are all there is
		h.bytes(w, r, v.target.Name, f)
	}
}

// startAndRefer answers a miss of a mirror with miss = "redirect".
func (h *Handler) startAndRefer(w http.ResponseWriter, r *http.Request, name mirror.Name) {
	err := h.engine.Start(r.Context(), name)
	if errors.Is(err, mirror.ErrNotFound) || errors.Is(err, mirror.ErrNoMirror) || errors.Is(err, mirror.ErrIsDirectory) {
		h.fail(w, r, err)
		return
	}
	if err != nil {
		h.log.Warn("a fetch could not be started", "path", "/"+string(name), "err", err)
	}
	h.refer(w, name) // config has seen to it that one does
}

// refer sends the client to an upstream itself, for name; false: none speaks HTTP.
func (h *Handler) refer(w http.ResponseWriter, name mirror.Name) bool {
	to := h.engine.URL(name)
	if to == "" {
		return false
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
	return true
}

// failOrRefer answers an error; one that only says that it takes long sends
// the client to the upstream meanwhile.
func (h *Handler) failOrRefer(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errPatience) && h.refer(w, visitOf(r).target.Name) {
		return
	}
	h.fail(w, r, err)
}

// location is the URL path of a name, to be sent to a client: path only, since
// what the front says of its host and port may be wrong.
func (h *Handler) location(name mirror.Name) string { return h.prefix + name.Escape() }

func (h *Handler) top(w http.ResponseWriter, r *http.Request) { h.fail(w, r, mirror.ErrIsDirectory) }

func (h *Handler) notAllowed(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "GET, HEAD")
	h.page(w, r, http.StatusMethodNotAllowed, "This mirror answers GET and HEAD only.")
}
