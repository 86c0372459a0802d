package fetch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/config"
	"mirror/internal/origin"
)

const asideMirror = "mutable = [\"*.idx\"]\nmutable_in = \"state\"\nmax_age = \"1m\"\nmax_stale = \"1h\"\n"

// asidePath is where the state directory keeps a file.
func (s *site) asidePath(name mirror.Name) string {
	return filepath.Join(s.conf.State, "mutable", string(name))
}

// keepIn changes the configuration: engines that are started from now on have it.
func (s *site) keepIn(place config.Place) {
	conf := *s.conf
	conf.Mirrors = slices.Clone(conf.Mirrors)
	conf.Mirrors[0].MutableIn = place
	s.conf = &conf
}

func (s *site) wantDoc(want ...string) {
	s.t.Helper()
	if got := s.docFiles(); !slices.Equal(got, want) {
		s.t.Errorf("the docroot has %q, want %q", got, want)
	}
}

func (s *site) wantGot(e *Engine, name mirror.Name, want string) {
	s.t.Helper()
	if got, err := s.get(e, name); err != nil || string(got) != want {
		s.t.Fatalf("%s: got %q, %v, want %q", name, got, err, want)
	}
	s.settle(e)
}

func version(text string) origin.File {
	return origin.File{Body: []byte(text), ModTime: origin.Epoch.Add(time.Duration(len(text)) * time.Hour)}
}

// TestAside: mutable files never stand in the docroot; all else is as ever.
func TestAside(t *testing.T) {
	o := origin.New(t)
	o.Set("/d/", indexPage("a.idx", "p.deb"))
	o.Set("/d/a.idx", version("1"))
	o.Set("/d/p.deb", version("package"))
	s := newSite(t, asideMirror, o)
	e := s.engine()
	s.wantGot(e, "m/d/a.idx", "1")
	s.wantGot(e, "m/d/p.deb", "package")
	s.wantDoc("m/d/p.deb")
	s.wantNoParts()
	for name, aside := range map[mirror.Name]bool{"m/d/a.idx": true, "m/d/p.deb": false} {
		f, err := e.OpenPublished(s.ctx(), name)
		if err != nil {
			t.Fatal(err)
		}
		if f.Aside() != aside || f.OS() == nil {
			t.Errorf("%s: Aside is %v, of a published file", name, f.Aside())
		}
		f.Close()
		if in, err := e.Inspect(s.ctx(), name); err != nil || !in.Ours || in.Aside != aside {
			t.Errorf("%s: Inspect = %+v, %v", name, in, err)
		}
	}
	d, err := e.List(s.ctx(), "m/d")
	if err != nil {
		t.Fatal(err)
	}
	items, err := e.Items(s.ctx(), d)
	if err != nil || len(items) != 2 || items[0].Presence != Here || items[1].Presence != Here {
		t.Errorf("listed are %+v, %v", items, err)
	}

	// Due: the old one at once, although the upstream does not answer.
	s.clock.advance(2 * time.Minute)
	o.Set("/d/a.idx", version("two"))
	release := o.Hold("/d/a.idx")
	for range 3 {
		if got, err := s.get(e, "m/d/a.idx"); err != nil || string(got) != "1" {
			t.Fatalf("%q, %v", got, err)
		}
	}
	release()
	s.settle(e)
	s.wantGot(e, "m/d/a.idx", "two")
	if n := o.Count("/d/a.idx", ""); n != 2 {
		t.Errorf("the upstream was asked %d times, want twice", n)
	}
	s.clock.advance(2 * time.Minute) // not modified
	s.wantGot(e, "m/d/a.idx", "two")
	s.wantGot(e, "m/d/a.idx", "two")
	if n := o.Count("/d/a.idx", ""); n != 3 {
		t.Errorf("the upstream was asked %d times, want three times", n)
	}
	s.wantDoc("m/d/p.deb")

	var gone []Removed
	if err := e.RemoveMany(s.ctx(), []mirror.Name{"m/d/a.idx"}, func(r Removed) { gone = append(gone, r) }); err != nil || gone[0].Err != nil {
		t.Errorf("removing: %v, %+v", err, gone)
	}
	if _, err := os.Lstat(s.asidePath("m/d/a.idx")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("it is still kept")
	}
}

