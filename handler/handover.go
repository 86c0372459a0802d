package handler

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"mirror"
	"mirror/fetch"
	"mirror/internal/cgienv"
)

// published delivers a published file: by the web server where it can, else its
// bytes. It never redirects a client. A stale file is written by us where that costs
// the client nothing, since a server that is handed a file says nothing of its age.
func (h *Handler) published(w http.ResponseWriter, r *http.Request, v *visit, f *fetch.File) {
	warns := f.Fresh.Stale && v.front.Stream
	// The server sends such a name back to us, and a redirect to it only takes a second
	// process.
	returns := f.Fresh.Known && (v.front.Handover == HandoverLocal || v.front.Handover == HandoverLocalNoStatus)
	if v.front.Handover == HandoverNone || v.front.Second || f.Aside() || warns || returns || unchanged(r, f.Meta, v.front.ETag.of(f.Meta)) {
		h.bytes(w, r, v.target.Name, f)
		return
	}
	h.handOver(w, r, v, f)
}

// unchanged reports whether a request asks only whether the file is another than
// the client's, and it is not: that answer is ours to give, since Apache forgets
// the question when an ErrorDocument redirects. tag is the file's; about one that
// is not known the server decides.
func unchanged(r *http.Request, m mirror.Meta, tag string) bool {
	if header := r.Header.Get("If-None-Match"); header != "" {
		for other := range strings.SplitSeq(header, ",") {
			if tag != "" && strings.TrimPrefix(strings.TrimSpace(other), "W/") == tag {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	return err == nil && !m.ModTime.Truncate(time.Second).After(since)
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
		file, tag := h.conf.Docroot+"/"+string(name), v.front.ETag.of(f.Meta)
		// Without a tag of ours, mod_xsendfile makes one of the time of the request.
		if !meansItself(file) || v.front.ETag != ETagNone && tag == "" {
			h.bytes(w, r, name, f)
			return
		}
		if tag != "" {
			header.Set("ETag", tag)
		}
		header.Set("X-Sendfile", file)
	case HandoverLocal, HandoverLocalNoStatus:
		if v.front.Handover == HandoverLocalNoStatus {
			clear(header) // lighttpd takes it for internal only if it stands alone
			header.Set(cgienv.NoStatus, "1")
		}
		header.Set("Location", h.location(name)+"?"+marker)
	}
	w.WriteHeader(http.StatusOK)
}

// meansItself reports whether a path in X-Sendfile is read alike by servers that
// decode it (lighttpd) and that do not (Apache's mod_xsendfile).
func meansItself(path string) bool {
	for i := range len(path) {
		if c := path[i]; c < ' ' || c == 0x7f || c == '%' {
			return false
		}
	}
	return utf8.ValidString(path) && !strings.HasSuffix(path, " ")
}
