package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mirror"
)

// publishPart gives a part its name.
func publishPart(t *testing.T, tree *Tree, p *Part, replace bool) error {
	t.Helper()
	defer p.Close()
	it := &Publication{Part: p, Replace: replace}
	tree.Publish([]*Publication{it})
	if err := p.Remove(); err != nil {
		t.Error(err)
	}
	return it.Err
}

func TestSymlink(t *testing.T) {
	tree, docroot, state := newTree(t)
	at := time.Unix(1e9, 123)
	for i, target := range []string{"x", "../y"} {
		write(t, tree, "d/link", "an unfinished file gives way", at)
		p, err := tree.NewSymlink("d/link", target, at)
		if err != nil {
			t.Fatal(err)
		}
		if st, err := p.Stat(); err != nil || st.Size != int64(len(target)) || !st.ModTime.Equal(at) {
			t.Errorf("%+v, %v", st, err)
		}
		if err := publishPart(t, tree, p, i > 0); err != nil {
			t.Fatal(err)
		}
		if got, err := tree.Readlink("d/link"); got != target || err != nil {
			t.Errorf("it leads to %q, %v", got, err)
		}
	}
	p, err := tree.NewSymlink("d/link", "z", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if err := publishPart(t, tree, p, false); !errors.Is(err, mirror.ErrForeign) {
		t.Errorf("over another: %v", err)
	}
	fi, err := os.Lstat(filepath.Join(docroot, "d/link"))
	if err != nil || !fi.ModTime().Equal(at) {
		t.Errorf("%v, %v", fi, err)
	}
	if list, _ := os.ReadDir(filepath.Join(state, "part")); len(list) > 0 {
		t.Errorf("parts are left: %v", list)
	}
}

func TestHardLink(t *testing.T) {
	tree, docroot, state := newTree(t)
	for _, name := range []mirror.Name{"a/file", "b/other"} {
		if err := publishPart(t, tree, write(t, tree, name, string(name), time.Unix(1e9, 0)).Ref(), false); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second time it has the name already
		p, err := tree.NewHardLink("b/other", "a/file")
		if err != nil {
			t.Fatal(err)
		}
		if err := publishPart(t, tree, p, true); err != nil {
			t.Fatal(err)
		}
	}
	one, _ := tree.Lstat("a/file")
	two, err := tree.Lstat("b/other")
	if err != nil || Inode(one) != Inode(two) {
		t.Errorf("two files: %v", err)
	}
	if list, _ := os.ReadDir(filepath.Join(state, "part")); len(list) > 0 {
		t.Errorf("parts are left: %v", list)
	}

	// Nothing outside of the docroot gets a name in it.
	outside := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(outside, "secret"), nil, 0o644), os.Symlink(outside, filepath.Join(docroot, "out"))); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.NewHardLink("c", "out/secret"); !errors.Is(err, mirror.ErrForeign) && !errors.Is(err, ErrLinked) {
		t.Errorf("a file outside was linked: %v", err)
	}
	if _, err := tree.NewHardLink("c", "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of none: %v", err)
	}
}

func TestDirectories(t *testing.T) {
	tree, docroot, _ := newTree(t)
	outside := t.TempDir()
	at := time.Unix(1e9, 0)
	err := errors.Join(
		tree.MakeDir("a/b/c"), tree.MakeDir("a/b/c"),
		os.Symlink(outside, filepath.Join(docroot, "out")),
		os.WriteFile(filepath.Join(docroot, "file"), nil, 0o644),
		tree.SetDirTime("a/b", at))
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(filepath.Join(docroot, "a/b")); err != nil || !fi.ModTime().Equal(at) || fi.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", fi, err)
	}
	for name, err := range map[string]error{
		"MakeDir out/d":   tree.MakeDir("out/d"),
		"MakeDir file":    tree.MakeDir("file"),
		"MakeDir file/d":  tree.MakeDir("file/d"),
		"SetDirTime out":  tree.SetDirTime("out", at),
		"SetDirTime file": tree.SetDirTime("file", at),
		"RemoveDir a":     tree.RemoveDir("a"),
		"RemoveDir file":  tree.RemoveDir("file"),
		"RemoveDir out":   tree.RemoveDir("out"),
		"Remove a":        tree.Remove("a"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := errors.Join(tree.RemoveDir("a/b/c"), tree.RemoveDir("a/b/c"), tree.Remove("file"), tree.Remove("file"), tree.Remove("out")); err != nil {
		t.Error(err)
	}
	if list, err := os.ReadDir(docroot); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}
