package handler

import (
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"unicode/utf8"

	"mirror"
	"mirror/fetch"
	"mirror/internal/cgienv"
)

// published delivers a file of the docroot: by the web server where it can,
// else its bytes. It never redirects a client.
func (h *Handler) published(w http.ResponseWriter, r *http.Request, v *visit, f *fetch.File) {
	if v.front.Handover == HandoverNone || v.front.Second {
		h.bytes(w, r, v.target.Name, f)
		return
	}
	h.handOver(w, r, v, f)
}

// handOver gives a published file back to the web server.
func (h *Handler) handOver(w http.ResponseWriter, r *http.Request, v *visit, f *fetch.File) {
	name := v.target.Name
	header := w.Header()
	header["Content-Type"] = nil // the server's own is the one of a static hit
	switch v.front.Handover {
	case HandoverAccel:
		header.Set("X-Accel-Redirect", v.front.Accel+"/"+name.Escape())
	case HandoverSendfile:
		file := h.conf.Docroot + "/" + string(name)
		if !utf8.ValidString(file) { // lighttpd refuses it
			h.bytes(w, r, name, f)
			return
		}
		header.Set("X-Sendfile", mirror.Name(file).Escape())
	case HandoverLocal, HandoverLocalNoStatus:
		header.Set("Location", h.location(name)+"?"+marker)
		if v.front.Handover == HandoverLocalNoStatus {
			header.Set(cgienv.NoStatus, "1")
		}
	}
	w.WriteHeader(http.StatusOK)
}

// bytes writes the file itself, with ranges and conditions as RFC 9110 says. A
// file that breaks off is shorter than its Content-Length, which every front
// passes on as a broken connection.
func (h *Handler) bytes(w http.ResponseWriter, r *http.Request, name mirror.Name, f *fetch.File) {
	h.describe(w, name, f.Meta)
	f.Expect(rangeEnd(r.Header.Get("Range"), f.Meta.Size))
	var content io.ReadSeeker = f
	if file := f.OS(); file != nil {
		content = file // so that sendfile can be used
	}
	http.ServeContent(w, r, "", f.Meta.ModTime, content)
}

// describe sets the headers that do not depend on the request. The entity tag
// is the one that nginx makes of mtime and size, so that it outlives the step
// from a growing file to a static hit.
func (h *Handler) describe(w http.ResponseWriter, name mirror.Name, m mirror.Meta) {
	w.Header().Set("Content-Type", contentType(name, m))
	if !m.ModTime.IsZero() && m.Size >= 0 {
		w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, m.ModTime.Unix(), m.Size))
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
	if t, _, err := mime.ParseMediaType(m.ContentType); err == nil && strings.Contains(t, "/") {
		return m.ContentType
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
