package fetch

import (
	"errors"
	"os"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/store/index"
)

func TestMutable(t *testing.T) {
	const name = "m/dists/InRelease"
	o := origin.New(t)
	v1 := origin.File{Body: []byte("version 1"), ModTime: origin.Epoch}
	v2 := origin.File{Body: []byte("version two"), ModTime: origin.Epoch.Add(time.Hour)}
	o.Set("/dists/InRelease", v1)
	s := newSite(t, "mutable = [\"*/InRelease\"]\nmax_age = \"1m\"\nmax_stale = \"1h\"\n", o)
	e := s.engine()
	get := func(want string) {
		t.Helper()
		got, err := s.get(e, name)
		if err != nil || string(got) != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
		s.settle(e)
	}
	requests := func(want int) {
		t.Helper()
		if n := o.Count("/dists/InRelease", ""); n != want {
			t.Errorf("the upstream was asked %d times, want %d", n, want)
		}
	}
	get("version 1")
	get("version 1")
	requests(1) // fresh

	s.clock.advance(2 * time.Minute)
	before, _ := os.Stat(s.path(name))
	get("version 1")
	requests(2)
	last := o.Requests()[1]
	if last.Status != 304 || last.Header.Get("If-None-Match") == "" || last.Header.Get("If-Modified-Since") == "" {
		t.Errorf("the question was not conditional: %+v", last)
	}
	if after, _ := os.Stat(s.path(name)); !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
		t.Error("a 304 touched the file")
	}
	get("version 1")
	requests(2) // the 304 made it fresh again

	// Due: the old one at once, the new one next time.
	s.clock.advance(2 * time.Minute)
	o.Set("/dists/InRelease", v2)
	get("version 1")
	get("version two")
	requests(3)
	s.wantPublished(name, v2.Body, v2.ModTime)
	s.wantNoParts()

	// Much too old: worth a wait.
	s.clock.advance(5 * time.Hour)
	o.Set("/dists/InRelease", v1)
	get("version 1")
	requests(4)

	// Trouble keeps the old file, and asks not at every request.
	for _, b := range []origin.Behaviour{{Status: 500}, {Status: 404}, {Portal: true}, {CutAtOnce: true}} {
		o.Behave("/dists/InRelease", b)
		s.clock.advance(2 * time.Minute)
		before := o.Count("/dists/InRelease", "")
		get("version 1")
		get("version 1")
		if asked := o.Count("/dists/InRelease", "") - before; asked != 1 {
			t.Errorf("%+v: asked %d times, want once", b, asked)
		}
	}
	s.wantNoParts()
}

// TestMutableHungUpstream: nobody waits for an upstream that hangs while we
// hold a copy.
func TestMutableHungUpstream(t *testing.T) {
	o := origin.New(t)
	o.Set("/InRelease", origin.File{Body: []byte("1")})
	s := newSite(t, "mutable = [\"InRelease\"]\nmax_age = \"1m\"\n", o)
	e := s.engine()
	if _, err := s.get(e, "m/InRelease"); err != nil {
		t.Fatal(err)
	}
	s.settle(e)
	s.clock.advance(10 * time.Minute)
	release := o.Hold("/InRelease")
	defer release()
	for range 5 {
		// The upstream never answers before the release: an answer at all is
		// one that did not wait.
		if got, err := s.get(e, "m/InRelease"); err != nil || string(got) != "1" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	// Nor does who looked right before the file had its name, and finds it being refreshed.
	f, err := e.join(s.ctx(), e.placeOf("m/InRelease"), order{}, s.clock.now(), 0)
	if f != nil || !errors.Is(err, errAgain) {
		t.Errorf("%v, %v: it is not looked for again", f, err)
	}
}

// TestAdopted: the mtime of a file that an administrator copied here says
// nothing about the upstream's version.
func TestAdopted(t *testing.T) {
	o := origin.New(t)
	o.Set("/InRelease", origin.File{Body: []byte("newer"), ETag: origin.NoETag})
	s := newSite(t, "mutable = [\"InRelease\"]\nmax_age = \"1m\"\nmax_stale = \"1m\"\n", o)
	e := s.engine()
	if err := os.MkdirAll(s.path("m"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("m/InRelease"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(s.path("m/InRelease"))
	if err != nil {
		t.Fatal(err)
	}
	err = e.index.Adopt(s.ctx(), index.Record{Name: "m/InRelease", Size: fi.Size(), ModTime: fi.ModTime(), Checked: s.clock.now()})
	if err != nil {
		t.Fatal(err)
	}
	s.clock.advance(time.Hour)
	if got, err := s.get(e, "m/InRelease"); err != nil || string(got) != "newer" {
		t.Errorf("%q, %v", got, err)
	}
}

// TestClockThatWasAhead: what was recorded in the future does not count.
func TestClockThatWasAhead(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	o := origin.New(t)
	o.Set("/InRelease", origin.File{Body: []byte("1")})
	s := newSite(t, "mutable = [\"InRelease\"]\n", o)
	e := s.engine()
	s.clock.advance(years)
	if _, err := s.get(e, "m/new"); !errors.Is(err, mirror.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err := s.get(e, "m/InRelease"); err != nil {
		t.Fatal(err)
	}
	s.settle(e)
	s.clock.advance(-years)
	o.Set("/new", origin.File{Body: []byte("new")})
	o.Set("/InRelease", origin.File{Body: []byte("22"), ModTime: origin.Epoch.Add(time.Hour)})
	if _, err := s.get(e, "m/new"); err != nil {
		t.Errorf("a 404 of the future: %v", err)
	}
	s.get(e, "m/InRelease")
	s.settle(e)
	if got, _ := s.get(e, "m/InRelease"); string(got) != "22" {
		t.Errorf("an index of the future: %q", got)
	}
}

// TestConfirmedInTheFuture: what was confirmed while the clock was a year ahead is
// asked for by the timer, too, once it is right again.
func TestConfirmedInTheFuture(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	const year = 365 * 24 * time.Hour
	m.clock.advance(year)
	m.refresh(inRelease)
	m.clock.advance(-year)
	m.add("one", "2", "the second version of one")
	m.update()
	if d, ok := m.e.Duty(m.ctx(), "m/"+packages); !ok || !d.IsDue {
		t.Errorf("it is not due: %+v, %v", d, ok)
	}
	if how, err := m.e.Refresh(m.ctx(), "m/"+packages); err != nil || how != Replaced {
		t.Errorf("refreshed: %v, %v", how, err)
	}
	m.settle(m.e)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, m.body(packages))
}

// TestRefreshLooksAgain: a refresh that another process has just done is not
// done again.
func TestRefreshLooksAgain(t *testing.T) {
	o := origin.New(t)
	o.Set("/InRelease", origin.File{Body: []byte("1")})
	s := newSite(t, "mutable = [\"InRelease\"]\nmax_age = \"1m\"\n", o)
	e, other := s.engine(), s.engine()
	if _, err := s.get(e, "m/InRelease"); err != nil {
		t.Fatal(err)
	}
	s.settle(e)
	s.clock.advance(2 * time.Minute)
	p := e.placeOf("m/InRelease")
	rec, _, _ := e.index.File(s.ctx(), "m/InRelease")
	if _, err := s.get(other, "m/InRelease"); err != nil {
		t.Fatal(err)
	}
	s.settle(other)
	if _, err := e.begin(p, &rec, true); err != nil { // it had looked before
		t.Fatal(err)
	}
	s.settle(e)
	if n := o.Count("/InRelease", ""); n != 2 {
		t.Errorf("asked %d times, want 2", n)
	}
}