// TestAsideWithoutRecord: what is kept aside is ours, whatever became of the
// record, and is refreshed as before.
func TestAsideWithoutRecord(t *testing.T) {
	o := origin.New(t)
	o.Set("/a.idx", version("1"))
	s := newSite(t, asideMirror, o)
	e := s.engine()
	s.wantGot(e, "m/a.idx", "1")
	lost, err := filepath.Glob(filepath.Join(s.conf.State, "index.db*"))
	if err != nil || len(lost) == 0 {
		t.Fatal("no record to lose", err)
	}
	for _, path := range lost {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	o.Set("/a.idx", version("two"))
	e = s.engine()
	s.wantGot(e, "m/a.idx", "two") // nothing is known of its age
	s.wantGot(e, "m/a.idx", "two")
	if n := o.Count("/a.idx", ""); n != 2 {
		t.Errorf("the upstream was asked %d times, want twice", n)
	}
	s.wantDoc()
}

// TestRearrange: files follow the setting; those of others stay.
func TestRearrange(t *testing.T) {
	o := origin.New(t)
	s := newSite(t, asideMirror, o)
	aside := s.conf
	for _, name := range []string{"/a.idx", "/d/b.idx", "/d/late.idx", "/p.deb"} {
		o.Set(name, version("1"))
	}
	s.keepIn(config.InDocroot)
	in := s.conf
	e := s.engine()
	for _, name := range []mirror.Name{"m/a.idx", "m/d/b.idx", "m/d/late.idx", "m/p.deb"} {
		s.wantGot(e, name, "1")
	}
	if err := os.WriteFile(s.path("m/others.idx"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if !e.Arranged() || e.Rearrange(s.ctx()) != nil {
		t.Error("there is something to arrange before anything was changed")
	}

	s.conf = aside
	e = s.engine()
	if names, err := e.Misplaced(s.ctx()); err != nil || len(names) != 3 || e.Arranged() {
		t.Errorf("misplaced are %q, %v", names, err)
	}
	// Before they are moved: served where they are, and moved by a new version.
	s.wantGot(e, "m/a.idx", "1")
	s.clock.advance(2 * time.Minute)
	o.Set("/a.idx", version("two"))
	s.wantGot(e, "m/a.idx", "1")
	s.wantGot(e, "m/a.idx", "two")
	s.wantDoc("m/d/b.idx", "m/d/late.idx", "m/others.idx", "m/p.deb")
	// One that is being fetched is left to the next time.
	lock, err := e.tree.Locks.TryLock("m/d/late.idx")
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Rearrange(s.ctx()); err != nil || e.Arranged() {
		t.Errorf("all is said to be arranged, and one is being fetched: %v", err)
	}
	s.wantDoc("m/d/late.idx", "m/others.idx", "m/p.deb")
	lock.Unlock()
	if err := e.Rearrange(s.ctx()); err != nil || !e.Arranged() {
		t.Errorf("not arranged: %v", err)
	}
	s.wantDoc("m/others.idx", "m/p.deb")
	asked := o.Count("", "")
	for name, want := range map[mirror.Name]string{"m/a.idx": "two", "m/d/b.idx": "1", "m/d/late.idx": "1", "m/others.idx": "x"} {
		if got, err := s.get(e, name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	s.settle(e)
	if n := o.Count("", "") - asked; n > 2 { // those that are due
		t.Errorf("moving cost %d requests", n)
	}

	// And back. Of one that another took the name of, and of one that the record
	// does not know, there is nothing left to keep.
	if err := os.WriteFile(s.path("m/d/b.idx"), []byte("y"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.asidePath("m/d/unknown.idx"), []byte("z"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.conf = in
	e = s.engine()
	if err := e.Rearrange(s.ctx()); err != nil || !e.Arranged() {
		t.Errorf("not arranged: %v", err)
	}
	s.wantDoc("m/a.idx", "m/d/b.idx", "m/d/late.idx", "m/others.idx", "m/p.deb")
	for name, want := range map[mirror.Name]string{"m/a.idx": "two", "m/d/b.idx": "y", "m/d/late.idx": "1"} {
		s.wantGot(e, name, want)
		if ours := e.Owns(s.ctx(), name); ours != (want != "y") {
			t.Errorf("%s is ours: %v", name, ours)
		}
	}
	left := 0
	filepath.WalkDir(s.asidePath(""), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			left++
		}
		return err
	})
	if left > 0 {
		t.Errorf("%d files are left in the state directory", left)
	}
	if log := s.log.String(); !strings.Contains(log, "moved=2") {
		t.Errorf("the log does not tell of it:\n%s", log)
	}
}

// TestAsideBehindLinks: a way through a symbolic link of the docroot leads to the
// same file.
func TestAsideBehindLinks(t *testing.T) {
	o := origin.New(t)
	o.Set("/sid/a.idx", version("1"))
	s := newSite(t, asideMirror, o)
	e := s.engine()
	s.wantGot(e, "m/sid/a.idx", "1")
	if err := os.Symlink("sid", s.path("m/unstable")); err != nil {
		t.Fatal(err)
	}
	s.wantGot(e, "m/unstable/a.idx", "1")
	if n := o.Count("/sid/a.idx", ""); n != 1 {
		t.Errorf("the upstream was asked %d times, want once", n)
	}
}

// wantKept checks what is kept aside of a name, and that the docroot has nothing.
func (m *mirrored) wantKept(names ...string) {
	m.site.t.Helper()
	for _, name := range names {
		b, err := os.ReadFile(m.asidePath(mirror.Name("m/" + name)))
		if err != nil || string(b) != m.body(name) {
			m.site.t.Errorf("%s: kept is %q, %v", name, b, err)
		}
		if _, err := os.Lstat(m.path(mirror.Name("m/" + name))); !errors.Is(err, fs.ErrNotExist) {
			m.site.t.Errorf("%s is in the docroot: %v", name, err)
		}
	}
}

// TestAsideGeneration: what belongs together is published together there, too, also
// from the journal of one that died, and also if it was in the docroot until now.
func TestAsideGeneration(t *testing.T) {
	const extra = "mutable_in = \"state\"\n"
	update := func(m *mirrored) {
		m.add("one", "2", "the second version of one")
		m.update()
	}
	t.Run("whole", func(t *testing.T) {
		m := newMirrored(t, false, extra)
		m.fetch(inRelease, packages)
		update(m)
		m.refresh(packages)
		m.wantKept(inRelease, packages)
		m.wantNoParts()
	})
	t.Run("from the docroot", func(t *testing.T) {
		m := newMirrored(t, false, "")
		m.fetch(inRelease, packages)
		update(m)
		m.keepIn(config.InState)
		m.e = m.engine()
		m.refresh(inRelease)
		m.wantKept(inRelease, packages)
	})
	for done := range 3 {
		t.Run(fmt.Sprintf("after %d of 2 steps", done), func(t *testing.T) {
			m := newMirrored(t, false, extra)
			m.fetch(inRelease, packages)
			update(m)
			m.interrupted(done, packages, inRelease)
			e := m.engine()
			m.wantGot(e, "m/"+inRelease, m.body(inRelease))
			m.wantKept(inRelease, packages)
			m.wantNoParts()
		})
	}
}
