package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mirror"
)

// TestFile: a published file reads, and is described, as package os does it, with
// openat2(2) and without, until it is closed, and once.
func TestFile(t *testing.T) {
	tree, docroot, _ := newTree(t)
	const name, content = mirror.Name("d/a.deb"), "0123456789"
	path := filepath.Join(docroot, string(name))
	at := time.Unix(1e9, 123456789)
	if err := os.Mkdir(filepath.Join(docroot, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	plant(t, path, content)
	plant(t, filepath.Join(docroot, "other"), "another file")
	if err := errors.Join(os.Chmod(path, 0o640), os.Chtimes(path, time.Now(), at)); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { noOpenat2.Store(false) })
	for _, c := range []struct {
		name    string
		without bool
		asFile  bool
	}{{"bare", false, false}, {"as os.File", false, true}, {"without openat2", true, false}} {
		noOpenat2.Store(c.without)
		f, err := tree.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if c.asFile {
			if flags, err := unix.FcntlInt(f.OS().Fd(), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK != 0 {
				t.Errorf("%s: flags %x, %v", c.name, flags, err)
			}
		}
		fi := f.Info()
		if fi.Name() != want.Name() || fi.Size() != want.Size() || fi.Mode() != want.Mode() || !fi.ModTime().Equal(at) || fi.IsDir() || !sameFile(fi, want) {
			t.Errorf("%s: %v instead of %v", c.name, fs.FormatFileInfo(fi), fs.FormatFileInfo(want))
		}
		for _, r := range []struct {
			off, n int64
			want   string
			err    error
		}{{0, 10, content, nil}, {3, 4, "3456", nil}, {8, 4, "89", io.EOF}, {10, 1, "", io.EOF}, {0, 0, "", nil}} {
			b := make([]byte, r.n)
			if n, err := f.ReadAt(b, r.off); string(b[:n]) != r.want || err != r.err {
				t.Errorf("%s: %d bytes at %d: %q, %v", c.name, r.n, r.off, b[:n], err)
			}
		}
		if err := f.Close(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		next, err := tree.Open("other") // which gets the descriptor's number
		if err != nil {
			t.Fatal(err)
		}
		if n, err := f.ReadAt(make([]byte, 4), 0); n != 0 || err == nil {
			t.Errorf("%s: after it was closed: %d bytes, %v", c.name, n, err)
		}
		if err := f.Close(); err == nil {
			t.Errorf("%s: it was closed twice", c.name)
		}
		if n, err := next.ReadAt(make([]byte, 4), 0); n != 4 || err != nil {
			t.Errorf("%s: the next file was closed: %d bytes, %v", c.name, n, err)
		}
		next.Close()
	}
}
