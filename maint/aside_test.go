package maint

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/config"
	"mirror/fetch"
	"mirror/internal/origin"
	"mirror/listing"
)

const inState = "mutable = [\"*.idx\"]\nmutable_in = \"state\"\n"

// TestAside: maintenance finds the files that are kept in the state directory.
func TestAside(t *testing.T) {
	s := newSite(t, inState)
	for _, name := range []string{"/d/a.idx", "/d/goes.idx", "/d/p.deb"} {
		s.origin.Set(name, origin.File{Seed: 1, Size: 10})
		s.fetch(mirror.Name("m" + name))
	}
	if done, err := s.Fetch(t.Context(), "m/d/a.idx", quiet); err != nil || done.How != HowHere {
		t.Errorf("fetched once more: %+v, %v", done, err)
	}
	if f := s.why("m/d/a.idx").File; f == nil || !f.Aside || f.Standing != "ours" {
		t.Errorf("why says %+v", f)
	}
	if f := s.why("m/d/p.deb").File; f == nil || f.Aside {
		t.Errorf("why says %+v", f)
	}
	if got, want := s.reindex(), (Reindexed{Known: 3}); got != want {
		t.Errorf("reindexed: %+v, want %+v", got, want)
	}
	done, err := s.Adopt(t.Context(), []mirror.Name{"m/d"}, func(Adopted) {})
	if err != nil || done.Already != 3 || done.Files != 0 {
		t.Errorf("adopted: %+v, %v", done, err)
	}

	// The record is lost: what is in the docroot may be anybody's.
	if err := s.Engine.Index().Remove(t.Context(), "m/d/a.idx", "m/d/goes.idx", "m/d/p.deb"); err != nil {
		t.Fatal(err)
	}
	if got, want := s.reindex(), (Reindexed{New: 1, Ours: 2}); got != want {
		t.Errorf("reindexed: %+v, want %+v", got, want)
	}
	if rec := s.record("m/d/a.idx"); rec == nil || !rec.Ours {
		t.Errorf("recorded is %+v", rec)
	}
	if err := os.Remove(filepath.Join(s.Conf.State, "mutable/m/d/a.idx")); err != nil {
		t.Fatal(err)
	}
	if got, want := s.reindex(), (Reindexed{Known: 2, Gone: 1}); got != want {
		t.Errorf("reindexed: %+v, want %+v", got, want)
	}

	// Syncing: what is here is not fetched, and what is gone upstream goes.
	s.fetch("m/d/a.idx")
	r := s.newSyncing(SyncOptions{Delete: true})
	size, at := listing.Exactly(10), listing.Exactly(origin.Epoch.Unix())
	r.directory(fetch.Walked{AsOf: time.Now(), Directory: &fetch.Directory{Name: "m/d", Ended: true, Entries: []listing.Entry{
		{Name: "a.idx", Type: listing.File, Size: size, MTime: at}, {Name: "p.deb", Type: listing.File, Size: size, MTime: at},
	}}})
	if r.sum.Current != 2 || len(r.files) != 0 || !slices.Equal(r.gone, []mirror.Name{"m/d/goes.idx"}) {
		t.Errorf("%d are current, %v would be fetched, %q would go", r.sum.Current, r.files, r.gone)
	}
	if err := r.clear(r.gone); err != nil || r.sum.Deleted != 1 {
		t.Errorf("deleted: %+v, %v", r.sum, err)
	}
	if _, err := os.Lstat(filepath.Join(s.Conf.State, "mutable/m/d/goes.idx")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("what was deleted is still kept")
	}
}

// TestVerifyAside: what is kept in the state directory rots as all else does.
func TestVerifyAside(t *testing.T) {
	const kept = "../.doc-state/mutable/m/a.idx"
	s := newSite(t, inState)
	s.fetched("a.idx")
	s.rot(kept)
	if sum, told := s.verified("m", VerifyOptions{}); sum.Repaired != 1 || sum.Unsettled != 0 {
		t.Errorf("not repaired: %+v, %v", sum, told)
	}
	s.rot(kept)
	s.origin.Remove("/a.idx")
	sum, told := s.verified("m", VerifyOptions{})
	if sum.Quarantined != 1 {
		t.Errorf("not taken away: %+v, %v", sum, told)
	}
	if f := s.why("m/a.idx").File; f != nil {
		t.Errorf("why says %+v", f)
	}
}

// TestAdviceOnMisplacedFiles: after the setting was changed, the web server still
// serves what it finds; a reindex moves it.
func TestAdviceOnMisplacedFiles(t *testing.T) {
	s := newSite(t, "mutable = [\"*.idx\"]\n")
	s.origin.Set("/a.idx", origin.File{Seed: 1, Size: 10})
	s.fetch("m/a.idx")
	conf := *s.Conf
	conf.Mirrors = slices.Clone(conf.Mirrors)
	conf.Mirrors[0].MutableIn = config.InState
	s.Conf = &conf
	s.Engine = s.process()
	if all := strings.Join(s.Advice(), "\n"); !strings.Contains(all, "/m/a.idx for one (1 in all)") || !strings.Contains(all, "mirrorctl reindex") {
		t.Errorf("it says %q", all)
	}
	if got, want := s.reindex(), (Reindexed{Known: 1}); got != want {
		t.Errorf("reindexed: %+v, want %+v", got, want)
	}
	if list := s.Advice(); len(list) > 0 {
		t.Errorf("all is well, and yet: %q", list)
	}
	if _, err := os.Lstat(s.path("m/a.idx")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is still in the docroot")
	}
}
