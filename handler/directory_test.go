package handler

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror/internal/origin"
)

const listed = `<html><head><title>Index of /d/</title></head><body><h1>Index of /d/</h1><hr><pre><a href="../">../</a>
<a href="sub/">sub/</a>    12-Nov-2024 10:21    -
<a href="a.deb">a.deb</a>    12-Nov-2024 10:21    10
</pre><hr></body></html>
`

// TestDirectory: a directory in every format, and what it is not.
func TestDirectory(t *testing.T) {
	r := newRig(t, "")
	r.o.Set("/d/", origin.File{Body: []byte(listed), ContentType: "text/html"})
	for _, test := range []struct {
		target string
		accept string
		typ    string
		has    string
	}{
		{"/m/d/", "", "text/html; charset=utf-8", `<a href="a.deb"`},
		{"/m/d/", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8", `<a href="sub/"`},
		{"/m/d/", "application/json", "application/json", `"name":"a.deb"`},
		{"/m/d/", "text/html;q=0.5, application/json", "application/json", `"name":"sub"`},
		{"/m/d/", "application/json;q=0", "text/html; charset=utf-8", "a.deb"},
		{"/m/d/?format=json", "text/html", "application/json", `"state":"upstream"`},
		{"/m/d/?format=html", "application/json", "text/html; charset=utf-8", "a.deb"},
		{"/m/d/?format=ls-lR", "", "text/plain; charset=utf-8", " a.deb\n"},
		{"/m/d/?format=rsync", "", "text/plain; charset=utf-8", " a.deb\n"},
		{"/", "application/json", "application/json", `"name":"m", "type":"directory"`},
	} {
		get := r.ask(streaming, "GET", test.target, "Accept", test.accept)
		b := body(t, get)
		if get.StatusCode != 200 || get.Header.Get("Content-Type") != test.typ || !strings.Contains(string(b), test.has) {
			t.Errorf("%s, Accept %q: %d, %q, %.300q", test.target, test.accept, get.StatusCode, get.Header.Get("Content-Type"), b)
		}
		if get.Header.Get("Content-Security-Policy") == "" || get.Header.Get("X-Content-Type-Options") != "nosniff" || get.Header.Get("Vary") != "Accept" {
			t.Errorf("%s: %v", test.target, get.Header)
		}
		head := r.ask(streaming, "HEAD", test.target, "Accept", test.accept)
		if len(body(t, head)) != 0 || head.StatusCode != 200 || head.ContentLength != int64(len(b)) && head.Header.Get("Content-Length") != get.Header.Get("Content-Length") {
			t.Errorf("HEAD %s: %d, %v", test.target, head.StatusCode, head.Header)
		}
		if strings.HasPrefix(test.typ, "application/json") && !json.Valid(b) {
			t.Errorf("%s is no JSON: %q", test.target, b)
		}
	}
	if n := r.o.Count("/d/", "GET"); n != 1 {
		t.Errorf("the upstream was asked %d times", n)
	}
	for target, status := range map[string]int{
		"/m/d/?format=tar": http.StatusBadRequest, "/m/none/": http.StatusNotFound, "/elsewhere/": http.StatusNotFound,
		"/m/.hidden/": http.StatusNotFound,
	} {
		if resp := r.ask(streaming, "GET", target); resp.StatusCode != status {
			t.Errorf("%s: %d, want %d", target, resp.StatusCode, status)
		}
	}
}

// TestLargeDirectory: a page that does not fit into memory is the same, and leaves
// nothing behind.
func TestLargeDirectory(t *testing.T) {
	r := newRig(t, "")
	var page strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&page, "<a href=\"%04d.deb\">%04[1]d.deb</a>    12-Nov-2024 10:21    10\n", i)
	}
	r.o.Set("/d/", origin.File{Body: []byte(strings.Replace(listed, "<a href=\"sub/\"", page.String()+"<a href=\"sub/\"", 1)), ContentType: "text/html"})
	resp := r.ask(streaming, "GET", "/m/d/")
	b := body(t, resp)
	if len(b) < 2*spoolMemory || resp.Header.Get("Content-Length") != fmt.Sprint(len(b)) || strings.Count(string(b), ".deb\"") < 3000 ||
		!strings.HasSuffix(strings.TrimSpace(string(b)), "</html>") {
		t.Errorf("%d, %v, %d bytes", resp.StatusCode, resp.Header, len(b))
	}
	list, err := os.ReadDir(filepath.Join(r.conf.State, "part"))
	if err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestDirectoryPages: an index.html, here or upstream, is what people get; the
// listing is there for who asks for it by name.
func TestDirectoryPages(t *testing.T) {
	r := newRig(t, "")
	r.o.Set("/site/", origin.File{Body: []byte("<html><body><p>Welcome.</p></body></html>"), ContentType: "text/html"})
	r.o.Set("/site/index.html", origin.File{Body: []byte("<p>Welcome.</p>"), ContentType: "text/html"})
	if resp := r.ask(streaming, "GET", "/m/site/"); resp.StatusCode != 200 || string(body(t, resp)) != "<p>Welcome.</p>" {
		t.Errorf("upstream's page: %d", resp.StatusCode)
	}
	if resp := r.ask(streaming, "GET", "/m/site/?format=json"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("a listing of what has none: %d", resp.StatusCode)
	}
	r.o.Set("/d/", origin.File{Body: []byte(listed), ContentType: "text/html"})
	r.put("m/d/index.html", "ours")
	if resp := r.ask(streaming, "GET", "/m/d/"); string(body(t, resp)) != "ours" {
		t.Errorf("our page: %d", resp.StatusCode)
	}
	if resp := r.ask(streaming, "GET", "/m/d/", "Accept", "application/json"); !strings.Contains(string(body(t, resp)), `"a.deb"`) {
		t.Errorf("the listing beside a page: %d", resp.StatusCode)
	}
}

// TestDirectoryStale: a listing that cannot be confirmed says so.
func TestDirectoryStale(t *testing.T) {
	r := newRig(t, "--- listing_max_age = \"0s\"")
	r.o.Set("/d/", origin.File{Body: []byte(listed), ContentType: "text/html"})
	if resp := r.ask(streaming, "GET", "/m/d/"); resp.Header.Get("Warning") != "" {
		t.Errorf("fresh: %v", resp.Header)
	}
	r.o.Down()
	resp := r.ask(streaming, "GET", "/m/d/")
	if b := string(body(t, resp)); resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Warning"), "110 ") || !strings.Contains(b, "a.deb") ||
		!strings.Contains(b, time.Now().UTC().Format("2006-01-02")) {
		t.Errorf("stale: %d, %v", resp.StatusCode, resp.Header)
	}
	if resp := r.ask(streaming, "GET", "/m/other/"); resp.StatusCode != http.StatusBadGateway {
		t.Errorf("unknown: %d", resp.StatusCode)
	}
}
