package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

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
		"a/b/file": nil, "a/inside": nil, "a/dirlink/file": nil,
		"":    mirror.ErrIsDirectory,
		"a/b": mirror.ErrIsDirectory, "a/dirlink": mirror.ErrIsDirectory,
		"a/none": fs.ErrNotExist, "none/none": fs.ErrNotExist, "a/b/file/below": fs.ErrNotExist,
		"a/dangling": mirror.ErrForeign, "a/loop": mirror.ErrForeign, "a/out/secret": mirror.ErrForeign,
		"a/absolute": mirror.ErrForeign, "a/up": mirror.ErrForeign, "a/fifo": mirror.ErrForeign,
	}
	for _, without := range []bool{false, true} {
		noOpenat2.Store(without)
		t.Cleanup(func() { noOpenat2.Store(false) })
		for name, kind := range want {
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
}
