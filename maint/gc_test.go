package maint

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"mirror"
	"mirror/config"
	"mirror/fetch"
	"mirror/internal/origin"
	"mirror/listing"
	"mirror/store/index"
)

// learn has an index name these files.
func (s *testSite) learn(via string, at time.Time, names ...string) {
	s.t.Helper()
	var claims []index.Claim
	for _, name := range names {
		claims = append(claims, index.Claim{Name: name, Size: -1})
	}
	if _, err := s.Engine.Index().Learn(s.t.Context(), index.IndexFile{Name: via, Source: via, Learned: at}, claims); err != nil {
		s.t.Fatal(err)
	}
}

// dropped lists what is on record as dropped.
func (s *testSite) dropped() []string {
	s.t.Helper()
	var names []string
	for d, err := range s.Engine.Index().Dropped(s.t.Context(), time.Now().Add(time.Hour)) {
		if err != nil {
			s.t.Fatal(err)
		}
		names = append(names, d.Name)
	}
	return names
}

func (s *testSite) collected(o GCOptions) (Collected, []mirror.Name) {
	s.t.Helper()
	var names []mirror.Name
	o.Tell = func(c Collection) { names = append(names, c.Name) }
	sum, err := s.GC(s.t.Context(), o)
	if err != nil {
		s.t.Fatal(err)
	}
	return sum, names
}

func (s *testSite) has(name string) bool {
	_, err := os.Lstat(s.path(name))
	return err == nil
}

// TestGC: what was dropped for long enough goes, and nothing else.
func TestGC(t *testing.T) {
	s := newSite(t, `keep_dropped = "48h"`)
	s.fetched("pool/old/a", "pool/old/b", "pool/new", "pool/back", "pool/theirs", "kept")
	all := []string{"m/pool/old/a", "m/pool/old/b", "m/pool/new", "m/pool/back", "m/pool/theirs", "m/kept"}
	day := 24 * time.Hour
	for _, name := range all { // it was long ago
		if err := s.Engine.Index().Touch(t.Context(), name, time.Now().Add(-9*day), "", "", 0); err != nil {
			t.Fatal(err)
		}
	}
	s.learn("m/index", time.Now().Add(-5*day), all...)
	s.learn("m/index", time.Now().Add(-4*day), "m/pool/new", "m/kept")
	s.learn("m/index", time.Now().Add(-1*day), "m/kept")
	s.learn("m/other", time.Now(), "m/pool/back") // another index names it now
	s.put("m/pool/theirs", "by an administrator")

	sum, names := s.collected(GCOptions{DryRun: true})
	if sum.Removed != 3 || sum.Waiting != 1 || !s.has("m/pool/old/a") {
		t.Errorf("dry run: %+v, %q", sum, names)
	}
	sum, names = s.collected(GCOptions{})
	if want := []mirror.Name{"m/pool/old/a", "m/pool/old/b"}; !slices.Equal(names, want) || sum.Removed != 2 || sum.Bytes != 2*300<<10 {
		t.Errorf("removed %q, want %q; %+v", names, want, sum)
	}
	if sum.Waiting != 1 || sum.Others != 1 || sum.Dirs != 1 || s.has("m/pool/old") {
		t.Errorf("%+v", sum)
	}
	for _, name := range []string{"m/pool/new", "m/pool/back", "m/pool/theirs", "m/kept"} {
		if !s.has(name) {
			t.Errorf("%s is gone", name)
		}
	}
	if s.record("m/pool/old/a") != nil {
		t.Error("what was removed is on record")
	}
}

// TestGCKeeps: for ever means that; and none means at once.
func TestGCKeeps(t *testing.T) {
	for text, kept := range map[string]bool{"forever": true, "0s": false} {
		t.Run(text, func(t *testing.T) {
			s := newSite(t, fmt.Sprintf("keep_dropped = %q", text))
			s.fetched("a")
			s.learn("m/index", time.Now(), "m/a")
			s.learn("m/index", time.Now())
			if sum, _ := s.collected(GCOptions{}); s.has("m/a") != kept || (sum.Waiting == 1) != kept {
				t.Errorf("%+v", sum)
			}
			if s.Conf.Mirrors[0].KeepDropped == config.KeepForever != kept {
				t.Error(s.Conf.Mirrors[0].KeepDropped)
			}
		})
	}
}

// TestGCOfWhatIsConfirmed: what the upstream had later was not dropped then.
func TestGCOfWhatIsConfirmed(t *testing.T) {
	s := newSite(t, `keep_dropped = "1h"`)
	s.fetched("a")
	x, since := s.Engine.Index(), time.Now().Add(-2*time.Hour)
	if err := x.MarkDropped(t.Context(), "m", since, "m/a"); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it only waits
		if sum, _ := s.collected(GCOptions{}); sum.Back+sum.Waiting != 1 || !s.has("m/a") {
			t.Errorf("%+v", sum)
		}
	}
	if got := s.dropped(); len(got) != 1 {
		t.Errorf("dropped: %q", got)
	}
	if err := x.Touch(t.Context(), "m/a", since.Add(-time.Hour), "", "", 0); err != nil {
		t.Fatal(err)
	}
	if err := x.ClearDropped(t.Context(), "m/a"); err != nil {
		t.Fatal(err)
	}
	if err := x.MarkDropped(t.Context(), "m", since, "m/a"); err != nil {
		t.Fatal(err)
	}
	if sum, _ := s.collected(GCOptions{}); sum.Removed != 1 {
		t.Errorf("%+v", sum)
	}
}

