package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// TestTwoUsers: the daemon and the CGI program may be two users of one group.
func TestTwoUsers(t *testing.T) {
	const one, two, group = 54001, 54002, 54000
	dir, err := os.MkdirTemp("", "mirror-store")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	exe := copyBinary(t, dir)
	for path, mode := range map[string]fs.FileMode{"": 0o755, "doc": 0o775 | fs.ModeSetgid, "state": 0o770 | fs.ModeSetgid} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if path != dir {
			if err := os.Chown(path, one, group); err != nil {
				t.Fatalf("%v: this test runs as root, see `make test`", err)
			}
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		uid  uint32
		name string
	}{{one, "a/1"}, {two, "a/2"}, {two, "b/c/1"}, {one, "b/c/2"}, {one, "b/d/1"},
		{one, "index"}, {two, "a/index"}, {one, "b/c/index"}, {two, "b/d/e/index"}, {one, "b/d/e/f/index"}} {
		cmd := exec.Command(exe)
		cmd.Dir = "/"
		cmd.Env = []string{openVar + "=" + dir, publishVar + "=" + step.name}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: step.uid, Gid: group}}
		out, err := cmd.CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "<nil>" {
			t.Errorf("uid %d, %s: %v: %s", step.uid, step.name, err, out)
			continue
		}
		tree := "doc"
		if isIndex(mirror.Name(step.name)) {
			tree = "state/mutable"
		}
		fi, err := os.Stat(filepath.Join(dir, tree, step.name))
		if err != nil || fi.Mode() != 0o644 {
			t.Errorf("uid %d, %s: %v, %v", step.uid, step.name, fi, err)
		}
	}
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

func TestStateDirectory(t *testing.T) {
	_, _, state := newTree(t)
	fi, err := os.Stat(state)
	if err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v, want 0700", fi.Mode(), err)
	}
	b, err := os.ReadFile(filepath.Join(state, ".htaccess"))
	if err != nil || !strings.Contains(string(b), "Require all denied") {
		t.Errorf(".htaccess: %q, %v", b, err)
	}
}

// TestShared: what a group shares is writable by the group, whatever the umask.
func TestShared(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o022))
	dir := t.TempDir()
	docroot, state := filepath.Join(dir, "doc"), filepath.Join(dir, "state")
	for _, d := range []string{docroot, state} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(d, 0o770|fs.ModeSetgid); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := Open(docroot, state)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	p, err := tree.NewPart("a")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if fi, _ := p.File().Stat(); fi.Mode().Perm() != 0o660 {
		t.Errorf("part: mode %v, want 0660", fi.Mode())
	}
	want := 0o770 | fs.ModeSetgid | fs.ModeDir
	if fi, err := os.Stat(filepath.Join(state, "part")); err != nil || fi.Mode() != want {
		t.Errorf("part: mode %v, %v, want %v", fi.Mode(), err, want)
	}
}

// TestRefusals: what cannot work is refused at the start, with what to do.
func TestRefusals(t *testing.T) {
	t.Run("no docroot", func(t *testing.T) {
		_, err := Open(filepath.Join(t.TempDir(), "none"), t.TempDir())
		wantSentence(t, err, "docroot cannot be opened", "create the directory")
	})
	t.Run("no parent of state", func(t *testing.T) {
		_, err := Open(t.TempDir(), filepath.Join(t.TempDir(), "no/state"))
		wantSentence(t, err, "state directory cannot be created", "mode 0700")
	})
	t.Run("different file systems", func(t *testing.T) {
		other, err := os.MkdirTemp("/dev/shm", "mirror-test")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(other)
		_, err = Open(t.TempDir(), filepath.Join(other, "state"))
		wantSentence(t, err, "different file systems", "put state on the docroot's file system")
	})
	if os.Geteuid() != 0 {
		t.Fatal("the rest needs root, to become another user: run the tests as root, as `make test` in CI does")
	}
	t.Run("root for somebody else", func(t *testing.T) {
		docroot := t.TempDir()
		if err := os.Chown(docroot, nobody, nobody); err != nil {
			t.Fatal(err)
		}
		_, err := Open(docroot, docroot+"-state")
		wantSentence(t, err, "belongs to nobody", "run this program as that user: sudo -u nobody ")
	})
	for _, test := range []struct {
		name               string
		docOwner, stateUID int
		docMode, stateMode fs.FileMode
		want               []string
	}{
		{"docroot not writable", 0, nobody, 0o755, 0o700, []string{"docroot", "not writable by nobody", "chown", "sudo -u root "}},
		{"state of another user", nobody, 0, 0o755, 0o755, []string{"belongs to root", "runs as nobody", "run it as that user (sudo -u root ", "chmod 2770"}},
		{"state closed", nobody, 0, 0o755, 0o700, []string{"belongs to root", "runs as nobody"}},
		{"good", nobody, nobody, 0o755, 0o700, []string{"<nil>"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "mirror-store")
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(dir)
			os.Chmod(dir, 0o755)
			for d, uid := range map[string]int{"doc": test.docOwner, "state": test.stateUID} {
				os.Mkdir(filepath.Join(dir, d), 0o700)
				os.Chown(filepath.Join(dir, d), uid, uid)
			}
			os.Chmod(filepath.Join(dir, "doc"), test.docMode)
			os.Chmod(filepath.Join(dir, "state"), test.stateMode)
			exe := copyBinary(t, dir)
			cmd := exec.Command(exe)
			cmd.Dir = "/"
			cmd.Env = []string{openVar + "=" + dir}
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			wantSentence(t, errors.New(string(out)), test.want...)
		})
	}
}

const nobody = 65534

// copyBinary puts the test binary where every user can run it.
func copyBinary(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(dir, "test")
	if err := os.WriteFile(exe, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return exe
}

func wantSentence(t *testing.T, err error, want ...string) {
	t.Helper()
	for _, w := range want {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
}

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

func TestWorkerLogIsBounded(t *testing.T) {
	tree, _, state := newTree(t)
	for range 3 {
		f, err := tree.OpenWorkerLog()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, maxLog+1)); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	list, err := os.ReadDir(filepath.Join(state, "log"))
	if err != nil || len(list) != 2 {
		t.Errorf("%v, %v, want the log and one older", list, err)
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

func TestSudo(t *testing.T) {
	program := filepath.Base(os.Args[0])
	for uid, want := range map[uint32]string{0: "sudo -u root " + program, 54321: "sudo -u '#54321' " + program} {
		if got := sudo(uid); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
