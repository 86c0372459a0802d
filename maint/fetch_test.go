package maint

import (
	"os"
	"testing"
	"time"

	"mirror"
	"mirror/fetch"
	"mirror/internal/origin"
)

func TestFetch(t *testing.T) {
	s := newSite(t, "")
	s.origin.Set("/a b", origin.File{Seed: 1, Size: 1 << 20})
	var last, total int64
	got, err := s.Fetch(t.Context(), "m/a b", func(h, n int64) { last, total = h, n })
	want := Fetched{How: HowPublished, Size: 1 << 20, Upstream: s.origin.URL + "/a%20b"}
	if err != nil || got != want {
		t.Fatalf("%+v, %v; want %+v", got, err, want)
	}
	if last != 1<<20 || total != 1<<20 {
		t.Errorf("the last progress was %d of %d", last, total)
	}
	f, err := os.Open(s.path("m/a b"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := origin.Check(f, 1, 1<<20); err != nil {
		t.Error(err)
	}
	want.How = HowHere
	if got, err := s.Fetch(t.Context(), "m/a b", quiet); err != nil || got != want {
		t.Errorf("again: %+v, %v; want %+v", got, err, want)
	}
}

// A fetch of another process is followed: the upstream is asked once.
func TestFetchFollows(t *testing.T) {
	s := newSite(t, "")
	s.origin.Set("/big", origin.File{Seed: 1, Size: 1 << 20})
	release := s.origin.HoldAfter("/big", 512<<10)
	defer release()
	other := Site{s.Conf, s.process()}
	errs := make(chan error, 2)
	fetchIt := func(s Site, tell func(int64, int64)) {
		_, err := s.Fetch(t.Context(), "m/big", tell)
		errs <- err
	}
	arriving := make(chan struct{}, 1)
	signal := func(have, _ int64) {
		if have > 0 {
			select {
			case arriving <- struct{}{}:
			default:
			}
		}
	}
	go fetchIt(s.Site, signal)
	<-arriving
	go fetchIt(other, signal)
	<-arriving
	release()
	for range 2 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := s.origin.Count("/big", "GET"); n != 1 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

func TestFetchOfMutable(t *testing.T) {
	s := newSite(t, "")
	set := func(content string, at time.Time) {
		s.origin.Set("/InRelease", origin.File{Body: []byte(content), ModTime: at})
	}
	fetchIt := func(want string) {
		t.Helper()
		got, err := s.Fetch(t.Context(), "m/InRelease", quiet)
		if err != nil || got.How != want {
			t.Errorf("%+v, %v; want %s", got, err, want)
		}
	}
	set("one", origin.Epoch)
	fetchIt(HowPublished)
	fetchIt(HowHere)
	s.later(time.Hour / 2)
	fetchIt(HowCurrent)
	set("two", origin.Epoch.Add(time.Hour))
	s.later(time.Hour / 2)
	fetchIt(HowReplaced)
	s.later(100 * time.Hour)
	s.origin.Down()
	_, err := s.Fetch(t.Context(), "m/InRelease", quiet)
	wantError(t, err, "stays", "refused")
}

func TestFetchFails(t *testing.T) {
	s := newSite(t, "")
	s.origin.Set("/m", origin.File{Body: []byte("x")})
	s.origin.Set("/endless", origin.File{Seed: 1, Size: 100})
	s.origin.Behave("/endless", origin.Behaviour{CloseDelimited: true})
	s.put("m/dir/x", "x")
	for name, words := range map[string][]string{
		"m/none":    {"404"},
		"m/endless": {"without a length", "not kept"},
		"m/dir":     {"directory", "name the files"},
		"m":         {"directory"},
		"other":     {"no mirror is configured", "/m/"},
	} {
		_, err := s.Fetch(t.Context(), mirror.Name(name), quiet)
		wantError(t, err, words...)
	}
	in, err := s.Engine.Inspect(t.Context(), "m/none")
	if err != nil || in.Next != fetch.NextRecall {
		t.Errorf("after a 404 comes %q, %v", in.Next, err)
	}
	_, err = s.Fetch(t.Context(), "m/none", quiet)
	wantError(t, err, "no such file", "remembered")
}
