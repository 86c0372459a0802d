package maint

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

func (s *testSite) reindex() Reindexed {
	s.t.Helper()
	done, err := s.Reindex(s.t.Context(), func(Reindexed) {})
	if err != nil {
		s.t.Fatal(err)
	}
	return done
}

func TestReindexRecordsButDoesNotAdopt(t *testing.T) {
	s := newSite(t, "")
	s.origin.Set("/ours", origin.File{Seed: 1, Size: 1000})
	s.fetch("m/ours")
	s.put("m/theirs \xff\n", "x")
	s.put("outside", "x")
	s.put("m/.hidden", "x")
	s.put("m/.dir/x", "x")

	if got, want := s.reindex(), (Reindexed{Known: 1, New: 1}); got != want {
		t.Errorf("first: %+v, want %+v", got, want)
	}
	if rec := s.record("m/ours"); rec == nil || !rec.Ours || rec.Digest == nil {
		t.Errorf("the record of our file became %+v", rec)
	}
	if rec := s.record("m/theirs \xff\n"); rec == nil || rec.Ours || rec.Size != 1 {
		t.Errorf("the record of others' file is %+v", rec)
	}
	for _, name := range []string{"outside", "m/.hidden", "m/.dir/x"} {
		if rec := s.record(name); rec != nil {
			t.Errorf("%s is recorded: %+v", name, rec)
		}
	}
	if got, want := s.reindex(), (Reindexed{Known: 2}); got != want {
		t.Errorf("second: %+v, want %+v", got, want)
	}
}

func TestReindexNoticesChangesAndLosses(t *testing.T) {
	s := newSite(t, "")
	for _, name := range []mirror.Name{"changed", "gone", "dir/gone", "replaced"} {
		s.origin.Set("/"+string(name), origin.File{Seed: 1, Size: 1000})
		s.fetch("m/" + name)
	}
	s.put("m/changed", "by somebody else")
	for _, name := range []string{"m/gone", "m/dir", "m/replaced"} {
		if err := os.RemoveAll(s.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	s.put("m/dir", "a file where a directory was")
	if err := os.Symlink("changed", s.path("m/replaced")); err != nil {
		t.Fatal(err)
	}
	got := s.reindex()
	want := Reindexed{New: 1, Changed: 1, Gone: 3, Skipped: Skipped{Links: 1}}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if rec := s.record("m/changed"); rec == nil || rec.Ours {
		t.Errorf("a file that others changed is recorded as %+v", rec)
	}
	if rec := s.record("m/gone"); rec != nil {
		t.Errorf("a file that has gone is recorded as %+v", rec)
	}
}

func TestReindexWithoutDatabase(t *testing.T) {
	s := newSite(t, "")
	n := 3*batchSize + 1
	for i := range n {
		s.put("m/pool/"+strconv.Itoa(i), "x")
	}
	if got, want := s.reindex(), (Reindexed{New: n}); got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
	files, err := filepath.Glob(filepath.Join(s.Conf.State, "index.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no database: %v", err)
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	// This engine still has the old file open: another process comes.
	s.Engine = s.process()
	if got, want := s.reindex(), (Reindexed{New: n}); got != want {
		t.Errorf("after the database was deleted: %+v, want %+v", got, want)
	}
	if err := os.RemoveAll(s.path("m/pool")); err != nil {
		t.Fatal(err)
	}
	if got, want := s.reindex(), (Reindexed{Gone: n}); got != want {
		t.Errorf("after all files were deleted: %+v, want %+v", got, want)
	}
}

func TestReindexFollowsNothing(t *testing.T) {
	s := newSite(t, "")
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.put("m/file", "x")
	for link, to := range map[string]string{"m/out": outside, "m/loop": ".", "m/file2": "file"} {
		if err := os.Symlink(to, s.path(link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(s.path("m/fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.put(`m/back\slash`, "x")
	got := s.reindex()
	want := Reindexed{New: 1, Skipped: Skipped{Links: 3, Special: 1, Unnamed: 1}}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// What is being fetched is the fetch's to record.
func TestReindexLeavesRunningFetchesAlone(t *testing.T) {
	s := newSite(t, "")
	s.origin.Set("/gone", origin.File{Seed: 1, Size: 1000})
	s.fetch("m/gone")
	s.put("m/new", "x")
	if err := os.Remove(s.path("m/gone")); err != nil {
		t.Fatal(err)
	}
	defer s.lock("m/new")()
	defer s.lock("m/gone")()
	if got, want := s.reindex(), (Reindexed{Busy: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if s.record("m/new") != nil || s.record("m/gone") == nil {
		t.Error("a record was changed under the lock of another")
	}
}

// A crash between the rename and the record leaves an intent: the file is ours.
func TestReindexCompletesPublications(t *testing.T) {
	s := newSite(t, "")
	s.origin.Set("/a", origin.File{Seed: 1, Size: 1000})
	s.fetch("m/a")
	rec := s.record("m/a")
	ctx := t.Context()
	if err := s.Engine.Index().Remove(ctx, "m/a"); err != nil {
		t.Fatal(err)
	}
	intent := partialOf(*rec)
	if err := s.Engine.Index().Intend(ctx, intent); err != nil {
		t.Fatal(err)
	}
	if got, want := s.reindex(), (Reindexed{Known: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if rec := s.record("m/a"); rec == nil || !rec.Ours {
		t.Errorf("recorded as %+v", rec)
	}
}

func TestNestedPrefixesAreWalkedOnce(t *testing.T) {
	s := newSite(t, "[[mirror]]\nprefix = \"/m/n/\"\nupstream = [\"http://one.example/\"]\n[[mirror]]\nprefix = \"/o/\"\nupstream = [\"http://one.example/\"]")
	s.put("m/n/a", "x")
	s.put("o/b", "x")
	if got, want := s.reindex(), (Reindexed{New: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestWholeDocrootAsPrefix(t *testing.T) {
	s := newSite(t, "[[mirror]]\nprefix = \"/\"\nupstream = [\"http://one.example/\"]")
	s.put("a", "x")
	s.put("m/b", "x")
	if err := os.Chtimes(s.path("a"), time.Time{}, time.Unix(1, 5)); err != nil {
		t.Fatal(err)
	}
	if got, want := s.reindex(), (Reindexed{New: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if rec := s.record("a"); rec == nil || !rec.ModTime.Equal(time.Unix(1, 5)) {
		t.Errorf("recorded as %+v", rec)
	}
}
