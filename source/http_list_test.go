package source

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/listing"
)

const nginxPage = `<html><head><title>Index of /base/d/</title></head><body><h1>Index of /base/d/</h1><hr><pre><a href="../">../</a>
<a href="sub/">sub/</a>                     12-Nov-2024 10:20       -
<a href="a%20b.deb">a b.deb</a>                  12-Nov-2024 10:21    4096
</pre><hr></body></html>
`

// TestHTTPList: pages are read, conditionally, and what is none is told apart.
func TestHTTPList(t *testing.T) {
	var answer http.HandlerFunc
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/base/d/" {
			http.NotFound(w, r)
			return
		}
		answer(w, r)
	}))
	defer server.Close()
	h := over(t, server.URL+"/base/", func(o *HTTPOptions) { o.RedirectToPrivate, o.Zone = true, time.UTC })

	answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("ETag", `"1"`)
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		fmt.Fprint(w, nginxPage)
	}
	l, err := h.List(t.Context(), "d", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Entries) != 2 || !l.Ended || l.Unread != 0 || l.Meta.ETag != `"1"` || !l.Meta.ModTime.IsZero() {
		t.Errorf("%+v", l)
	}
	minute := time.Date(2024, 11, 12, 10, 21, 0, 0, time.UTC).Unix()
	if e := l.Entries[1]; e.Name != "a b.deb" || e.Type != listing.File || e.MTime != listing.Between(minute, minute+59) {
		t.Errorf("%+v", e)
	}
	if _, err := h.List(t.Context(), "d", &l.Meta); err != ErrNotModified {
		t.Errorf("asked again: %v", err)
	}
	if _, err := h.List(t.Context(), "none", nil); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("none: %v", err)
	}

	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"a page of prose": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "just text, and no listing of anything")
		}, mirror.ErrNoListing},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100000")
			fmt.Fprint(w, nginxPage)
		}, mirror.ErrBroken},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			for line := strings.Repeat("<a href=\"x\">x</a>\n", 10_000); ; {
				if _, err := fmt.Fprint(w, line); err != nil {
					return
				}
			}
		}, mirror.ErrTooLarge},
		"compressed": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			fmt.Fprint(w, "x")
		}, mirror.ErrBroken},
		"in trouble":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, mirror.ErrBroken},
		"forbidden":    {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, mirror.ErrNoListing},
		"wants a name": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, mirror.ErrRefused},
	} {
		answer = c.answer
		if l, err := h.List(t.Context(), "d", nil); !errors.Is(err, c.want) {
			t.Errorf("%s: %d entries, %v, want %v", name, len(l.Entries), err, c.want)
		}
	}
}

// TestHTTPListOfKeys: an object store lists keys, of which a directory is those
// that begin alike, a thousand at a time.
func TestHTTPListOfKeys(t *testing.T) {
	list := func(prefix, marker, more, inside string) string {
		return `<?xml version="1.0"?><ListBucketResult><Prefix>` + prefix + `</Prefix><Marker>` + marker + `</Marker><IsTruncated>` +
			fmt.Sprint(more != "") + `</IsTruncated><NextMarker>` + more + `</NextMarker>` + inside + `</ListBucketResult>`
	}
	key := func(name string, size int) string {
		return fmt.Sprintf(`<Contents><Key>%s</Key><LastModified>2026-11-22T07:31:53Z</LastModified><Size>%d</Size></Contents>`, name, size)
	}
	loop := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		q := r.URL.Query()
		switch marker := q.Get("marker"); {
		case r.URL.Path != "/" || q.Has("list-type"):
			http.NotFound(w, r)
		case q.Get("delimiter") == "": // all keys
			fmt.Fprint(w, list("", "", "pool/a/1.deb", key("a", 6)+key("pool/a/1.deb", 1)))
		case q.Get("prefix") == "pool/":
			fmt.Fprint(w, list("pool/", "", "", key("pool/b.deb", 7)+`<CommonPrefixes><Prefix>pool/a/</Prefix></CommonPrefixes>`))
		case marker == "":
			fmt.Fprint(w, list("", "", "two/+", key("a", 6)))
		case marker == "two/+" && !loop:
			fmt.Fprint(w, list("", marker, "", key("b", 6)+key("a", 9)+`<CommonPrefixes><Prefix>pool/</Prefix></CommonPrefixes>`))
		default:
			fmt.Fprint(w, list("", marker, "two/+", key("b", 6)))
		}
	}))
	defer server.Close()
	h := over(t, server.URL+"/", func(o *HTTPOptions) { o.RedirectToPrivate = true })
	l, err := h.List(t.Context(), "", nil)
	if err != nil || len(l.Entries) != 3 || !l.Ended || l.Next != "" {
		t.Fatalf("%+v, %v", l, err)
	}
	if a, pool := l.Entries[0], l.Entries[2]; a.Size != listing.Exactly(6) || pool.Name != "pool" || pool.Type != listing.Dir {
		t.Errorf("%+v", l.Entries)
	}
	l, err = h.List(t.Context(), "pool", nil)
	if err != nil || len(l.Entries) != 2 || l.Entries[0].Name != "b.deb" || l.Entries[1].Name != "a" {
		t.Errorf("%+v, %v", l, err)
	}
	loop = true
	if l, err := h.List(t.Context(), "", nil); !errors.Is(err, mirror.ErrBroken) {
		t.Errorf("a loop: %d entries, %v", len(l.Entries), err)
	}
}
