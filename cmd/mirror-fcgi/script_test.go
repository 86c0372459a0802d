package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"mirror/internal/loopback"
	"mirror/internal/origin"
	"mirror/internal/server"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mirror-fcgi": main})
}

// TestScripts runs the real program. $URL is an upstream, $FREE and $TAKEN are
// addresses, of which the second is in use; *.toml files are expanded.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			o := origin.New(t)
			o.Set("/a", origin.File{Body: []byte("content")})
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Defer(func() { taken.Close() })
			env.Setenv("URL", o.URL)
			_, free := loopback.Address()
			env.Setenv("TAKEN", taken.Addr().String())
			env.Setenv("FREE", free)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each run takes a second longer
			entries, err := filepath.Glob(env.WorkDir + "/*.toml")
			if err != nil {
				return err
			}
			for _, path := range entries {
				text, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				if err := os.WriteFile(path, []byte(os.Expand(string(text), env.Getenv)), 0o600); err != nil {
					return err
				}
			}
			return os.Mkdir(env.WorkDir+"/doc", 0o755)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"get": get},
	})
}

// get asks for a URL until somebody answers, and compares the body: get URL TEXT.
func get(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.Now().Add(20 * time.Second)
	for {
		resp, err := http.Get(args[0])
		if err == nil {
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			ts.Check(err)
			if string(b) != args[1] {
				ts.Fatalf("%s: %s, %q", args[0], resp.Status, b)
			}
			return
		}
		if time.Now().After(deadline) {
			ts.Check(err)
		}
		time.Sleep(10 * time.Millisecond) // until it listens
	}
}

// daemon is a running mirror-fcgi.
type daemon struct {
	cmd *exec.Cmd
	log lockedBuffer
	url string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs the test binary as mirror-fcgi: testscript.Main goes by its name.
func start(t *testing.T, o *origin.Origin, wrap ...string) *daemon {
	t.Helper()
	return launch(t, o, nil, wrap...)
}

// launch is start with another standard error than the daemon's log.
func launch(t *testing.T, o *origin.Origin, stderr *os.File, wrap ...string) *daemon {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "doc"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, address := loopback.Address()
	return begin(t, dir, address, stderr, wrap, "-http", address, "-docroot", filepath.Join(dir, "doc"), "-mirror", "/m/="+o.URL)
}

// begin runs it in dir with these arguments, which have it listen at address, and
// behind what wraps it.
func begin(t *testing.T, dir, address string, stderr *os.File, wrap []string, args ...string) *daemon {
	t.Helper()
	program := filepath.Join(dir, "mirror-fcgi")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, program); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	args = slices.Concat(wrap, []string{program}, args)
	d := &daemon{cmd: exec.Command(args[0], args[1:]...), url: "http://" + address}
	d.cmd.Stderr = &d.log
	if stderr != nil {
		d.cmd.Stderr = stderr
	}
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.cmd.Process.Kill()
		d.cmd.Wait()
		if t.Failed() {
			t.Logf("log:\n%s", &d.log)
		}
	})
	server.Eventually(t, "it listens", func() bool {
		resp, err := http.Get(d.url + "/")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
	return d
}

// TestOutOfDescriptors: a full descriptor table is no reason to end, nor to say
// that a file does not exist.
func TestOutOfDescriptors(t *testing.T) {
	o := origin.New(t)
	for i := range 100 {
		o.Set("/"+strconv.Itoa(i), origin.File{Seed: uint64(i), Size: 1 << 20})
	}
	release := o.HoldAfter(origin.Everywhere, 1<<19)
	d := start(t, o, "prlimit", "--nofile=60:60")
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			resp, err := client.Get(d.url + "/m/" + strconv.Itoa(i))
			if err != nil {
				return // it could not be accepted in time
			}
			defer resp.Body.Close()
			switch resp.StatusCode {
			case http.StatusNotFound:
				t.Error("404 for a file that exists")
			case http.StatusOK:
				if b, err := io.ReadAll(resp.Body); err == nil && !bytes.Equal(b, origin.Bytes(uint64(i), 1<<20)) {
					t.Error("a whole answer with other bytes")
				}
			}
		})
	}
	server.Eventually(t, "it complains", func() bool { return strings.Contains(d.log.String(), "too many open files") })
	release()
	wg.Wait()
	for i := range 100 {
		server.Eventually(t, "everything is to be had again", func() bool {
			resp, err := http.Get(d.url + "/m/" + strconv.Itoa(i))
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			return err == nil && bytes.Equal(b, origin.Bytes(uint64(i), 1<<20))
		})
	}
}

