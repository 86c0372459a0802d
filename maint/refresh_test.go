package maint

import (
	"errors"
	"os"
	"testing"
	"time"

	"mirror"
	"mirror/fetch"
	"mirror/internal/origin"
)

// use makes it look as if a client had read a file at a moment.
func (s *testSite) use(name string, at time.Time) {
	s.t.Helper()
	fi, err := os.Stat(s.path(name))
	if err == nil {
		err = os.Chtimes(s.path(name), at, fi.ModTime())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *testSite) text(path, text string) {
	s.origin.Set(path, origin.File{Body: []byte(text), ModTime: time.Now().Add(-time.Hour)})
}

func (s *testSite) wantText(name, want string) {
	s.t.Helper()
	if got, err := os.ReadFile(s.path(name)); err != nil || string(got) != want {
		s.t.Errorf("%s: %q, %v, want %q", name, got, err, want)
	}
}

// TestRefresh: what is due and in use is asked for, and nothing else.
func TestRefresh(t *testing.T) {
	s := newSite(t, "mutable = [\"*.idx\"]\nmax_age = \"1h\"\nkeep_fresh = \"48h\"\n")
	for _, path := range []string{"/used.idx", "/idle.idx", "/same.idx", "/package"} {
		s.text(path, "old")
		s.fetch(mirror.Name("m" + path))
	}
	s.text("/used.idx", "new")
	s.text("/idle.idx", "new")
	s.text("/package", "new")
	refresh := func(o RefreshOptions, dirs ...mirror.Name) Refreshed {
		t.Helper()
		sum, err := s.Refresh(t.Context(), dirs, o)
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	if sum := refresh(RefreshOptions{}, ""); sum != (Refreshed{Files: 3, Fresh: 3}) {
		t.Errorf("nothing is due: %+v", sum)
	}
	s.later(2 * time.Hour)
	s.use("m/idle.idx", time.Now().Add(-47*time.Hour))
	told := make(map[mirror.Name]fetch.Brought)
	sum := refresh(RefreshOptions{Tell: func(name mirror.Name, how fetch.Brought, err error) { told[name] = how }}, "")
	if want := (Refreshed{Files: 3, Unused: 1, Confirmed: 1, Replaced: 1}); sum != want {
		t.Errorf("%+v, want %+v", sum, want)
	}
	if len(told) != 2 || told["m/used.idx"] != fetch.Replaced || told["m/same.idx"] != fetch.Confirmed {
		t.Errorf("told %v", told)
	}
	s.wantText("m/used.idx", "new")
	s.wantText("m/idle.idx", "old")
	s.wantText("m/package", "old")

	// That it was refreshed is no use of it.
	s.later(47 * time.Hour)
	s.text("/used.idx", "newer")
	if sum := refresh(RefreshOptions{}, "m"); sum.Unused != 3 {
		t.Errorf("nobody has used them for two days: %+v", sum)
	}
	if sum := refresh(RefreshOptions{Force: true}, "m/idle.idx"); sum != (Refreshed{Files: 1, Replaced: 1}) {
		t.Errorf("%+v", sum)
	}
	s.wantText("m/idle.idx", "new")

	s.origin.Down()
	s.later(2 * time.Hour)
	var failure error
	sum = refresh(RefreshOptions{Force: true, Tell: func(_ mirror.Name, _ fetch.Brought, err error) { failure = err }}, "m/used.idx")
	if sum.Failed != 1 || !errors.Is(failure, mirror.ErrBroken) {
		t.Errorf("%+v, %v", sum, failure)
	}
	s.wantText("m/used.idx", "new")
}

// TestKeeper follows what other processes bring and take away.
func TestKeeper(t *testing.T) {
	s := newSite(t, "mutable = [\"*.idx\"]\nmax_age = \"1h\"\nkeep_fresh = \"48h\"\n")
	round := func(k *Keeper) {
		t.Helper()
		if err := k.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.text("/a.idx", "old")
	s.fetch("m/a.idx")
	k := &Keeper{Site: s.Site}
	round(k)
	s.text("/b.idx", "old")
	s.text("/package", "old")
	other := Site{s.Conf, s.process()}
	for _, name := range []mirror.Name{"m/b.idx", "m/package"} {
		if _, err := other.Fetch(t.Context(), name, quiet); err != nil {
			t.Fatal(err)
		}
	}
	s.later(2 * time.Hour)
	s.text("/a.idx", "new")
	s.text("/b.idx", "new")
	round(k)
	s.wantText("m/a.idx", "new")
	s.wantText("m/b.idx", "new")
	if len(k.names) != 2 {
		t.Errorf("it knows %v", k.names)
	}
	if err := os.Remove(s.path("m/a.idx")); err != nil {
		t.Fatal(err)
	}
	if err := s.Engine.Index().Remove(t.Context(), "m/a.idx"); err != nil {
		t.Fatal(err)
	}
	round(k)
	if len(k.names) != 1 || !k.names["m/b.idx"] {
		t.Errorf("it knows %v", k.names)
	}
	// What it knows may be of a record that was lost.
	k.seq = 1
	round(k)
	if len(k.names) != 1 {
		t.Errorf("it knows %v", k.names)
	}
}
