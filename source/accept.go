package source

import (
	"compress/gzip"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"mirror"
)

// sniffLen is what http.DetectContentType looks at, in bytes.
const sniffLen = 512

func (x *exchange) ask(hr *http.Request) (*http.Response, error) {
	if x.offset > 0 {
		hr.Header.Set("Range", fmt.Sprintf("bytes=%d-", max(0, x.offset-overlap)))
	}
	if m := x.r.Held; m != nil && x.offset == 0 {
		conditions(hr, m)
	}
	if x.r.Line != nil {
		return x.r.Line.over(x.h, x.h.URL(x.r.Path)).Do(hr)
	}
	return x.h.client.Do(hr)
}

// conditions asks for what is newer than held only. If-Modified-Since is ignored
// where the tag is understood (RFC 9110, 13.1).
func conditions(r *http.Request, held *mirror.Meta) {
	if held.ETag != "" {
		r.Header.Set("If-None-Match", held.ETag)
	}
	if held.LastModified != "" {
		r.Header.Set("If-Modified-Since", held.LastModified)
	}
}

// accept takes an answer only if its body is the file, or the rest of it, and
// leaves the body before the first byte to append.
func (x *exchange) accept(resp *http.Response) error {
	x.body = x.h.newBody(resp.Body, x.hangUp)
	x.ranges = !strings.EqualFold(resp.Header.Get("Accept-Ranges"), "none")
	x.offers = strings.EqualFold(resp.Header.Get("Accept-Ranges"), "bytes")
	from, total, err := x.span(resp)
	if err != nil {
		return err
	}
	x.meta = x.h.metaOf(resp, total)
	x.unframed = unframed(resp)
	return x.prepare(resp, from)
}

// span says where the body begins in the file, and how long the file is (-1:
// unknown).
func (x *exchange) span(resp *http.Response) (from, total int64, err error) {
	switch {
	case resp.StatusCode == http.StatusNotModified && x.r.Held != nil && x.offset == 0:
		x.meta = x.h.metaOf(resp, -1)
		return 0, 0, ErrNotModified
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && x.offset > 0:
		return 0, 0, x.fail(mirror.ErrChanged, "is shorter than the %d bytes at hand", x.offset)
	case resp.StatusCode == http.StatusPartialContent && x.offset > 0:
		first, last, t, err := contentRange(resp)
		want := max(0, x.offset-overlap)
		if err != nil || first != want || last != t-1 {
			return 0, 0, x.fail(mirror.ErrChanged, "asked for bytes %d-, the answer says %q", want, resp.Header.Get("Content-Range"))
		}
		from, total = first, t
	case resp.StatusCode == http.StatusOK:
		total = resp.ContentLength
	case resp.StatusCode < 300:
		return 0, 0, x.fail(mirror.ErrBroken, "answered %s", statusOf(resp))
	default:
		return 0, 0, x.h.statusError(x.r.Path, resp)
	}
	if x.offset > 0 && !x.r.Have.Continues(x.h.metaOf(resp, total), x.r.SameUpstream) {
		return 0, 0, x.fail(mirror.ErrChanged, "is another version than the %d bytes at hand", x.offset)
	}
	if limit := x.r.MaxSize; limit > 0 && total > limit {
		return 0, 0, x.fail(mirror.ErrTooLarge, "has %d bytes, limits.max_size is %d", total, limit)
	}
	return from, total, nil
}

// prepare decodes, compares and sniffs.
func (x *exchange) prepare(resp *http.Response, from int64) error {
	if err := x.decode(resp, x.body); err != nil {
		return err
	}
	if from < x.offset {
		if err := x.r.compare(x.body, from, x.offset, make([]byte, 2*compareBuffer), x.fail); err != nil {
			return err
		}
	}
	if !x.r.RefuseHTML || x.offset > 0 {
		return nil
	}
	head, err := x.body.peek(sniffLen)
	if err != nil {
		return err
	}
	if IsHTML(x.meta.ContentType) || IsHTML(http.DetectContentType(head)) {
		return x.fail(mirror.ErrBroken, "an HTML page came where the name promises something else (a captive portal?)")
	}
	return nil
}

// decode deals with a content coding that nobody asked for. Where it does not
// only describe the file, gzip is undone; its own checksum tells that it is
// whole.
func (x *exchange) decode(resp *http.Response, b *body) error {
	switch e := encoding(resp); {
	case e == "", describes(e, x.r.Path):
	case x.offset > 0:
		return x.fail(mirror.ErrChanged, "is now sent with Content-Encoding %s", e)
	case e == "gzip" || e == "x-gzip":
		z, err := gzip.NewReader(b.r)
		if errors.Is(err, gzip.ErrHeader) {
			return x.fail(mirror.ErrBroken, "says Content-Encoding gzip, but: %v", err)
		}
		if err != nil {
			return err
		}
		b.r = z
		// The validators describe the encoded form, which nobody keeps.
		x.meta.Size, x.meta.ETag, x.meta.LastModified = -1, "", ""
		x.unframed = false
	default:
		return x.fail(mirror.ErrBroken, "is sent with Content-Encoding %s, though none was accepted", e)
	}
	return nil
}

// IsHTML reports whether a Content-Type is that of an HTML page.
func IsHTML(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	return t == "text/html" || t == "application/xhtml+xml"
}

// describes reports whether a content coding only says what the file is, as
// some servers do for a.tar.gz: then its bytes are as they come.
func describes(coding string, n mirror.Name) bool {
	return (coding == "gzip" || coding == "x-gzip") && (strings.HasSuffix(string(n), ".gz") || strings.HasSuffix(string(n), ".tgz"))
}
