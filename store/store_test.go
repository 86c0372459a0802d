package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"mirror"
)

// openVar makes the test binary open a tree, publish what publishVar names, if
// anything, and print what happened: as another user, which the test process
// cannot become.
const (
	openVar    = "STORE_TEST_OPEN"
	publishVar = "STORE_TEST_PUBLISH"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(openVar); dir != "" {
		syscall.Umask(0o002) // as every program of ours
		tree, err := Open(filepath.Join(dir, "doc"), filepath.Join(dir, "state"))
		if err == nil {
			err = tree.KeepAside(isIndex)
		}
		if name := os.Getenv(publishVar); err == nil && name != "" {
			err = publishOne(tree, mirror.Name(name))
		}
		fmt.Println(err)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func publishOne(tree *Tree, name mirror.Name) error {
	lock, err := tree.Locks.TryLock(string(name))
	if err != nil {
		return err
	}
	defer lock.Unlock()
	p, err := tree.NewPart(name)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.Check(time.Unix(1e9, 0)); err != nil {
		return err
	}
	it := &Publication{Part: p}
	tree.Publish([]*Publication{it})
	return it.Err
}

func newTree(t *testing.T) (tree *Tree, docroot, state string) {
	t.Helper()
	dir := t.TempDir()
	docroot, state = filepath.Join(dir, "doc"), filepath.Join(dir, "state")
	if err := os.Mkdir(docroot, 0o755); err != nil {
		t.Fatal(err)
	}
	tree, err := Open(docroot, state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree, docroot, state
}

// write makes a checked part.
func write(t *testing.T, tree *Tree, name mirror.Name, content string, mtime time.Time) *Part {
	t.Helper()
	p, err := tree.NewPart(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	if _, err := p.File().WriteString(content); err != nil {
		t.Fatal(err)
	}
	if err := p.Check(mtime); err != nil {
		t.Fatal(err)
	}
	return p
}

const nobody = 65534

func TestPublish(t *testing.T) {
	tree, docroot, _ := newTree(t)
	mtime := time.Date(2020, 2, 3, 4, 5, 6, 7000, time.UTC)
	a, b := write(t, tree, "d/e/a", "content", mtime), write(t, tree, "b", "", time.Time{})
	items := []*Publication{{Part: a}, {Part: b}}
	tree.Publish(items)
	for _, it := range items {
		if it.Err != nil {
			t.Fatal(it.Err)
		}
	}
	fi, err := os.Stat(filepath.Join(docroot, "d/e/a"))
	if err != nil || fi.Mode() != 0o644 || !fi.ModTime().Equal(mtime) || fi.Size() != 7 {
		t.Errorf("%+v, %v", fi, err)
	}
	if fi, _ := os.Stat(filepath.Join(docroot, "d")); fi.Mode().Perm() != 0o755 {
		t.Errorf("directory mode %v", fi.Mode())
	}
	f, info, err := tree.OpenFile("d/e/a")
	if err != nil || info.Size() != 7 {
		t.Fatal(err)
	}
	f.Close()
}

// TestPublishWhatStandsThere: where two have begun the same name, since their locks were
// deleted, nobody publishes what the other has only begun.
func TestPublishWhatStandsThere(t *testing.T) {
	tree, docroot, _ := newTree(t)
	first := write(t, tree, "a", "whole", time.Time{})
	second, err := tree.NewPart("a")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := second.Append([]byte("beg")); err != nil {
		t.Fatal(err)
	}
	it := &Publication{Part: first}
	tree.Publish([]*Publication{it})
	if !errors.Is(it.Err, mirror.ErrStore) {
		t.Errorf("the first: %v, want ErrStore", it.Err)
	}
	if _, err := os.Stat(filepath.Join(docroot, "a")); err == nil {
		t.Error("what the second has begun has its name")
	}
	if err := errors.Join(first.Remove(), second.Append([]byte("un")), second.Check(time.Time{})); err != nil {
		t.Fatal(err)
	}
	it = &Publication{Part: second}
	tree.Publish([]*Publication{it})
	if b, err := os.ReadFile(filepath.Join(docroot, "a")); string(b) != "begun" || err != nil || it.Err != nil {
		t.Errorf("%q, %v, %v", b, err, it.Err)
	}
}

// TestPublishOverOthers: what is not ours is in the way, and stays.
func TestPublishOverOthers(t *testing.T) {
	tree, docroot, _ := newTree(t)
	outside := t.TempDir()
	for _, err := range []error{
		os.WriteFile(filepath.Join(docroot, "file"), []byte("theirs"), 0o600),
		os.Mkdir(filepath.Join(docroot, "dir"), 0o755),
		os.Symlink(outside, filepath.Join(docroot, "out")),
		os.Symlink(filepath.Join(outside, "x"), filepath.Join(docroot, "dangling")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []mirror.Name{"file", "dir", "file/below", "out/x", "dangling"} {
		it := &Publication{Part: write(t, tree, name, "ours", time.Time{})}
		tree.Publish([]*Publication{it})
		if !errors.Is(it.Err, mirror.ErrForeign) {
			t.Errorf("%s: %v, want ErrForeign", name, it.Err)
		}
	}
	if b, _ := os.ReadFile(filepath.Join(docroot, "file")); string(b) != "theirs" {
		t.Errorf("the file is %q now", b)
	}
	if list, _ := os.ReadDir(outside); len(list) > 0 {
		t.Errorf("written outside: %v", list)
	}
	it := &Publication{Part: write(t, tree, "file", "ours", time.Time{}), Replace: true}
	tree.Publish([]*Publication{it})
	if b, _ := os.ReadFile(filepath.Join(docroot, "file")); it.Err != nil || string(b) != "ours" {
		t.Errorf("a replacement: %q, %v", b, it.Err)
	}
}

func TestVisible(t *testing.T) {
	for _, test := range []struct {
		size, total int64
		checked     bool
		want        int64
	}{
		{0, 100 << 10, false, 0},
		{10, 100 << 10, false, 10},
		{36 << 10, 100 << 10, false, 36 << 10},
		{100<<10 - 1, 100 << 10, false, 36 << 10},
		{100 << 10, 100 << 10, false, 36 << 10},
		{100 << 10, 100 << 10, true, 100 << 10},
		{10, 20, false, 0},
		{1 << 20, -1, false, 0},
		{1 << 20, -1, true, 1 << 20},
	} {
		if got := Visible(test.size, test.total, test.checked); got != test.want {
			t.Errorf("Visible(%d, %d, %v) = %d, want %d", test.size, test.total, test.checked, got, test.want)
		}
	}
}

// TestPartsAreNeverTruncated: a restart is another inode, and who reads the
// old one keeps it.
func TestPartsAreNeverTruncated(t *testing.T) {
	tree, _, _ := newTree(t)
	old, err := tree.NewPart("a")
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	old.File().WriteString("old")
	reader, err := tree.FollowPart("a")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	fresh, err := tree.NewPart("a")
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	b := make([]byte, 3)
	if _, err := reader.ReadAt(b, 0); err != nil || string(b) != "old" {
		t.Errorf("%q, %v", b, err)
	}
	if st, err := reader.Stat(); err != nil || !st.Gone || st.Checked {
		t.Errorf("%+v, %v: want gone, unchecked", st, err)
	}
	if err := old.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.FollowPart("a"); err != nil {
		t.Errorf("the removal of the old part took the new one: %v", err)
	}
}

// TestPartHasOneWriter: nobody goes on with a part that another appends to, though he has
// the lock of its name; once that one has ended, he does, whoever still reads it.
func TestPartHasOneWriter(t *testing.T) {
	tree, _, _ := newTree(t)
	first, err := tree.NewPart("a")
	if err != nil {
		t.Fatal(err)
	}
	if p, err := tree.ResumePart("a"); !errors.Is(err, fs.ErrNotExist) {
		p.Close()
		t.Errorf("a second writer: %v, want ErrNotExist", err)
	}
	reader := first.Ref()
	defer reader.Close()
	first.Yield()
	first.Close()
	second, err := tree.ResumePart("a")
	if err != nil {
		t.Fatalf("while somebody reads it: %v", err)
	}
	defer second.Close()
	if p, err := tree.ResumePart("a"); !errors.Is(err, fs.ErrNotExist) {
		p.Close()
		t.Errorf("beside who resumed it: %v, want ErrNotExist", err)
	}
	fresh, err := tree.NewPart("a")
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	if fresh.Inode == second.Inode {
		t.Error("a new part is the one that another appends to")
	}
}

func TestOpenFileRefusesWhatIsNoFile(t *testing.T) {
	tree, docroot, _ := newTree(t)
	if err := syscall.Mkfifo(filepath.Join(docroot, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	os.Mkdir(filepath.Join(docroot, "dir"), 0o755)
	os.WriteFile(filepath.Join(docroot, "file"), nil, 0o644)
	os.Symlink("file", filepath.Join(docroot, "link"))
	os.Symlink("/etc/passwd", filepath.Join(docroot, "escape"))
	for name, want := range map[mirror.Name]error{
		"fifo": mirror.ErrForeign, "dir": mirror.ErrIsDirectory, "escape": ErrLinked,
		"none": fs.ErrNotExist, "file/below": fs.ErrNotExist, "link": ErrLinked, "file": nil,
	} {
		f, _, err := tree.OpenFile(name)
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if f != nil {
			f.Close()
		}
	}
}

func TestProbe(t *testing.T) {
	tree, docroot, _ := newTree(t)
	if err := tree.Probe(); err != nil {
		t.Fatal(err)
	}
	if list, _ := os.ReadDir(docroot); len(list) > 0 {
		t.Errorf("left behind: %v", list)
	}
}
