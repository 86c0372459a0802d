package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror"
)

// isIndex is what the tests keep aside.
func isIndex(name mirror.Name) bool { return name.Base() == "index" }

func newAsideTree(t *testing.T) (tree *Tree, docroot, state string) {
	t.Helper()
	tree, docroot, state = newTree(t)
	if err := tree.KeepAside(isIndex); err != nil {
		t.Fatal(err)
	}
	return tree, docroot, state
}

// put publishes a file.
func put(t *testing.T, tree *Tree, name mirror.Name, content string, replace bool) error {
	t.Helper()
	p := write(t, tree, name, content, time.Unix(1e9, 0))
	it := &Publication{Part: p, Replace: replace}
	tree.Publish([]*Publication{it})
	if it.Err != nil {
		p.Remove()
	}
	return it.Err
}

// wantFile checks what OpenFile and Lstat find at a name, and where it stands.
func wantFile(t *testing.T, tree *Tree, name mirror.Name, content string, aside bool) {
	t.Helper()
	f, fi, err := tree.OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || string(b) != content {
		t.Errorf("%s is %q, want %q: %v", name, b, content, err)
	}
	if st, err := tree.Lstat(name); err != nil || !sameFile(st, fi) {
		t.Errorf("%s: Lstat finds another file than OpenFile: %v", name, err)
	}
	if tree.StandsAside(name, fi) != aside {
		t.Errorf("%s stands aside: %v", name, !aside)
	}
}

func plant(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func names(list []fs.DirEntry) string {
	var all []string
	for _, d := range list {
		all = append(all, d.Name())
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestAside: a file that is kept aside is there for everybody but the web server.
func TestAside(t *testing.T) {
	tree, docroot, state := newAsideTree(t)
	if _, _, err := tree.OpenFile("a/b/index"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for name, content := range map[mirror.Name]string{"a/b/index": "1", "a/b/file": "f", "index": "top"} {
		if err := put(t, tree, name, content, false); err != nil {
			t.Fatal(err)
		}
		wantFile(t, tree, name, content, name.Base() == "index")
	}
	if err := put(t, tree, "a/b/index", "2", true); err != nil {
		t.Fatal(err)
	}
	wantFile(t, tree, "a/b/index", "2", true)
	if fi, err := os.Stat(filepath.Join(state, "mutable/a/b/index")); err != nil || fi.Mode() != 0o644 {
		t.Errorf("it is not in the state directory with mode 0644: %v, %v", fi, err)
	}
	for dir, want := range map[mirror.Name]string{"": "a index", "a/b": "file index"} {
		if list, err := tree.ReadDir(dir); err != nil || names(list) != want {
			t.Errorf("ReadDir(%q) = %s, %v", dir, names(list), err)
		}
	}
	if list, _ := os.ReadDir(filepath.Join(docroot, "a/b")); names(list) != "file" {
		t.Errorf("the docroot has %s", names(list))
	}
	if err := tree.RemoveDir("a/b"); !errors.Is(err, mirror.ErrForeign) {
		t.Errorf("a directory with files was removed: %v", err)
	}
	for _, name := range []mirror.Name{"a/b/index", "a/b/file"} {
		if err := tree.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.RemoveDir("a/b"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(docroot, "a/b"), filepath.Join(state, "mutable/a/b")} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there", path)
		}
	}
}

// TestAsideAndTheDocroot: what stands in the docroot is what the web server
// serves, so it counts; a file of ours makes room, nothing else does.
func TestAsideAndTheDocroot(t *testing.T) {
	tree, docroot, _ := newAsideTree(t)
	in := func(name string) string { return filepath.Join(docroot, name) }
	plant(t, in("index"), "old")
	wantFile(t, tree, "index", "old", false)
	if err := put(t, tree, "index", "new", false); !errors.Is(err, mirror.ErrForeign) {
		t.Errorf("published beside a file of others: %v", err)
	}
	wantFile(t, tree, "index", "old", false)
	if err := put(t, tree, "index", "new", true); err != nil {
		t.Fatal(err)
	}
	wantFile(t, tree, "index", "new", true)
	if _, err := os.Lstat(in("index")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the old file is still in the docroot")
	}

	// The setting changes.
	if err := tree.PutBack("index"); err != nil {
		t.Fatal(err)
	}
	wantFile(t, tree, "index", "new", false)
	if err := tree.MoveAside("index"); err != nil {
		t.Fatal(err)
	}
	wantFile(t, tree, "index", "new", true)
	plant(t, in("index"), "others'")
	if err := tree.PutBack("index"); !errors.Is(err, mirror.ErrForeign) {
		t.Errorf("put back over a file of others: %v", err)
	}
	wantFile(t, tree, "index", "others'", false)

	// A directory of the docroot that somebody has cleared away.
	if err := put(t, tree, "d/index", "kept", false); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(in("d")); err != nil {
		t.Fatal(err)
	}
	wantFile(t, tree, "d/index", "kept", true)
	if list, err := tree.ReadDir("d"); err != nil || names(list) != "index" {
		t.Errorf("ReadDir = %s, %v", names(list), err)
	}
	tree.aside = nil
	if _, _, err := tree.OpenFile("d/index"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is found where nothing is kept aside: %v", err)
	}
}

// TestAsideLinks: symbolic links stay in the docroot and are followed there, and a
// file that is kept aside may have a name of another kind as well.
func TestAsideLinks(t *testing.T) {
	tree, docroot, _ := newAsideTree(t)
	if err := put(t, tree, "sid/index", "x", false); err != nil {
		t.Fatal(err)
	}
	link := func(p *Part, err error, replace bool) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		it := &Publication{Part: p, Replace: replace}
		if tree.Publish([]*Publication{it}); it.Err != nil {
			t.Fatal(it.Err)
		}
	}
	p, err := tree.NewSymlink("unstable", "sid", time.Time{})
	link(p, err, false)
	if _, _, err := tree.OpenFile("unstable/index"); !errors.Is(err, ErrLinked) {
		t.Errorf("a link on the way is not seen: %v", err)
	}
	if real, err := tree.Resolve("unstable/index"); err != nil || real != "sid/index" {
		t.Errorf("Resolve = %s, %v", real, err)
	}
	p, err = tree.NewHardLink("sid/by-hash", "sid/index")
	link(p, err, false)
	wantFile(t, tree, "sid/by-hash", "x", false)
	if b, err := os.ReadFile(filepath.Join(docroot, "sid/by-hash")); string(b) != "x" {
		t.Errorf("the hard link is not in the docroot: %v", err)
	}
	p, err = tree.NewSymlink("sid/index", "by-hash", time.Time{})
	link(p, err, true)
	if _, err := tree.LstatAside("sid/index"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a link has taken the place of the file, which is still kept aside")
	}
	if target, err := tree.Readlink("sid/index"); err != nil || target != "by-hash" {
		t.Errorf("Readlink = %s, %v", target, err)
	}
}
