package fetch

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/store/index"
)

func TestInside(t *testing.T) {
	for _, c := range []struct {
		prefix, name, target string
		ok                   bool
	}{
		{"m/", "m/a", "b", true},
		{"m/", "m/a", "./b//c/", true},
		{"m/", "m/a", ".", true},
		{"m/", "m/d/a", "..", true},
		{"m/", "m/d/a", "../b", true},
		{"m/", "m/d/e/a", "../../b/c", true},
		{"m/", "m/a", "..", false},
		{"m/", "m/a", "../m/b", false}, // inside, but by way of what others own
		{"m/", "m/d/a", "../../b", false},
		{"m/", "m/a", "/b", false},
		{"m/", "m/a", "", false},
		{"m/", "m/a", ".state", false}, // a name that is never served
		{"m/", "m/d/a", "../b/.git/config", false},
		{"m/", "m/d/a", "e/../f", false}, // e may be a link
		{"m/", "m/d/a", "../e/..", false},
		{"m/n/", "m/n/a", "../b", false},
		{"m/n/", "m/n/d/a", "../b", true},
		{"", "a", "b", true},
		{"", "a", "..", false},
		{"", "d/a", "../b", true},
		{"", "d/a", "../../b", false},
	} {
		if err := Inside(c.prefix, mirror.Name(c.name), c.target); (err == nil) != c.ok {
			t.Errorf("%s -> %q below %q: %v", c.name, c.target, c.prefix, err)
		}
	}
}

