package socket

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// TestMain lets the test binary play the daemon: descriptors are inherited by a
// new process only.
func TestMain(m *testing.M) {
	if role := os.Getenv("SOCKET_TEST"); role != "" {
		if err := daemon(role); err != nil {
			fmt.Println("error:", err)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// daemon greets one client of each inherited listener.
func daemon(role string) error {
	var all []net.Listener
	if role == "stdin" {
		l, ok := FromStdin()
		if !ok {
			return fmt.Errorf("nothing on stdin")
		}
		if _, again := FromStdin(); again {
			return fmt.Errorf("a second call finds the socket again")
		}
		all = append(all, l)
	} else {
		var err error
		if all, err = Inherited(); err != nil {
			return err
		}
		if again, err := Inherited(); again != nil || err != nil {
			return fmt.Errorf("a second call gives %v, %v", again, err)
		}
		open := 0
		for fd := range 100 {
			if !listening(fd) {
				continue
			}
			open++
			if flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC == 0 {
				return fmt.Errorf("a child would inherit descriptor %d", fd)
			}
		}
		if open != len(all) {
			return fmt.Errorf("%d descriptors for %d listeners", open, len(all))
		}
	}
	fmt.Println("listeners:", len(all))
	for i, l := range all {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		fmt.Fprint(c, i)
		c.Close()
		l.Close()
	}
	return nil
}

// listeners opens n listening unix sockets and their duplicates for a child.
func listeners(t *testing.T, n int) (paths []string, files []*os.File) {
	t.Helper()
	for i := range n {
		path := filepath.Join(t.TempDir(), fmt.Sprint(i))
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		f, err := l.File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		paths, files = append(paths, path), append(files, f)
	}
	return paths, files
}

// run runs the daemon, greets it on paths, and returns what it printed.
func run(t *testing.T, cmd *exec.Cmd, paths []string) string {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(10 * time.Second))
		if got, err := io.ReadAll(c); string(got) != fmt.Sprint(i) {
			t.Errorf("socket %d answers %q, %v", i, got, err)
		}
		c.Close()
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	return strings.TrimSpace(out.String())
}

// role is the environment of a daemon. The race detector would let it sleep for
// a second at its end.
func role(name string) []string {
	return append(os.Environ(), "SOCKET_TEST="+name, "GORACE=atexit_sleep_ms=0")
}

// activate starts the daemon as systemd does; the shell knows the process's id
// before it becomes the process.
func activate(pid, fds string, files ...*os.File) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=`+pid+` LISTEN_FDS=`+fds+` exec "$0"`, os.Args[0])
	cmd.Env = role("systemd")
	cmd.ExtraFiles = files
	return cmd
}

func TestInherited(t *testing.T) {
	paths, files := listeners(t, 2)
	if got := run(t, activate("$$", "2", files...), paths); got != "listeners: 2" {
		t.Error(got)
	}
}

func TestInheritedOfAnotherProcess(t *testing.T) {
	if got := run(t, activate("1", "2"), nil); got != "listeners: 0" {
		t.Error(got)
	}
}

func TestInheritedNonsense(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if got := run(t, activate("$$", "1", null), nil); !strings.Contains(got, "not a listening stream socket") {
		t.Error(got)
	}
	if got := run(t, activate("$$", "many"), nil); !strings.Contains(got, "not a number") {
		t.Error(got)
	}
}

func TestFromStdin(t *testing.T) {
	paths, files := listeners(t, 1)
	cmd := exec.Command(os.Args[0])
	cmd.Env = role("stdin")
	cmd.Stdin = files[0]
	if got := run(t, cmd, paths); got != "listeners: 1" {
		t.Error(got)
	}
	cmd = exec.Command(os.Args[0]) // stdin is /dev/null
	cmd.Env = role("stdin")
	if got := run(t, cmd, nil); got != "error: nothing on stdin" {
		t.Error(got)
	}
}

func TestNotify(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := Notify("READY=1"); err != nil {
		t.Errorf("without systemd: %v", err)
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "n"), fmt.Sprintf("@mirror-test-%d", unix.Getpid())} {
		l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("NOTIFY_SOCKET", path)
		if err := Notify("READY=1\nSTATUS=well"); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		l.SetReadDeadline(time.Now().Add(10 * time.Second))
		buf := make([]byte, 100)
		n, err := l.Read(buf)
		if got := string(buf[:n]); got != "READY=1\nSTATUS=well" {
			t.Errorf("%s: systemd hears %q, %v", path, got, err)
		}
		l.Close()
		if err := Notify("STOPPING=1"); err == nil {
			t.Errorf("%s: nobody is there, and Notify does not say so", path)
		}
	}
}
