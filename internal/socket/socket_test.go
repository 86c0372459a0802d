package socket

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestListenUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen("unix", path, 0o660, strconv.Itoa(os.Getgid()))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode(), fs.ModeSocket|0o660; got != want {
		t.Errorf("mode %v, want %v", got, want)
	}
	if gid := info.Sys().(*syscall.Stat_t).Gid; int(gid) != os.Getgid() {
		t.Errorf("group %d", gid)
	}
	if got := l.Addr().String(); got != path {
		t.Errorf("it says that it listens on %s", got)
	}
	if c, err := net.Dial("unix", path); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	l.Close()
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) > 0 {
		t.Errorf("Close left %v", left)
	}
	if err := l.Close(); err == nil {
		t.Error("a second Close succeeds")
	}
}

// TestLongestPath: a path may have as many bytes as a socket address holds.
func TestLongestPath(t *testing.T) {
	dir := t.TempDir()
	path := dir + "/" + strings.Repeat("l", 107-len(dir)-1)
	l, err := Listen("unix", path, 0o600, "")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

// stale leaves a socket that nobody listens on, as a killed daemon does.
func stale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestStaleSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	stale(t, path)
	l, err := Listen("unix", path, 0o600, "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if c, err := net.Dial("unix", path); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
}

func TestCloseLeavesAnothersSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen("unix", path, 0o600, "")
	if err != nil {
		t.Fatal(err)
	}
	os.Remove(path)
	stale(t, path)
	l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("Close removed a socket that is not its own: %v", err)
	}
}

// TestOneOfManyListens starts several at once in the place of a stale socket.
func TestOneOfManyListens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	stale(t, path)
	var wg sync.WaitGroup
	all := make([]net.Listener, 8)
	for i := range all {
		wg.Go(func() { all[i], _ = Listen("unix", path, 0o600, "") })
	}
	wg.Wait()
	n := 0
	for _, l := range all {
		if l != nil {
			n++
			defer l.Close()
		}
	}
	if n != 1 {
		t.Errorf("%d listeners got the same path", n)
	}
}

func TestListenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	live := filepath.Join(dir, "live")
	l, err := Listen("unix", live, 0o600, "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for path, want := range map[string]string{
		live:            "another mirror-fcgi is listening",
		file:            "is not a socket",
		link:            "is not a socket",
		dir + "/none/s": "RuntimeDirectory=",
	} {
		l, err := Listen("unix", path, 0o600, "")
		if err == nil {
			l.Close()
			t.Errorf("%q: listens", path)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q does not say %q", path, err, want)
		}
	}
	if _, err := Listen("unix", dir+"/new", 0o600, "no such group"); err == nil || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("an unknown group: %v", err)
	}
	if text, _ := os.ReadFile(file); string(text) != "precious" {
		t.Errorf("the file holds %q now", text)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 3 {
		t.Errorf("a failure left something behind: %v", left)
	}
}

func TestListenNeedsAWritableDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil { // so that another user gets there
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		// Root may write everywhere. setfsuid(2) is of this thread alone, and
		// takes root's powers over files from it; the thread, never unlocked,
		// ends with the goroutine. For others the call changes nothing.
		runtime.LockOSThread()
		_ = unix.Setfsuid(65534)
		_, err := Listen("unix", dir+"/s", 0o600, "")
		failed <- err
	}()
	if err := <-failed; err == nil || !strings.Contains(err.Error(), "RuntimeDirectory=") {
		t.Errorf("got %v", err)
	}
}

func TestListenTCP(t *testing.T) {
	l, err := Listen("tcp", "127.0.0.1:0", 0, "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr().Network() != "tcp" {
		t.Errorf("listens on %v", l.Addr())
	}
}
