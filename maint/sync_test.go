package maint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/fetch"
	"mirror/internal/origin"
	"mirror/listing"
)

// newSyncing is a run of Sync that has not begun.
func (s *testSite) newSyncing(o SyncOptions) *syncing {
	o.Progress, o.Tell = new(Progress), func(Action) {}
	r := &syncing{Site: s.Site, SyncOptions: o, ctx: s.t.Context(), stop: func(error) {}, m: &s.Conf.Mirrors[0], tree: s.Engine.Tree()}
	r.times, r.shut = make(map[mirror.Name]listing.Span), make(map[mirror.Name]bool)
	r.plan = plan{groups: make(map[string][]member), instead: make(map[mirror.Name]string)}
	return r
}

// TestSyncDeletesOnProof: what a listing lacks is gone only if it was read to its
// end, and every line of it was understood.
func TestSyncDeletesOnProof(t *testing.T) {
	s := newSite(t, "")
	for _, name := range []string{"/d/stays", "/d/goes", "/d/sub/goes", "/d/sub/excluded"} {
		s.origin.Set(name, origin.File{Seed: 1, Size: 10})
		s.fetch(mirror.Name("m" + name))
	}
	s.put("m/d/theirs", "theirs")
	s.put("m/d/.hidden", "theirs")
	d := fetch.Walked{AsOf: time.Now(), Directory: &fetch.Directory{Name: "m/d", Entries: []listing.Entry{{Name: "stays", Type: listing.File}}}}
	for _, c := range []struct {
		ended  bool
		unread int64
		gone   []mirror.Name
	}{
		{false, 0, nil},
		{true, 1, nil},
		{true, 0, []mirror.Name{"m/d/goes", "m/d/sub/goes", "m/d/sub"}},
	} {
		r := s.newSyncing(SyncOptions{Delete: true, Exclude: []string{"excluded"}})
		d.Ended, d.Unread = c.ended, c.unread
		r.directory(d)
		if len(r.gone) != len(c.gone) || (len(r.sum.Undeleted) == 0) != (c.gone != nil) {
			t.Errorf("ended %v, unread %d: %q would go; told: %v", c.ended, c.unread, r.gone, r.sum.Undeleted)
		}
		for i := range r.gone {
			if r.gone[i] != c.gone[i] {
				t.Errorf("%q would go, want %q", r.gone, c.gone)
			}
		}
		if c.gone == nil {
			continue
		}
		if len(r.sum.Kept) != 1 || r.sum.Kept[0].Name != "m/d/theirs" {
			t.Errorf("kept: %v", r.sum.Kept)
		}
		if err := r.clear(r.gone); err != nil {
			t.Fatal(err)
		}
		if r.sum.Deleted != 2 || r.sum.DeletedDirs != 0 { // the excluded one keeps its directory
			t.Errorf("deleted %d files and %d directories", r.sum.Deleted, r.sum.DeletedDirs)
		}
	}
	for _, name := range []string{"m/d/stays", "m/d/theirs", "m/d/.hidden", "m/d/sub/excluded"} {
		if _, err := os.Lstat(s.path(name)); err != nil {
			t.Error(err)
		}
	}
}

// TestSyncDeletesWhatIsOlder: a listing tells nothing of what an upstream had later.
func TestSyncDeletesWhatIsOlder(t *testing.T) {
	s := newSite(t, "")
	s.origin.Set("/d/file", origin.File{Seed: 1, Size: 10})
	s.fetch("m/d/file")
	fetched := s.record("m/d/file").Fetched
	gone := func(asOf time.Time, doubt error) bool {
		t.Helper()
		r := s.newSyncing(SyncOptions{Delete: true})
		r.directory(fetch.Walked{AsOf: asOf, Doubt: doubt, Directory: &fetch.Directory{Name: "m/d", Ended: true}})
		if told := len(r.sum.Undeleted) > 0; told != (doubt != nil) {
			t.Errorf("told: %v", r.sum.Undeleted)
		}
		return len(r.gone) > 0
	}
	if gone(fetched.Add(-time.Second), nil) {
		t.Error("it was fetched after its listing was made")
	}
	later := fetched.Add(time.Minute)
	if gone(later, errors.New("no proof")) {
		t.Error("the listing was in doubt")
	}
	if !gone(later, nil) {
		t.Error("it was fetched before its listing was made, and stays")
	}
	if err := s.Engine.Index().Touch(t.Context(), "m/d/file", later.Add(time.Second), "", "", 0); err != nil {
		t.Fatal(err)
	}
	if gone(later, nil) {
		t.Error("it was confirmed after its listing was made")
	}
}

