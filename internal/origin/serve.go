package origin

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"html"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// serve answers one request. The order of its steps is the order in which a
// response leaves: what happens before the header, what is answered instead of
// the file, and the file through a response that cuts, stalls and counts.
func (o *Origin) serve(w http.ResponseWriter, r *http.Request) {
	if !o.enter() {
		panic(http.ErrAbortHandler)
	}
	defer o.handlers.Done()
	entry := o.records.begin(r)
	defer o.records.end(entry)

	b := o.behaviour(r.URL.Path)
	out := &response{ResponseWriter: w, o: o, r: r, b: b, entry: entry, gates: o.gatesOf(r.URL.Path)}
	for _, g := range out.gates {
		if g.after < 0 && !o.wait(r.Context(), g.open) {
			panic(http.ErrAbortHandler)
		}
	}
	if b.Delay > 0 {
		out.pause(b.Delay)
	}
	switch {
	case b.Reset:
		reset(w)
	case b.Silent:
		o.wait(r.Context(), nil)
		panic(http.ErrAbortHandler)
	}
	if b.ChangeBefore != nil {
		o.Set(r.URL.Path, *b.ChangeBefore)
	}
	if !out.instead() {
		out.file()
	}
}

// enter counts a handler, or says that the test is over.
func (o *Origin) enter() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return false
	}
	o.handlers.Add(1)
	return true
}

// reset drops the connection so that the client sees ECONNRESET, not an end.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2: a reset stream is as close as it gets
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
	panic(http.ErrAbortHandler)
}

// instead sends an answer other than the file, if the behaviour asks for one.
func (out *response) instead() bool {
	b := out.b
	status := b.Status
	if b.RangeStatus != 0 && out.r.Header.Get("Range") != "" {
		status = b.RangeStatus
	}
	switch {
	case b.HEADRefused && out.r.Method == http.MethodHead:
		out.Header().Set("Allow", "GET")
		out.text(http.StatusMethodNotAllowed, "text/plain", "GET only\n")
	case b.Redirect != "":
		if status == 0 {
			status = http.StatusFound
		}
		out.Header().Set("Location", b.Redirect)
		out.text(status, "text/html", "<a href>moved</a>\n")
	case b.Portal:
		out.text(http.StatusOK, "text/html; charset=utf-8", portalPage)
	case status == http.StatusNoContent:
		out.WriteHeader(status)
	case status != 0:
		if b.RetryAfter != "" {
			out.Header().Set("Retry-After", b.RetryAfter)
		}
		if f, ok := out.o.file(out.r.URL.Path); ok && status == http.StatusRequestedRangeNotSatisfiable {
			out.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", f.length()))
		}
		out.text(status, "text/plain", http.StatusText(status)+"\n")
	default:
		return false
	}
	return true
}

// text sends a whole short page.
func (out *response) text(status int, contentType, body string) {
	out.Header().Set("Content-Type", contentType)
	out.Header().Set("Content-Length", fmt.Sprint(len(body)))
	out.WriteHeader(status)
	if out.r.Method != http.MethodHead {
		io.WriteString(out, body)
	}
}

// file sends the file, a directory's page, the redirect to it, or 404.
func (out *response) file() {
	path := out.r.URL.Path
	f, ok := out.o.file(path)
	if !ok {
		out.directory(path)
		return
	}
	header := out.Header()
	if f.ContentType != "" {
		header.Set("Content-Type", f.ContentType)
	}
	if tag := f.etag(); tag != "" {
		header.Set("ETag", tag)
	}
	modified := f.modified()
	if out.b.NoLastModified {
		modified = time.Time{}
	}
	request := out.r
	if out.b.NoRanges || out.b.Gzip {
		request = request.Clone(request.Context())
		request.Header.Del("Range")
	}
	if out.b.Gzip {
		out.compressed(f)
		return
	}
	http.ServeContent(out, request, path, modified, f.content())
}

// compressed sends what a server with a blind gzip filter sends: no length, no
// ranges, and nobody asked for it.
func (out *response) compressed(f File) {
	header := out.Header()
	header.Set("Content-Encoding", "gzip")
	header.Set("Last-Modified", f.modified().UTC().Format(http.TimeFormat))
	out.WriteHeader(http.StatusOK)
	if out.r.Method == http.MethodHead {
		return
	}
	z := gzip.NewWriter(out)
	io.Copy(z, f.content())
	z.Close()
}

// directory answers for a path that is no file, as Apache does: name/ lists,
// name redirects to it, anything else is 404.
func (out *response) directory(path string) {
	if !strings.HasSuffix(path, "/") {
		if len(out.o.children(path+"/")) == 0 {
			out.text(http.StatusNotFound, "text/plain", "Not Found\n")
			return
		}
		out.Header().Set("Location", out.o.URL+(&url.URL{Path: path + "/"}).EscapedPath())
		out.text(http.StatusMovedPermanently, "text/html", "<a href>moved</a>\n")
		return
	}
	names := out.o.children(path)
	if len(names) == 0 {
		out.text(http.StatusNotFound, "text/plain", "Not Found\n")
		return
	}
	var page strings.Builder
	fmt.Fprintf(&page, "<html><head><title>Index of %s</title></head><body>\n<a href=\"../\">../</a>\n", html.EscapeString(path))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fmt.Fprintf(&page, "<a href=\"%s\">%s</a>\n", (&url.URL{Path: "./" + name}).EscapedPath(), html.EscapeString(name))
	}
	page.WriteString("</body></html>\n")
	out.text(http.StatusOK, "text/html; charset=utf-8", page.String())
}

func (f File) content() io.ReadSeeker {
	if f.Body != nil {
		return bytes.NewReader(f.Body)
	}
	return Synthetic(f.Seed, f.Size)
}

func (f File) length() int64 {
	if f.Body != nil {
		return int64(len(f.Body))
	}
	return f.Size
}

func (f File) modified() time.Time {
	if f.ModTime.IsZero() {
		return Epoch
	}
	return f.ModTime
}

func (f File) etag() string {
	switch f.ETag {
	case NoETag:
		return ""
	case "":
		sum := words(f.Seed).word(f.length())
		for _, c := range f.Body {
			sum = sum*31 + uint64(c)
		}
		return fmt.Sprintf(`"%x-%x"`, sum, f.modified().Unix())
	}
	return f.ETag
}
