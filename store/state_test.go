package store

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mirror"
)

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

func TestSudo(t *testing.T) {
	program := filepath.Base(os.Args[0])
	for uid, want := range map[uint32]string{0: "sudo -u root " + program, 54321: "sudo -u '#54321' " + program} {
		if got := sudo(uid); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
