package sync

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mirror"
	"mirror/maint"
)

// pages is an HTTP server of bodies by path, of which tests make what no real
// server would show them when asked.
type pages struct {
	mu   sync.Mutex
	body map[string]string    // guarded by mu
	at   map[string]time.Time // guarded by mu: when it was changed; else: changed
	hold func(path string)    // called before an answer
}

func newPages(t *testing.T, body map[string]string) (p *pages, url string) {
	p = &pages{body: body, at: make(map[string]time.Time), hold: func(string) {}}
	s := httptest.NewServer(p)
	t.Cleanup(s.Close)
	return p, s.URL + "/"
}

func (p *pages) set(path, body string, at time.Time) {
	p.mu.Lock()
	p.body[path], p.at[path] = body, at
	p.mu.Unlock()
}

var changed = time.Date(2024, 11, 12, 0, 0, 0, 0, time.UTC)

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	body, ok := p.body[r.URL.Path]
	at := p.at[r.URL.Path]
	p.mu.Unlock()
	p.hold(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	if at.IsZero() {
		at = changed
	}
	if strings.HasSuffix(r.URL.Path, "/") {
		w.Header().Set("Content-Type", "text/html")
	} else {
		w.Header().Set("Last-Modified", at.UTC().Format(http.TimeFormat))
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	fmt.Fprint(w, body)
}

// fetch brings one file, as a client does.
func (s *site) fetch(name mirror.Name) {
	s.t.Helper()
	f, err := s.Engine.Open(s.t.Context(), name)
	must(s.t, err)
	_, err = f.Settle(s.t.Context())
	f.Close()
	must(s.t, err)
}

// wantDeleted syncs with --delete and checks how many files went, and why no
// others did; "": nothing is told.
func (s *site) wantDeleted(n int, why string) {
	s.t.Helper()
	sum, err := s.Sync(s.t.Context(), "m", maint.SyncOptions{Delete: true})
	if sum.Deleted != n {
		s.t.Errorf("deleted %d, want %d; %v", sum.Deleted, n, err)
	}
	said := fmt.Sprint(err, sum.Undeleted)
	if !strings.Contains(said, why) || why == "" && len(sum.Undeleted) > 0 {
		s.t.Errorf("it says %q, not %q", said, why)
	}
}

const row = "-rw-r--r-- 1 m m 1 Nov 12  2024 "

// TestDeleteByCatalog: a catalog is no proof for what is younger than it, and an
// old one none at all.
func TestDeleteByCatalog(t *testing.T) {
	t.Parallel()
	list := ".:\ntotal 4\n" + row + "a\n" + row + "b\n"
	p, url := newPages(t, map[string]string{"/ls-lR": list, "/a": "1", "/b": "1", "/new": "1"})
	s := newSite(t, "index = \"ls-lR\"\nzone = \"UTC\"", url)
	s.fetch("m/new")
	s.wantDeleted(0, "")
	p.set("/ls-lR", "an error page in plain text\n", changed.Add(time.Hour))
	s.wantDeleted(0, "could not be read")
	p.set("/ls-lR", list+"a garbled line\n", changed.Add(2*time.Hour))
	s.wantDeleted(0, "1 of its lines")
	p.set("/ls-lR", ".:\ntotal 4\n"+row+"a\n", time.Now().Add(2*time.Hour))
	s.wantDeleted(2, "") // b, new
}

// TestDeleteSlowListing: what came after the listing was asked for is not gone.
func TestDeleteSlowListing(t *testing.T) {
	t.Parallel()
	p, url := newPages(t, map[string]string{"/": index("a"), "/a": "1", "/new": "1"})
	s := newSite(t, "zone = \"UTC\"", url)
	var once sync.Once
	p.hold = func(path string) {
		if path == "/" {
			once.Do(func() { s.fetch("m/new") })
		}
	}
	s.wantDeleted(0, "")
	s.wantDeleted(1, "")
}

// index is a page as nginx makes them.
func index(names ...string) string {
	var b strings.Builder
	b.WriteString("<html>\n<head><title>Index of /</title></head>\n<body>\n<h1>Index of /</h1><hr><pre><a href=\"../\">../</a>\n")
	for _, name := range names {
		fmt.Fprintf(&b, "<a href=%q>%[1]s</a>      12-Nov-2024 00:00       1\n", name)
	}
	b.WriteString("</pre><hr></body>\n</html>\n")
	return b.String()
}

// TestDeleteOddPage: a page of another kind in place of a listing takes nothing.
func TestDeleteOddPage(t *testing.T) {
	t.Parallel()
	p, url := newPages(t, map[string]string{"/": index("a", "b"), "/a": "1", "/b": "1", "/status.html": "1"})
	s := newSite(t, "zone = \"UTC\"", url)
	s.sync(maint.SyncOptions{})
	for _, page := range []string{
		`<html><head><title>Down for maintenance</title></head><body><p>See <a href="status.html">our status</a>.</p></body></html>`,
		`<html><head><title>Index of /</title></head><body><p>Error reading the directory</p></body></html>`,
		`[]`,
	} {
		p.set("/", page, changed)
		s.wantDeleted(0, "not certain to be whole")
	}
}

// TestDeleteEmpty: where the disk is not mounted that an upstream serves, nothing
// is gone; nor half of everything, unless it is said to be.
func TestDeleteEmpty(t *testing.T) {
	t.Parallel()
	up := rsyncd(t)
	tr := up.tree(t)
	for i := range 30 {
		tr.file(fmt.Sprintf("d/%d", i), 1)
	}
	s := newSite(t, "", up.url)
	s.sync(maint.SyncOptions{})
	must(t, os.Rename(tr.path("d"), up.dir+".away"))
	s.wantDeleted(0, "/m is empty upstream")
	tr.file("d/0", 1)
	s.wantDeleted(0, "29 files of 30 would go, which is more than half of them: --max-delete 29 lets them go")
	for _, c := range []struct{ most, want int }{{28, 0}, {29, 29}} {
		sum, err := s.Sync(t.Context(), "m", maint.SyncOptions{Delete: true, MaxDelete: c.most})
		if sum.Deleted != c.want || (err == nil) != (c.want > 0) {
			t.Errorf("of at most %d: deleted %d, %v", c.most, sum.Deleted, err)
		}
	}
}

// TestDeleteKeepsChoice: what the choice of files leaves out stays, also where a
// directory has become a file.
func TestDeleteKeepsChoice(t *testing.T) {
	t.Parallel()
	up := rsyncd(t)
	tr := up.tree(t)
	names := []string{"d/keep.iso", "d/file", "e/keep.iso", "e/file", "old"}
	for _, name := range names {
		tr.file(name, 1)
	}
	tr.file("fine", 1)
	s := newSite(t, "", up.url)
	s.sync(maint.SyncOptions{})
	for _, name := range []string{"d", "e", "old"} {
		tr.remove(name)
	}
	tr.file("d", 1)
	gone := func() (gone []string) {
		for _, name := range names {
			if _, err := os.Lstat(filepath.Join(s.doc, name)); err != nil {
				gone = append(gone, name)
			}
		}
		return gone
	}
	for _, c := range []struct {
		o    maint.SyncOptions
		want string
	}{
		{maint.SyncOptions{Include: []string{"*.nothing"}}, "[]"},
		{maint.SyncOptions{Since: time.Now()}, "[]"},
		{maint.SyncOptions{Exclude: []string{"*.iso"}}, "[e/file old]"},
		{maint.SyncOptions{}, "[d/keep.iso d/file e/keep.iso e/file old]"},
	} {
		c.o.Delete = true
		sum, err := s.Sync(t.Context(), "m", c.o)
		must(t, err)
		if got := fmt.Sprint(gone()); got != c.want || len(sum.Failed) > 0 {
			t.Errorf("%+v: gone is %s, want %s; %v", c.o, got, c.want, sum.Failed)
		}
	}
}