// TestSyncTooMany: what may be a mistake upstream takes little.
func TestSyncTooMany(t *testing.T) {
	s := newSite(t, "")
	var names []mirror.Name
	for i := range 12 {
		name := fmt.Sprintf("m/%d", i)
		s.put(name, "x")
		names = append(names, mirror.Name(name))
	}
	for _, c := range []struct {
		o       SyncOptions
		n, had  int
		refused bool
	}{
		{SyncOptions{Delete: true}, 12, 23, true},
		{SyncOptions{Delete: true}, 12, 24, false},
		{SyncOptions{Delete: true}, 10, 10, false}, // a few always may
		{SyncOptions{Delete: true, MaxDelete: 12}, 12, 12, false},
		{SyncOptions{Delete: true, MaxDelete: 11}, 12, 1000, true},
	} {
		r := s.newSyncing(c.o)
		r.had, r.gone = c.had, names[:c.n]
		r.spare()
		if (r.spared != nil) != c.refused || (len(r.gone) == 0) != c.refused || (len(r.sum.Undeleted) == 1) != c.refused {
			t.Errorf("%d of %d, %+v: %v, %d go, %v", c.n, c.had, c.o, r.spared, len(r.gone), r.sum.Undeleted)
		}
	}
	// Without Delete nobody is told, and nothing is put on record.
	r := s.newSyncing(SyncOptions{})
	r.had, r.gone = 12, names
	if r.spare(); r.spared != nil || r.gone != nil || r.sum.Undeleted != nil {
		t.Errorf("without Delete: %v, %d are dropped, %v", r.spared, len(r.gone), r.sum.Undeleted)
	}
}

// TestSyncMakesWay: a directory that is none upstream goes only if all of it may.
func TestSyncMakesWay(t *testing.T) {
	s := newSite(t, "")
	for _, name := range []string{"/ours/a", "/theirs/a", "/theirs/d/b"} {
		s.origin.Set(name, origin.File{Seed: 1, Size: 10})
		s.fetch(mirror.Name("m" + name))
	}
	s.put("m/theirs/d/z", "theirs")
	for _, c := range []struct {
		name mirror.Name
		o    SyncOptions
		way  int
		why  string
	}{
		{"m/ours", SyncOptions{}, 0, "--delete makes way"},
		{"m/ours", SyncOptions{Delete: true}, 2, ""},
		{"m/ours", SyncOptions{Delete: true, Exclude: []string{"a"}}, 0, "/m/ours/a was left out"},
		{"m/theirs", SyncOptions{Delete: true}, 0, "/m/theirs/d/z is not ours"},
	} {
		r := s.newSyncing(c.o)
		r.file(c.name, &listing.Entry{Name: c.name.Base(), Type: listing.File, Size: listing.Exactly(10)}, r.here("m")[c.name.Base()])
		said := fmt.Sprint(r.sum.Kept)
		if len(r.way) != c.way || len(r.files) != min(c.way, 1) || !strings.Contains(said, c.why) || c.why == "" && len(r.sum.Kept) > 0 {
			t.Errorf("%s, %+v: %q go, %v come; %s", c.name, c.o, r.way, r.files, said)
		}
	}
}

// TestSyncGuesses: where a listing does not tell directories from files, both come.
func TestSyncGuesses(t *testing.T) {
	s := newSite(t, "")
	for _, name := range []string{"/a", "/d/b", "/d/e/c"} {
		s.origin.Set(name, origin.File{Seed: 1, Size: 10})
	}
	page := []byte(`<html><body><a href="a">a</a> <a href="d">d</a></body></html>`)
	s.origin.Set("/", origin.File{Body: page, ContentType: "text/html"})
	sum, err := s.Sync(t.Context(), "m", SyncOptions{})
	if err != nil || sum.Fetched != 3 || len(sum.Failed) > 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	for _, name := range []string{"m/a", "m/d/b", "m/d/e/c"} {
		if _, err := os.Lstat(s.path(name)); err != nil {
			t.Error(err)
		}
	}

	// What came as a directory is one the next time, too.
	s.origin.Set("/d/b", origin.File{Seed: 2, Size: 20})
	for _, o := range []SyncOptions{{}, {Delete: true}} {
		sum, err := s.Sync(t.Context(), "m", o)
		if err != nil || sum.Deleted+sum.DeletedDirs+len(sum.Kept)+len(sum.Failed) > 0 {
			t.Errorf("%+v: %+v, %v", o, sum, err)
		}
	}
}

