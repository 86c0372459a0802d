package fetch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/listing"
)

// indexPage is a directory as nginx shows it; names with a slash are directories.
func indexPage(names ...string) origin.File {
	var b strings.Builder
	b.WriteString("<html><head><title>Index of /</title></head><body><h1>Index of /</h1><hr><pre><a href=\"../\">../</a>\n")
	for _, name := range names {
		size := "10"
		if strings.HasSuffix(name, "/") {
			size = "-"
		}
		fmt.Fprintf(&b, "<a href=\"%s\">%[1]s</a>    12-Nov-2024 10:21    %s\n", name, size)
	}
	b.WriteString("</pre><hr></body></html>\n")
	return origin.File{Body: []byte(b.String()), ContentType: "text/html"}
}

func namesOf(d *Directory) (names []string) {
	for _, e := range d.Entries {
		names = append(names, e.Name)
	}
	slices.Sort(names)
	return names
}

// TestList: a directory is asked for once while it is fresh, whoever asks, and
// conditionally afterwards.
func TestList(t *testing.T) {
	o := origin.New(t)
	o.Set("/d/", indexPage("sub/", "a", "b"))
	s := newSite(t, "", o)
	e := s.engine()
	release := o.Hold("/d/")
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			d, err := e.List(s.ctx(), "m/d")
			if err != nil || !slices.Equal(namesOf(d), []string{"a", "b", "sub"}) || !d.Ended || d.Stale != nil {
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
	o.Await("/d/", 1)
	release()
	wg.Wait()
	if _, err := s.engine().List(s.ctx(), "m/d"); err != nil { // another process
		t.Error(err)
	}
	if n := o.Count("/d/", "GET"); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	s.clock.advance(time.Hour)
	if d, err := e.List(s.ctx(), "m/d"); err != nil || len(d.Entries) != 3 || d.Stale != nil {
		t.Errorf("%+v, %v", d, err)
	}
	if reqs := o.Requests(); len(reqs) != 2 || reqs[1].Status != 304 {
		t.Errorf("%d requests, want a second one that is answered 304: %+v", len(reqs), reqs)
	}
	o.Set("/d/", indexPage("a"))
	s.clock.advance(time.Hour)
	if d, err := e.List(s.ctx(), "m/d"); err != nil || len(d.Entries) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestListStale: an upstream in trouble leaves what is known, marked.
func TestListStale(t *testing.T) {
	for name, b := range map[string]origin.Behaviour{
		"broken": {Status: 500}, "silent": {Silent: true}, "cut": {CutAfter: 20},
		"a page of another kind": {Portal: true},
	} {
		t.Run(name, func(t *testing.T) {
			o := origin.New(t)
			o.Set("/d/", indexPage("a"))
			s := newSite(t, "", o)
			e := s.engine()
			if _, err := e.List(s.ctx(), "m/d"); err != nil {
				t.Fatal(err)
			}
			s.clock.advance(time.Hour)
			o.Set("/d/", indexPage("a", "b"))
			o.Behave("/d/", b)
			d, err := e.List(s.ctx(), "m/d")
			if err != nil || len(d.Entries) != 1 || d.Stale == nil {
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
}

// TestListGone: a directory is gone when all upstreams say so; while one of them
// is down, what is known stays.
func TestListGone(t *testing.T) {
	one, two := origin.New(t), origin.New(t)
	one.Set("/d/", indexPage("a"))
	s := newSite(t, "", one, two)
	e := s.engine()
	if _, err := e.List(s.ctx(), "m/d"); err != nil {
		t.Fatal(err)
	}
	one.Remove("/d/")
	two.Down()
	s.clock.advance(time.Hour)
	if d, err := e.List(s.ctx(), "m/d"); err != nil || d.Stale == nil || len(d.Entries) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	two.Up()
	s.clock.advance(time.Hour)
	if d, err := e.List(s.ctx(), "m/d"); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestListErrors: what there is to say where nothing is known.
func TestListErrors(t *testing.T) {
	o, down := origin.New(t), origin.New(t)
	down.Behave(origin.Everywhere, origin.Behaviour{Status: 500})
	s := newSite(t, "", o)
	e := s.engine()
	for range 2 {
		if _, err := e.List(s.ctx(), "m/none"); !errors.Is(err, mirror.ErrNotFound) {
			t.Errorf("missing: %v", err)
		}
	}
	if n := o.Count("/none/", "GET"); n != 1 {
		t.Errorf("a missing directory was asked for %d times", n)
	}
	if _, err := newSite(t, "", down, o).engine().List(s.ctx(), "m/none"); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("missing at one, the other is down: %v", err)
	}
	if _, err := newSite(t, "", down).engine().List(s.ctx(), "m/none"); !errors.Is(err, mirror.ErrBroken) {
		t.Errorf("down: %v", err)
	}
	o.Set("/prose/", origin.File{Body: []byte("nothing of the kind"), ContentType: "text/html"})
	if _, err := e.List(s.ctx(), "m/prose"); !errors.Is(err, mirror.ErrNoListing) {
		t.Errorf("prose: %v", err)
	}
	if _, err := e.List(s.ctx(), "elsewhere"); !errors.Is(err, mirror.ErrNoMirror) {
		t.Errorf("outside: %v", err)
	}
	d, err := e.List(s.ctx(), "")
	if err != nil || !slices.Equal(namesOf(d), []string{"m"}) {
		t.Errorf("above: %+v, %v", d, err)
	}
}

// TestItems: what is here of a directory, and what is not.
func TestItems(t *testing.T) {
	o := origin.New(t)
	o.Set("/d/", indexPage("sub/", "here", "absent", "coming", ".hidden"))
	o.Set("/d/here", origin.File{Size: 10, ModTime: time.Date(2024, 11, 12, 10, 21, 7, 0, time.UTC)})
	o.Set("/d/dropped", origin.File{Size: 5})
	o.Set("/d/coming", origin.File{Size: 300_000})
	s := newSite(t, "", o)
	s.conf.Mirrors[0].Zone = time.UTC
	e := s.engine()
	for _, name := range []mirror.Name{"m/d/here", "m/d/dropped"} {
		if _, err := s.get(e, name); err != nil {
			t.Fatal(err)
		}
	}
	s.settle(e)
	if err := os.WriteFile(filepath.Join(s.docroot, "m/d/theirs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	release := o.HoldAfter("/d/coming", 200_000)
	defer release()
	f, err := e.Open(s.ctx(), "m/d/coming")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := e.List(s.ctx(), "m/d")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Engine{e, s.engine()} { // here, and in another process
		s.until("bytes arrive", func() bool { return e.arriving(s.ctx(), "m/d")["coming"] > 0 })
		items, err := e.Items(s.ctx(), d)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]Item{}
		var order []string
		for _, it := range items {
			got[it.Name] = it
			order = append(order, it.Name)
		}
		if want := []string{"sub", "absent", "coming", "dropped", "here"}; !slices.Equal(order, want) {
			t.Errorf("%q, want %q", order, want)
		}
		if it := got["here"]; it.Presence != Here || it.Size != listing.Exactly(10) || it.MTime.Lo%60 != 7 || !it.MTime.Exact() {
			t.Errorf("%+v", it)
		}
		if it := got["coming"]; it.Presence != Arriving || it.Done == 0 {
			t.Errorf("%+v", it)
		}
		if it := got["dropped"]; it.Presence != Here || it.Size != listing.Exactly(5) {
			t.Errorf("%+v", it)
		}
		if it := got["absent"]; it.Presence != Absent || it.MTime.Width() != 59 {
			t.Errorf("%+v", it)
		}
	}
}

// TestSlashed: a directory in the log is its path, that of the docroot, too.
func TestSlashed(t *testing.T) {
	for name, want := range map[mirror.Name]string{"": "/", "m/d": "/m/d/"} {
		if got := slashed(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
