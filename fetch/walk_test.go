package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// makeUp serves directories without an end, of n new ones each.
func makeUp(t *testing.T, n int) (url string) {
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		k := asked.Add(1)
		fmt.Fprintln(w, `<html><head><title>Index of /</title></head><body><pre><a href="../">../</a>`)
		for i := range n {
			fmt.Fprintf(w, "<a href=\"%d-%d/\">%[1]d-%d/</a> 12-Nov-2024 10:00 -\n", k, i)
		}
		fmt.Fprintln(w, "</pre></body></html>")
	}))
	t.Cleanup(s.Close)
	return s.URL + "/"
}

func anywhere(mirror.Name) bool { return true }

// TestWalkEnds: a tree that a program makes up has neither depth nor number.
func TestWalkEnds(t *testing.T) {
	s := newSite(t, fmt.Sprintf(`
[[mirror]]
prefix = "/deep/"
upstream = [%q]
[[mirror]]
prefix = "/broad/"
upstream = [%q]`, makeUp(t, 1), makeUp(t, 30)), origin.New(t))
	e := s.engine()
	listed, last := 0, error(nil)
	err := e.Walk(s.ctx(), "deep", anywhere, func(d Walked) {
		listed++
		last = d.Err
	})
	if err != nil || listed != maxDeep+2 || !errors.Is(last, ErrLoop) {
		t.Errorf("%d directories, one below the other; %v; the last: %v", listed, err, last)
	}

	m := e.placeOfDir("broad").m
	listed = 0
	w := &walk{e: e, m: m, ctx: s.ctx(), into: anywhere, visit: func(d Walked) { listed++ }, found: extent{top: "broad", left: 100 * 120}}
	w.more.L = &w.mu
	if err := w.run("broad"); !errors.Is(err, errEndless) || !strings.Contains(err.Error(), "/broad has more than 10") {
		t.Errorf("error %v", err)
	}
	if listed > 10 || len(w.pending) > 100 {
		t.Errorf("%d directories were listed, %d are pending", listed, len(w.pending))
	}
}

// TestWalkCatalogTrouble: without its catalog, or with one that cannot be read, a
// mirror is walked all the same; but what is on record of an older one proves no
// absence.
func TestWalkCatalogTrouble(t *testing.T) {
	o := origin.New(t)
	o.Set("/", origin.File{Body: []byte(`<html><title>Index of /</title><body><pre><a href="../">../</a>
<a href="a">a</a> 12-Nov-2024 10:00 1
</pre></body></html>`), ContentType: "text/html"})
	s := newSite(t, "index = \"ls-lR\"\nzone = \"UTC\"", o)
	e := s.engine()
	top := func() (d Walked) {
		t.Helper()
		if err := e.Walk(s.ctx(), "m", anywhere, func(v Walked) {
			if v.Name == "m" {
				d = v
			}
		}); err != nil || d.Directory == nil {
			t.Fatal(d, err)
		}
		return d
	}
	begun := s.clock.now()
	if d := top(); len(d.Entries) != 1 || d.Doubt != nil || d.AsOf.Before(begun) {
		t.Errorf("without a catalog: %d entries, as of %v, doubt: %v", len(d.Entries), d.AsOf, d.Doubt)
	}
	lists := func(text string, at time.Time) {
		o.Set("/ls-lR", origin.File{Body: []byte(text), ModTime: at})
	}
	const good = ".:\ntotal 4\n-rw-r--r-- 1 m m 1 Nov 12  2024 a\n-rw-r--r-- 1 m m 1 Nov 12  2024 b\n"
	at := begun.Add(-24 * time.Hour).Truncate(time.Second)
	lists(good, at)
	s.clock.advance(time.Hour) // a 404 is remembered for a while
	if d := top(); len(d.Entries) != 2 || d.Doubt != nil || d.AsOf.After(at) {
		t.Errorf("with a catalog: %d entries, as of %v, doubt: %v", len(d.Entries), d.AsOf, d.Doubt)
	}
	for _, c := range []struct {
		what string
		set  func()
		want string
	}{
		{"unreadable", func() { lists("an error page in plain text\n", at.Add(time.Second)) }, "could not be read"},
		{"missing", func() { o.Remove("/ls-lR") }, "could not be refreshed"},
	} {
		c.set()
		if d := top(); len(d.Entries) != 2 || d.Doubt == nil || !strings.Contains(d.Doubt.Error(), c.want) {
			t.Errorf("%s: %d entries, doubt: %v", c.what, len(d.Entries), d.Doubt)
		}
	}
}
