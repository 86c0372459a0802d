package handler

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mirror"
	"mirror/fetch"
)

// errProgram: the name is the mirror's own program or configuration.
var errProgram = errors.New("the name belongs to the mirror itself")

// statuses is the one table from errors to answers. The first that matches
// counts. A page says what a client may know; causes and upstreams stand in
// the log.
var statuses = []struct {
	err    error
	status int
	page   string
}{
	{mirror.ErrBadName, http.StatusBadRequest, "This is not a valid path."},
	{mirror.ErrHidden, http.StatusNotFound, "Names that begin with a dot are not mirrored."},
	{mirror.ErrNoMirror, http.StatusNotFound, "Nothing is mirrored at this path."},
	{errProgram, http.StatusNotFound, "This name belongs to the mirror itself."},
	{errFormat, http.StatusBadRequest, "A directory comes as ?format=html, json, ls-lR or rsync."},
	{mirror.ErrNoListing, http.StatusNotFound, "The upstream does not show what this directory has."},
	{mirror.ErrForeign, http.StatusForbidden, "This name is not a file that this mirror may serve."},
	{errPatience, http.StatusServiceUnavailable, "The file is being fetched and takes longer than you can wait: try again."},
	{mirror.ErrBusy, http.StatusServiceUnavailable, "Too many files are being fetched: try again."},
	{mirror.ErrNotFound, http.StatusNotFound, "The upstream has no such file."},
	{mirror.ErrNoSpace, http.StatusServiceUnavailable, "The mirror has no space left."},
	{mirror.ErrTimeout, http.StatusGatewayTimeout, "The upstream did not answer in time."},
	{mirror.ErrRefused, http.StatusBadGateway, "The upstream refuses to give this file."},
	{mirror.ErrTooLarge, http.StatusBadGateway, "The file is larger than this mirror takes."},
	{mirror.ErrChanged, http.StatusBadGateway, "The upstream's file changed while it was fetched: try again."},
	{mirror.ErrStore, http.StatusInternalServerError, "The mirror cannot store files: its log says why."},
	{mirror.ErrWrong, http.StatusBadGateway, "The upstream's file is not what its repository says: it was refused."},
	{mirror.ErrHalfway, http.StatusBadGateway, "The upstream is in the middle of an update: try again."},
	{mirror.ErrBroken, http.StatusBadGateway, "The upstream failed."},
}

// retryLater is what a client is told when nothing better is known.
const retryLater = 30 * time.Second

// fail answers an error.
func (h *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, mirror.ErrIsDirectory) {
		w.Header().Set("Location", strings.TrimSuffix(h.location(visitOf(r).target.Name), "/")+"/")
		h.page(w, r, http.StatusMovedPermanently, "This is a directory.")
		return
	}
	if r.Context().Err() != nil {
		return // nobody listens
	}
	status, page := http.StatusInternalServerError, "The mirror failed: its log says why."
	for _, s := range statuses {
		if errors.Is(err, s.err) {
			status, page = s.status, s.page
			break
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		status, page = http.StatusGatewayTimeout, "The upstream did not answer in time."
	}
	if status >= 500 {
		h.log.Warn("request failed", "status", status, "target", r.RequestURI, "err", err)
	}
	if status == http.StatusServiceUnavailable {
		after := retryLater
		if asked := fetch.RetryAfter(err); asked > 0 {
			after = max(asked, time.Second) // less is 0 in the header
		}
		w.Header().Set("Retry-After", strconv.Itoa(int(after/time.Second)))
	}
	h.page(w, r, status, page)
}

// page writes a short answer that no cache keeps.
func (h *Handler) page(w http.ResponseWriter, r *http.Request, status int, text string) {
	body := fmt.Sprintf("%d %s\n%s\n", status, http.StatusText(status), text)
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	header.Set("Cache-Control", "no-store")
	header.Del("ETag")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		io.WriteString(w, body)
	}
}