// made makes links, and returns how many were made and the errors by name.
func made(t *testing.T, e *Engine, links ...Link) (n int, failed map[mirror.Name]error) {
	t.Helper()
	failed = make(map[mirror.Name]error)
	err := e.MakeLinks(t.Context(), links, func(l Link, made bool, err error) {
		if made {
			n++
		}
		if err != nil {
			failed[l.Name] = err
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, failed
}

func TestMakeLinks(t *testing.T) {
	o := origin.New(t)
	o.Set("/file", origin.File{Seed: 1, Size: 1000})
	o.Set("/other", origin.File{Seed: 2, Size: 10})
	s := newSite(t, "", o)
	e := s.engine()
	for _, name := range []mirror.Name{"m/file", "m/other"} {
		if _, err := s.get(e, name); err != nil {
			t.Fatal(err)
		}
	}
	s.settle(e)
	theirs := s.path("m/theirs")
	if err := errors.Join(os.WriteFile(theirs, []byte("theirs"), 0o644), os.Symlink("file", s.path("m/their link"))); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	links := []Link{
		{Name: "m/link", Target: "file", ModTime: at},
		{Name: "m/dangling", Target: "nowhere"},
		{Name: "m/hard", Of: "m/file"},
		{Name: "m/other", Of: "m/file"}, // a file of ours gives way
		{Name: "m/theirs", Target: "file"},
		{Name: "m/their link", Target: "other"},
		{Name: "m/of theirs", Of: "m/theirs"},
		{Name: "m/of none", Of: "m/none"},
	}
	n, failed := made(t, e, links...)
	if n != 4 {
		t.Errorf("%d links were made, want 4", n)
	}
	for name, want := range map[mirror.Name]error{
		"m/theirs": mirror.ErrForeign, "m/their link": mirror.ErrForeign, "m/of theirs": mirror.ErrForeign, "m/of none": os.ErrNotExist,
	} {
		if !errors.Is(failed[name], want) {
			t.Errorf("%s: error %v, want %v", name, failed[name], want)
		}
		delete(failed, name)
	}
	if len(failed) > 0 {
		t.Errorf("failed: %v", failed)
	}
	if b, err := os.ReadFile(theirs); string(b) != "theirs" || err != nil {
		t.Errorf("the file of others is %q, %v", b, err)
	}
	if fi, err := os.Lstat(s.path("m/link")); err != nil || !fi.ModTime().Equal(at) {
		t.Errorf("the link has the time %v, %v", fi.ModTime(), err)
	}
	if fi, err := os.Stat(s.path("m/file")); err != nil || fi.Sys().(*syscall.Stat_t).Nlink != 3 || fi.Mode() != 0o644 {
		t.Errorf("the file of three names: %v, %v", fi, err)
	}
	s.wantNoParts()
	for _, name := range []mirror.Name{"m/link", "m/dangling", "m/hard", "m/other"} {
		if !e.Owns(t.Context(), name) {
			t.Errorf("%s is not known as ours", name)
		}
	}

	// Once more there is nothing to do. Then one leads elsewhere.
	if n, failed := made(t, e, links[:4]...); n != 0 || len(failed) > 0 {
		t.Errorf("again: %d links were made, %v", n, failed)
	}
	links[0].Target = "other"
	if n, _ := made(t, e, links[0]); n != 1 {
		t.Errorf("the changed link was not made")
	}
	if target, _ := os.Readlink(s.path("m/link")); target != "other" {
		t.Errorf("the link leads to %q", target)
	}
	s.wantNoParts()
}

// TestLinkInterrupted: a crash between the rename and the record of a link.
func TestLinkInterrupted(t *testing.T) {
	s := newSite(t, "", origin.New(t))
	e := s.engine()
	if n, failed := made(t, e, Link{Name: "link", Target: "a"}); n != 1 || len(failed) > 0 {
		t.Fatal(n, failed)
	}
	fi, err := os.Lstat(s.path("link"))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	err = errors.Join(e.index.Remove(ctx, "link"), e.index.Intend(ctx, []index.Partial{{
		Name: "link", Inode: fi.Sys().(*syscall.Stat_t).Ino, Total: fi.Size(), ModTime: fi.ModTime(),
	}}))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Recover(ctx); err != nil {
		t.Fatal(err)
	}
	rec, ok, err := e.index.File(ctx, "link")
	if !ok || err != nil || !rec.Ours || rec.Target != "a" || rec.Size != 0 {
		t.Errorf("%+v, %v, %v", rec, ok, err)
	}
	if _, ok, _ := e.index.Partial(ctx, "link"); ok {
		t.Error("the intent is still there")
	}
}

func TestRemoveMany(t *testing.T) {
	o := origin.New(t)
	o.Set("/d/file", origin.File{Seed: 1, Size: 1000})
	s := newSite(t, "", o)
	e := s.engine()
	if _, err := s.get(e, "m/d/file"); err != nil {
		t.Fatal(err)
	}
	s.settle(e)
	made(t, e, Link{Name: "m/d/link", Target: "file"})
	outside := filepath.Join(s.dir, "outside")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(outside, 0o755))
	must(os.WriteFile(filepath.Join(outside, "victim"), nil, 0o644))
	must(os.WriteFile(s.path("m/d/theirs"), nil, 0o644))
	must(os.Symlink("/etc", s.path("m/d/their link")))
	must(os.Symlink(outside, s.path("m/out")))

	got := make(map[mirror.Name]Removed)
	names := []mirror.Name{"m/d/file", "m/d/link", "m/d/theirs", "m/d/their link", "m/d/none", "m/d", "m/out/victim"}
	must(e.RemoveMany(t.Context(), names, func(r Removed) { got[r.Name] = r }))
	for _, name := range names[:2] {
		if r, ok := got[name]; !ok || r.Err != nil || r.Link != (name == "m/d/link") {
			t.Errorf("%s: %+v", name, r)
		}
		if _, ok, _ := e.index.File(t.Context(), string(name)); ok {
			t.Errorf("%s is still on record", name)
		}
	}
	for _, name := range []mirror.Name{"m/d/theirs", "m/d/their link", "m/d"} {
		if !errors.Is(got[name].Err, mirror.ErrForeign) {
			t.Errorf("%s: %v", name, got[name].Err)
		}
		if _, err := os.Lstat(s.path(name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, "victim")); err != nil {
		t.Error(err)
	}
	remove := func(emptied bool) bool {
		return len(e.RemoveDirs(t.Context(), []mirror.Name{"m/d"}, map[mirror.Name]bool{"m/d": emptied})) > 0
	}
	if remove(true) {
		t.Error("a directory that is not empty was removed")
	}
	must(errors.Join(os.Remove(s.path("m/d/theirs")), os.Remove(s.path("m/d/their link"))))
	if remove(false) {
		t.Error("a directory of which nothing is known was removed")
	}
	if !remove(true) {
		t.Error("an emptied directory was not removed")
	}
}