// TestGCBesideFetch: a file that is being fetched stays, and is tried another day.
func TestGCBesideFetch(t *testing.T) {
	s := newSite(t, `keep_dropped = "0s"`)
	s.fetched("a")
	s.learn("m/index", time.Now(), "m/a")
	s.learn("m/index", time.Now())
	unlock := s.lock("m/a")
	if sum, _ := s.collected(GCOptions{}); len(sum.Failed) != 1 || !s.has("m/a") {
		t.Errorf("%+v", sum)
	}
	unlock()
	if sum, _ := s.collected(GCOptions{}); sum.Removed != 1 {
		t.Errorf("%+v", sum)
	}
}

// TestSyncDrops: a sync without Delete puts on record what a listing proves to be
// gone, and takes it back when a listing has it again.
func TestSyncDrops(t *testing.T) {
	s := newSite(t, "")
	s.fetched("d/stays", "d/goes", "d/sub/goes", "d/claimed", "d/excluded")
	s.put("m/d/theirs", "theirs")
	s.learn("m/index", time.Now(), "m/d/claimed")
	entries := []listing.Entry{{Name: "stays", Type: listing.File}}
	run := func(d fetch.Directory, walked fetch.Walked) *syncing {
		t.Helper()
		r := s.newSyncing(SyncOptions{Exclude: []string{"excluded"}})
		if err := r.recall(); err != nil {
			t.Fatal(err)
		}
		d.Name, walked.Directory = "m/d", &d
		r.directory(walked)
		r.spare()
		if err := r.drop(); err != nil {
			t.Fatal(err)
		}
		if len(r.sum.Kept)+len(r.sum.Undeleted)+r.sum.Deleted > 0 {
			t.Errorf("it is told: %+v", r.sum)
		}
		return r
	}
	now := time.Now().Add(time.Second)
	for what, c := range map[string]struct {
		d fetch.Directory
		w fetch.Walked
	}{
		"not to its end":   {fetch.Directory{Entries: entries}, fetch.Walked{AsOf: now}},
		"not understood":   {fetch.Directory{Entries: entries, Ended: true, Unread: 1}, fetch.Walked{AsOf: now}},
		"in doubt":         {fetch.Directory{Entries: entries, Ended: true}, fetch.Walked{AsOf: now, Doubt: errors.New("an error page")}},
		"older than files": {fetch.Directory{Entries: entries, Ended: true}, fetch.Walked{AsOf: origin.Epoch}},
	} {
		run(c.d, c.w)
		if got := s.dropped(); len(got) > 0 {
			t.Fatalf("a listing that is %s: %q are dropped", what, got)
		}
	}
	r := run(fetch.Directory{Entries: entries, Ended: true}, fetch.Walked{AsOf: now})
	if got, want := s.dropped(), []string{"m/d/goes", "m/d/sub/goes"}; !slices.Equal(got, want) {
		t.Errorf("dropped are %q, want %q", got, want)
	}
	if r.sum.Dropped != 3 { // the claimed one is not put on record
		t.Errorf("%d are told of", r.sum.Dropped)
	}
	run(fetch.Directory{Entries: append(entries, listing.Entry{Name: "goes", Type: listing.File}), Ended: true}, fetch.Walked{AsOf: now})
	if got, want := s.dropped(), []string{"m/d/sub/goes"}; !slices.Equal(got, want) {
		t.Errorf("dropped are %q, want %q", got, want)
	}
	// What an index dropped is not there again because the upstream keeps it a while.
	s.learn("m/index", time.Now())
	run(fetch.Directory{Entries: append(entries, listing.Entry{Name: "claimed", Type: listing.File}), Ended: true}, fetch.Walked{AsOf: now})
	if got := s.dropped(); !slices.Contains(got, "m/d/claimed") {
		t.Errorf("dropped are %q", got)
	}
}

// TestGCOfGenerations: of metadata that is called by its digest the last few
// generations stay; packages stay for keep_dropped.
func TestGCOfGenerations(t *testing.T) {
	s := newSite(t, "keep_dropped = \"48h\"\nkeep_generations = 3\n")
	var generations []string
	for i := range 5 {
		text := fmt.Sprint("generation ", i)
		name := fmt.Sprintf("dists/sid/by-hash/SHA256/%x", sha256.Sum256([]byte(text)))
		s.text("/"+name, text)
		s.fetch(mirror.Name("m/" + name))
		generations = append(generations, "m/"+name)
	}
	s.fetched("package")
	s.learn("m/index", time.Now().Add(-6*time.Hour), append(generations, "m/package")...)
	for i := range generations { // each hour one is dropped, the package with the first
		s.learn("m/index", time.Now().Add(time.Duration(i-5)*time.Hour), generations[min(i+1, len(generations)-1):]...)
	}
	for _, name := range append(generations, "m/package") {
		if err := s.Engine.Index().Touch(t.Context(), name, time.Now().Add(-7*time.Hour), "", "", 0); err != nil {
			t.Fatal(err)
		}
	}
	for name, sooner := range map[string]int{generations[0]: 3, "m/package": 0} {
		r, err := s.Why(t.Context(), mirror.Name(name))
		if err != nil || r.Dropped == nil || r.Dropped.Generations != sooner {
			t.Errorf("why %s: %+v, %v", name, r.Dropped, err)
		}
	}
	_, names := s.collected(GCOptions{})
	slices.Sort(names)
	want := []mirror.Name{mirror.Name(generations[0]), mirror.Name(generations[1])}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("removed %q, want %q", names, want)
	}
}
