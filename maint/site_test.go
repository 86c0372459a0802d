package maint

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mirror"
	"mirror/config"
	"mirror/fetch"
	"mirror/internal/origin"
	"mirror/store/index"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testSite is a docroot with a mirror at /m/, and the engine of one process.
type testSite struct {
	Site
	t      *testing.T
	origin *origin.Origin
	ahead  atomic.Int64 // of the clock, in nanoseconds
}

// newSite makes a site. extra is TOML for its [[mirror]] table.
func newSite(t *testing.T, extra string) *testSite {
	t.Helper()
	s := &testSite{t: t, origin: origin.New(t)}
	// The directory above t.TempDir is closed to others.
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "doc"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("docroot = \"doc\"\n[[mirror]]\nprefix = \"/m/\"\nupstream = [%q]\n%s\n", s.origin.URL+"/", extra)
	conf, err := config.Parse([]byte(text), filepath.Join(dir, "mirror.toml"))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	s.Conf = conf
	s.Engine = s.process()
	return s
}

// process is an engine like that of another process: their locks exclude each
// other as those of processes do.
func (s *testSite) process() *fetch.Engine {
	s.t.Helper()
	e, err := fetch.Open(s.Conf, fetch.Options{
		Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) },
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := e.Shut(s.t.Context()); err != nil {
			s.t.Errorf("shutting: %v", err)
		}
	})
	return e
}

// later lets time pass.
func (s *testSite) later(d time.Duration) { s.ahead.Add(int64(d)) }

// path is where a path of the docroot is on disk.
func (s *testSite) path(name string) string { return filepath.Join(s.Conf.Docroot, name) }

// put writes a file of others.
func (s *testSite) put(name, content string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// fetch brings a file into the docroot.
func (s *testSite) fetch(name mirror.Name) {
	s.t.Helper()
	if _, err := s.Fetch(s.t.Context(), name, quiet); err != nil {
		s.t.Fatalf("fetching %s: %v", name, err)
	}
}

func quiet(int64, int64) {}

// record returns what is recorded of a name; nil: nothing.
func (s *testSite) record(name string) *index.Record {
	s.t.Helper()
	rec, ok, err := s.Engine.Index().File(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	if !ok {
		return nil
	}
	return &rec
}

// lock makes it look as if another process fetched name.
func (s *testSite) lock(name string) (unlock func()) {
	s.t.Helper()
	lock, err := s.Engine.Tree().Locks.TryLock(name)
	if err != nil {
		s.t.Fatal(err)
	}
	return func() { lock.Unlock() }
}

// wantError checks that err says all of the words.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; want one that says %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error %q does not say %q", err, w)
		}
	}
}

// partialOf is the intent from which rec was published.
func partialOf(rec index.Record) []index.Partial {
	return []index.Partial{{
		Name: rec.Name, Upstream: rec.Upstream, Inode: rec.Inode, Total: rec.Size, ModTime: rec.ModTime,
		ETag: rec.ETag, LastModified: rec.LastModified, Digest: rec.Digest, Started: rec.Fetched,
	}}
}