// TestSyncLessExact: a time that is known exactly stays beside one that is known
// by the minute.
func TestSyncLessExact(t *testing.T) {
	s := newSite(t, "")
	exact := time.Date(2024, 11, 12, 10, 30, 17, 0, time.UTC)
	s.put("m/d/file", "theirs")
	if err := os.Chtimes(s.path("m/d"), exact, exact); err != nil {
		t.Fatal(err)
	}
	minute := exact.Truncate(time.Minute).Unix()
	r := s.newSyncing(SyncOptions{})
	for _, c := range []struct {
		span    listing.Span
		want    time.Time
		differs bool
	}{
		{listing.Between(minute, minute+59), exact, false},
		{listing.Exactly(exact.Unix()), exact, false},
		{listing.Span{}, time.Time{}, false},
		{listing.Between(minute-86400, minute+86400), time.Time{}, false},
		{listing.Between(minute+60, minute+119), time.Unix(minute+60, 0), true},
		{listing.Exactly(minute), time.Unix(minute, 0), true},
	} {
		if at, differs := r.newTime("m/d", c.span); !at.Equal(c.want) || differs != c.differs {
			t.Errorf("%v: %v, %v, want %v, %v", c.span, at, differs, c.want, c.differs)
		}
	}
}

// TestSyncNoSpace: what would befall every file ends the sync at once.
func TestSyncNoSpace(t *testing.T) {
	s := newSite(t, "")
	r := s.newSyncing(SyncOptions{})
	var cause error
	r.stop = func(err error) { cause = err }
	r.fail("m/a", fs.ErrPermission)
	if cause != nil || len(r.sum.Failed) != 1 {
		t.Errorf("%v, %v", cause, r.sum.Failed)
	}
	r.fail("m/b", mirror.ErrNoSpace)
	if !errors.Is(cause, mirror.ErrNoSpace) {
		t.Errorf("%v", cause)
	}
}

// TestReindexKeepsLinks: a link is on record as long as it leads where it did.
func TestReindexKeepsLinks(t *testing.T) {
	s := newSite(t, "")
	s.put("m/other", "theirs")
	links := []fetch.Link{{Name: "m/a", Target: "x"}, {Name: "m/b", Target: "x"}, {Name: "m/c", Target: "x"}}
	err := s.Engine.MakeLinks(t.Context(), links, func(l fetch.Link, made bool, err error) {
		if !made || err != nil {
			t.Errorf("%s: %v", l.Name, err)
		}
	})
	if err == nil {
		err = errors.Join(os.Remove(s.path("m/b")), os.Remove(s.path("m/c")), os.Symlink("y", s.path("m/c")))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reindex(t.Context(), func(Reindexed) {}); err != nil {
		t.Fatal(err)
	}
	if s.record("m/a") == nil || s.record("m/b") != nil || s.record("m/c") != nil {
		t.Errorf("%v, %v, %v", s.record("m/a"), s.record("m/b"), s.record("m/c"))
	}
}

// TestSyncNested: what another mirror has inside this one is left to it.
func TestSyncNested(t *testing.T) {
	s := newSite(t, "[[mirror]]\nprefix = \"/m/n/\"\nupstream = [\"http://127.0.0.1:1/\"]\n[[mirror]]\nprefix = \"/m/above/p/\"\nupstream = [\"http://127.0.0.1:1/\"]")
	for _, name := range []string{"/a", "/n/not this", "/above/b", "/above/p/nor this"} {
		s.origin.Set(name, origin.File{Seed: 1, Size: 10})
	}
	s.put("m/n/file", "another mirror's")
	s.put("m/above/p/file", "another mirror's")
	sum, err := s.Sync(t.Context(), "m", SyncOptions{Delete: true})
	if err != nil || sum.Fetched != 2 || len(sum.Kept) > 0 || len(sum.Failed) > 0 || len(sum.Refused) != 2 {
		t.Errorf("%+v, %v", sum, err)
	}
	for name, want := range map[string]bool{
		"m/a": true, "m/above/b": true, "m/n/file": true, "m/above/p/file": true, "m/n/not this": false, "m/above/p/nor this": false,
	} {
		if _, err := os.Lstat(s.path(name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSyncNestedGuess: what leads to another mirror is a directory, if its listing
// does not tell.
func TestSyncNestedGuess(t *testing.T) {
	s := newSite(t, "[[mirror]]\nprefix = \"/m/above/p/\"\nupstream = [\"http://127.0.0.1:1/\"]")
	s.put("m/above/p/file", "another mirror's")
	r := s.newSyncing(SyncOptions{Delete: true})
	r.m, _, _ = s.Conf.Match("m/")
	r.directory(fetch.Walked{Directory: &fetch.Directory{Name: "m", Ended: true, Entries: []listing.Entry{{Name: "above"}}}})
	if fmt.Sprint(r.guessed) != "[m/above]" || len(r.files)+len(r.way)+len(r.gone)+len(r.sum.Refused) > 0 {
		t.Errorf("guessed: %q; %+v", r.guessed, r.plan)
	}
}
