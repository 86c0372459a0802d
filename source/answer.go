package source

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"mirror"
)

// strongAfter: a file this much older than the answer's Date cannot change
// again within the second that Last-Modified tells (RFC 9110, 8.8.2.2).
const strongAfter = time.Minute

const (
	maxETag = 1 << 10 // bytes; the longest that servers send have a tenth
	maxType = 256     // bytes; RFC 6838, 4.2 allows 127 for each half of a type
)

// metaOf reads the facts about a file off an answer's header. An entity tag
// means something only to the host that gave it: where a redirector has led to
// another, the next request may be led elsewhere.
func (h *HTTP) metaOf(resp *http.Response, size int64) mirror.Meta {
	h.scheme.answers()
	m := mirror.Meta{
		Size:        size,
		ETag:        printable(resp.Header.Get("ETag"), maxETag),
		ContentType: printable(resp.Header.Get("Content-Type"), maxType),
		Fresh:       lifetime(resp.Header, time.Now()),
	}
	if resp.Request.URL.Host != h.base.Host {
		m.ETag = ""
	}
	lm := resp.Header.Get("Last-Modified")
	t, err := http.ParseTime(lm)
	if err != nil || !mirror.IsFileTime(t.Unix()) {
		return m
	}
	m.ModTime = t
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && date.Sub(t) >= strongAfter {
		m.LastModified = lm
	}
	return m
}

// printable drops a header value that we would not want to send on.
func printable(v string, most int) string {
	if len(v) > most {
		return ""
	}
	for i := range len(v) {
		if v[i] < ' ' || v[i] == 0x7f {
			return ""
		}
	}
	return v
}

// contentRange parses "bytes first-last/total" (RFC 9110, 14.4). An unknown
// total ("*") is an error: such an answer cannot be pinned to a version.
func contentRange(resp *http.Response) (first, last, total int64, err error) {
	text := resp.Header.Get("Content-Range")
	bad := fmt.Errorf("Content-Range %q cannot be understood", text)
	unit, rest, ok := strings.Cut(text, " ")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return 0, 0, 0, bad
	}
	span, size, ok := strings.Cut(rest, "/")
	from, to, ok2 := strings.Cut(span, "-")
	if !ok || !ok2 {
		return 0, 0, 0, bad
	}
	first, err1 := strconv.ParseInt(strings.TrimSpace(from), 10, 64)
	last, err2 := strconv.ParseInt(strings.TrimSpace(to), 10, 64)
	total, err3 := strconv.ParseInt(strings.TrimSpace(size), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || first < 0 || last < first || total <= last {
		return 0, 0, 0, bad
	}
	return first, last, total, nil
}

// unframed reports whether only the end of the connection ends the body.
func unframed(resp *http.Response) bool {
	return resp.ContentLength < 0 && resp.ProtoMajor == 1 && len(resp.TransferEncoding) == 0
}

// encoding returns the content coding, "" for identity.
func encoding(resp *http.Response) string {
	var codings []string
	for _, line := range resp.Header.Values("Content-Encoding") {
		for e := range strings.SplitSeq(line, ",") {
			if e = strings.ToLower(strings.TrimSpace(e)); e != "" && e != "identity" {
				codings = append(codings, e)
			}
		}
	}
	return strings.Join(codings, ", ")
}

// maxRetryAfter bounds what we pass on: longer than a day is no answer.
const maxRetryAfter = 24 * time.Hour

// retryAfter understands both forms of RFC 9110, 10.2.3.
func retryAfter(resp *http.Response) time.Duration {
	v := resp.Header.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil && s > 0 {
		return time.Duration(min(s, int(maxRetryAfter/time.Second))) * time.Second
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(0, time.Until(t)), maxRetryAfter)
	}
	return 0
}
