package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mirror"
)

// TestOpenFileBothWays holds the two ways to open a name of the docroot to each
// other: openat2(2), and os.Root where that is not known.
func TestOpenFileBothWays(t *testing.T) {
	tree, docroot, _ := newTree(t)
	outside := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(filepath.Join(docroot, "a/b"), 0o755),
		os.WriteFile(filepath.Join(docroot, "a/b/file"), []byte("x"), 0o644),
		os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o644),
		os.Symlink("b/file", filepath.Join(docroot, "a/inside")),
		os.Symlink("../a/b", filepath.Join(docroot, "a/dirlink")),
		os.Symlink("nowhere", filepath.Join(docroot, "a/dangling")),
		os.Symlink(".secret", filepath.Join(docroot, "a/hidden")),
		os.Symlink("loop", filepath.Join(docroot, "a/loop")),
		os.Symlink(outside, filepath.Join(docroot, "a/out")),
		os.Symlink(filepath.Join(docroot, "a/b/file"), filepath.Join(docroot, "a/absolute")),
		os.Symlink("../../../../../../../../../../etc/passwd", filepath.Join(docroot, "a/up")),
		syscall.Mkfifo(filepath.Join(docroot, "a/fifo"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[mirror.Name]error{
		"a/b/file": nil,
		"":         mirror.ErrIsDirectory, "a/b": mirror.ErrIsDirectory,
		"a/none": fs.ErrNotExist, "none/none": fs.ErrNotExist, "a/b/file/below": fs.ErrNotExist,
		"a/fifo":   mirror.ErrForeign,
		"a/inside": ErrLinked, "a/dirlink": ErrLinked, "a/dirlink/file": ErrLinked, "a/dirlink/none": ErrLinked,
		"a/dangling": ErrLinked, "a/loop": ErrLinked, "a/out/secret": ErrLinked, "a/absolute": ErrLinked, "a/up": ErrLinked,
	}
	known := openat2
	t.Cleanup(func() { openat2 = known; noOpenat2.Store(false) })
	for _, without := range []bool{false, true} {
		for name, kind := range want {
			if without { // each name is the first that is looked up
				noOpenat2.Store(false)
				openat2 = func(int, string, *unix.OpenHow) (int, error) { return -1, unix.ENOSYS }
			}
			f, fi, err := tree.OpenFile(name)
			if !errors.Is(err, kind) || kind == nil && err != nil {
				t.Errorf("without openat2 %v: %q: %v, want %v", without, name, err, kind)
			}
			if err == nil {
				if fi.Size() != 1 {
					t.Errorf("%q has %d bytes", name, fi.Size())
				}
				f.Close()
			}
		}
	}

	for name, want := range map[mirror.Name]mirror.Name{
		"a/b/file": "a/b/file", "a/none": "a/none", "none/none": "none/none", "": "",
		"a/inside": "a/b/file", "a/dirlink": "a/b", "a/dirlink/file": "a/b/file", "a/dirlink/none/x": "a/b/none/x",
		"a/dangling": "a/nowhere", "a/dangling/x": "a/nowhere/x",
	} {
		if got, err := tree.Resolve(name); got != want || err != nil {
			t.Errorf("%q is at %q, %v, want %q", name, got, err, want)
		}
	}
	for _, name := range []mirror.Name{"a/loop", "a/loop/x", "a/out/secret", "a/absolute", "a/up", "a/hidden"} {
		if got, err := tree.Resolve(name); !errors.Is(err, mirror.ErrForeign) {
			t.Errorf("%q is at %q, %v, want ErrForeign", name, got, err)
		}
	}
}

// TestNothingThroughLinks: a link that has appeared on the way to a name leads
// nothing that is done in the docroot elsewhere.
func TestNothingThroughLinks(t *testing.T) {
	tree, docroot, _ := newTree(t)
	for _, err := range []error{
		os.MkdirAll(filepath.Join(docroot, "real/sub"), 0o755),
		os.WriteFile(filepath.Join(docroot, "real/file"), []byte("x"), 0o644),
		os.Symlink("real", filepath.Join(docroot, "link")), os.Symlink(".", filepath.Join(docroot, "self")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []mirror.Name{"link/new", "link/deep/new", "self/self/new"} {
		p, err := tree.NewPart(name)
		if err != nil {
			t.Fatal(err)
		}
		it := &Publication{Part: p}
		tree.Publish([]*Publication{it})
		if !errors.Is(it.Err, mirror.ErrForeign) {
			t.Errorf("%s was published: %v", name, it.Err)
		}
		p.Remove()
		p.Close()
	}
	for what, err := range map[string]error{
		"MakeDir": tree.MakeDir("link/dir"), "SetDirTime": tree.SetDirTime("link/sub", time.Unix(1, 0)),
		"Remove": tree.Remove("link/file"), "RemoveDir": tree.RemoveDir("link/sub"),
	} {
		if err == nil {
			t.Errorf("%s went through a link", what)
		}
	}
	if p, err := tree.NewHardLink("new", "link/file"); err == nil {
		p.Close()
		t.Error("NewHardLink went through a link")
	}
	list, err := os.ReadDir(filepath.Join(docroot, "real"))
	if err != nil || len(list) != 2 {
		t.Errorf("%v, %v", list, err)
	}
}

// TestPublishIntoRemovedDirectory: a directory that somebody finds empty and
// removes is made once more.
func TestPublishIntoRemovedDirectory(t *testing.T) {
	tree, docroot, _ := newTree(t)
	if err := tree.MakeDir("d"); err != nil {
		t.Fatal(err)
	}
	p, err := tree.NewPart("d/file")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	opened, err := tree.openDir("d")
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.RemoveDir("d"); err != nil {
		t.Fatal(err)
	}
	it := &Publication{Part: p}
	if it.Err = tree.publish(it, directories{{"d", false}: {file: opened}}); it.Err != nil {
		t.Error(it.Err)
	}
	if _, err := os.Stat(filepath.Join(docroot, "d/file")); err != nil {
		t.Error(err)
	}
}
