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

// TestHTTPListInPieces: an S3 list comes a thousand keys at a time.
func TestHTTPListInPieces(t *testing.T) {
	piece := func(key, next string) string {
		return `<?xml version="1.0"?><ListBucketResult><IsTruncated>` + fmt.Sprint(next != "") + `</IsTruncated><NextContinuationToken>` + next +
			`</NextContinuationToken><Contents><Key>` + key + `</Key><LastModified>2026-11-22T07:31:53Z</LastModified><Size>6</Size></Contents></ListBucketResult>`
	}
	loop := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		switch token := r.URL.Query().Get("continuation-token"); {
		case token == "":
			fmt.Fprint(w, piece("a", "two/+"))
		case token == "two/+" && !loop:
			fmt.Fprint(w, strings.Replace(piece("b", ""), "</ListBucketResult>", `<Contents><Key>pool/a/1.deb</Key><Size>1</Size></Contents>
				<Contents><Key>pool/2.deb</Key><Size>1</Size></Contents><Contents><Key>a</Key><Size>9</Size></Contents></ListBucketResult>`, 1))
		default:
			fmt.Fprint(w, piece("b", "two/+"))
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
	loop = true
	if l, err := h.List(t.Context(), "", nil); !errors.Is(err, mirror.ErrBroken) {
		t.Errorf("a loop: %d entries, %v", len(l.Entries), err)
	}
}