// TestDrain: SIGTERM lets a delivery finish.
func TestDrain(t *testing.T) {
	const size = 4 << 20
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: size})
	release := o.HoldAfter("/a", size/2)
	d := start(t, o)
	resp, err := http.Get(d.url + "/m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := origin.CheckRange(io.LimitReader(resp.Body, size/4), 1, 0, size/4); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	server.Eventually(t, "it drains", func() bool { return strings.Contains(d.log.String(), "draining") })
	release()
	if err := origin.CheckRange(resp.Body, 1, size/4, size-size/4); err != nil {
		t.Error(err)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("its end: %v", err)
	}
}

// end has it drain.
func (d *daemon) end(t *testing.T) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("its end: %v", err)
	}
}

// TestLogReaderLeaves: a daemon outlives whoever reads its log.
func TestLogReaderLeaves(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Body: []byte("content")})
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d := launch(t, o, writer)
	writer.Close()
	reader.Close()
	for range 3 { // each writes a line to the log
		resp, err := http.Get(d.url + "/m/none")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
}

// TestActivation: the socket comes from systemd, or on descriptor 0.
func TestActivation(t *testing.T) {
	for _, how := range []string{"systemd", "stdin"} {
		t.Run(how, func(t *testing.T) {
			o := origin.New(t)
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "doc"), 0o755); err != nil {
				t.Fatal(err)
			}
			config := fmt.Sprintf("docroot = \"doc\"\n[[mirror]]\nprefix = \"/m/\"\nupstream = [%q]\n", o.URL+"/")
			if err := os.WriteFile(filepath.Join(dir, "mirror.toml"), []byte(config), 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			socket, err := l.(*net.TCPListener).File()
			if err != nil {
				t.Fatal(err)
			}
			l.Close()
			defer socket.Close()
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			notify, err := net.ListenPacket("unixgram", filepath.Join(dir, "notify"))
			if err != nil {
				t.Fatal(err)
			}
			defer notify.Close()
			program := filepath.Join(dir, "mirror-fcgi")
			os.Symlink(self, program)
			// The shell has the daemon's process number, which LISTEN_PID needs.
			run := `exec "$0" -config "$1"`
			if how == "systemd" {
				run = `LISTEN_FDS=1 LISTEN_PID=$$ ` + run
			}
			cmd := exec.Command("sh", "-c", run, program, filepath.Join(dir, "mirror.toml"))
			cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(dir, "notify"))
			if how == "systemd" {
				cmd.ExtraFiles = []*os.File{socket}
			} else {
				cmd.Stdin = socket
			}
			var log lockedBuffer
			cmd.Stderr = &log
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			b := make([]byte, 100)
			notify.SetReadDeadline(time.Now().Add(20 * time.Second))
			n, _, err := notify.ReadFrom(b)
			if err != nil || string(b[:n]) != "READY=1" {
				t.Errorf("systemd was told %q, %v", b[:n], err)
			}
			cmd.Process.Signal(syscall.SIGTERM)
			if err := cmd.Wait(); err != nil {
				t.Errorf("its end: %v\n%s", err, &log)
			}
			if !strings.Contains(log.String(), "fastcgi="+l.Addr().String()) {
				t.Errorf("log:\n%s", &log)
			}
		})
	}
}
