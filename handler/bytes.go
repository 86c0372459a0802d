package handler

import (
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"mirror"
	"mirror/fetch"
	"mirror/internal/cgienv"
	"mirror/internal/gather"
)

// bytes writes the file itself, with ranges and conditions as RFC 9110 says. A
// file that breaks off is shorter than its Content-Length, which a front that
// declares MIRROR_STREAM passes on as a broken connection.
func (h *Handler) bytes(w http.ResponseWriter, r *http.Request, name mirror.Name, f *fetch.File) {
	h.describe(w, r, name, f.Meta)
	vouch(w, r, f)
	f.Expect(rangeEnd(r.Header.Get("Range"), f.Meta.Size))
	var content io.ReadSeeker = f
	if f.Published() && f.Meta.Size > gather.Small {
		content = f.OS() // so that sendfile can be used
	}
	if f.Published() || f.Meta.Size <= gather.Small && f.Whole() { // nothing is waited for
		var release func()
		w, release = gather.Hold(r.Context(), w)
		defer release()
	} else if _, isCGI := w.(*cgienv.Response); !isCGI { // FastCGI and CGI have one buffer an answer, which is enough
		w = &following{ResponseWriter: w, file: f}
	}
	serveContent(w, r, f.Meta, content)
}

// serveContent answers with content's bytes, a range of them, or that nothing
// has changed. Ranges that cannot be answered are ignored (RFC 9110, 14.2); of
// an empty file there are none.
func serveContent(w http.ResponseWriter, r *http.Request, m mirror.Meta, content io.ReadSeeker) {
	if v := r.Header.Get("Range"); v != "" && (!understood(v) || m.Size == 0) {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	if asksForAll(r.Header) {
		serveAll(w, r, m, content)
		return
	}
	http.ServeContent(w, r, "", m.ModTime, content)
}

// asksForAll reports whether a request has neither a range nor a condition: then
// http.ServeContent has nothing to decide. (If-Range is nothing by itself.)
func asksForAll(header http.Header) bool {
	return header["Range"] == nil && header["If-Match"] == nil && header["If-None-Match"] == nil &&
		header["If-Modified-Since"] == nil && header["If-Unmodified-Since"] == nil
}

// serveAll answers as http.ServeContent does a request that asks for all.
func serveAll(w http.ResponseWriter, r *http.Request, m mirror.Meta, content io.Reader) {
	header := w.Header()
	set(header, "Accept-Ranges", "bytes")
	set(header, "Content-Length", strconv.FormatInt(m.Size, 10))
	if !m.ModTime.IsZero() && !m.ModTime.Equal(time.Unix(0, 0)) { // which net/http takes for unknown
		set(header, "Last-Modified", m.ModTime.UTC().Format(http.TimeFormat))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = io.CopyN(w, content, m.Size) // what is missing breaks the connection
	}
}

// set sets a header whose name is written as http.Header has it: to find out how that
// is costs more.
func set(header http.Header, name, value string) { header[name] = []string{value} }

// describe sets the headers that do not depend on the request. What lies in the
// state directory is only ever ours to send, so any kind of tag will do.
func (h *Handler) describe(w http.ResponseWriter, r *http.Request, name mirror.Name, m mirror.Meta) {
	set(w.Header(), "Content-Type", contentType(name, m))
	kind := visitOf(r).front.ETag
	if h.conf.IsAside(string(name)) {
		kind = ETagNginx
	}
	if tag := kind.of(m); tag != "" {
		set(w.Header(), "Etag", tag)
	}
}

// types are those of the files that mirrors mostly have: what a name without
// an entry, and without a word of the upstream's, has is octet-stream.
var types = map[string]string{
	".deb": "application/vnd.debian.binary-package", ".rpm": "application/x-rpm",
	".gz": "application/gzip", ".xz": "application/x-xz", ".bz2": "application/x-bzip2", ".zst": "application/zstd",
	".iso": "application/x-iso9660-image", ".tar": "application/x-tar", ".zip": "application/zip",
	".txt": "text/plain", ".asc": "application/pgp-keys", ".sig": "application/pgp-signature",
	".html": "text/html", ".htm": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json",
	".xml": "text/xml", ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".gif": "image/gif",
	".pdf": "application/pdf",
}

func contentType(name mirror.Name, m mirror.Meta) string {
	if name.Base() == "index.v1_json" { // pip goes by the type, and upstreams that have it as a file do not know it
		return simpleJSON
	}
	if m.ContentType != "" {
		if t, _, err := mime.ParseMediaType(m.ContentType); err == nil && strings.Contains(t, "/") {
			return m.ContentType
		}
	}
	if t := types[strings.ToLower(path.Ext(string(name)))]; t != "" {
		return t
	}
	return "application/octet-stream"
}

// sized stands for the content of a HEAD answer: it has a length and no bytes.
type sized struct{ size, pos int64 }

func (s *sized) Read([]byte) (int, error) { return 0, io.EOF }

func (s *sized) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.pos
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	s.pos = offset
	return offset, nil
}
