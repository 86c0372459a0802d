package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// TestWorkerSurvives: a web server may kill the CGI process and its whole
// process group; the fetch goes on, by the connection that was made for it.
func TestWorkerSurvives(t *testing.T) {
	const size = 2 << 20
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: size})
	release := o.HoldAfter("/a", size/2)
	s := newSite(t, o)
	inherited, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer inherited.Close()
	cmd := s.request(theirs)
	theirs.Close()
	s.until("the worker runs", func() bool { return s.worker() != "" })
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	sockets := 0
	links, _ := filepath.Glob(s.worker() + "/fd/*")
	for _, fd := range links {
		to, _ := os.Readlink(fd)
		if strings.HasPrefix(to, "pipe:") {
			t.Errorf("the worker has %s, which is somebody else's", to)
		}
		if strings.HasPrefix(to, "socket:") {
			sockets++
		}
	}
	if sockets > 1 {
		t.Errorf("the worker has %d connections, want 1", sockets)
	}
	release()
	s.until("the worker ends", func() bool { return s.worker() == "" })
	s.wantPublished(origin.Bytes(1, size))
	s.wantLogged(size)
	if n, sent := o.Count("/a", ""), o.Sent("/a"); n != 1 || sent != size {
		t.Errorf("%d requests and %d bytes, want 1 and %d", n, sent, size)
	}
}

// TestSignalsWait: the process of a small file ends its fetch first, although the web
// server wants it to go. When it is killed, the next one begins anew.
func TestSignalsWait(t *testing.T) {
	for _, test := range []struct {
		signal syscall.Signal
		gets   int
	}{{syscall.SIGTERM, 1}, {syscall.SIGHUP, 1}, {syscall.SIGPIPE, 1}, {syscall.SIGKILL, 2}} {
		t.Run(test.signal.String(), func(t *testing.T) {
			o := origin.New(t)
			o.Set("/a", origin.File{Seed: 2, Size: 4096})
			release := o.Hold("/a")
			s := newSite(t, o)
			cmd := s.request()
			o.Await("/a", 1)
			if err := cmd.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			if test.signal == syscall.SIGKILL {
				cmd.Wait()
			}
			release()
			cmd.Wait()
			if test.signal == syscall.SIGKILL {
				if _, err := os.Stat(filepath.Join(s.dir, "doc/m/a")); err == nil {
					t.Error("it is published, and nobody was there to do so")
				}
				if err := s.request().Wait(); err != nil {
					t.Fatal(err)
				}
			}
			s.until("no worker is left", func() bool { return s.worker() == "" })
			s.wantPublished(origin.Bytes(2, 4096))
			if n := o.Count("/a", ""); n != test.gets {
				t.Errorf("%d requests, want %d", n, test.gets)
			}
		})
	}
}

// TestSignalHandsOver: an upstream that is slow is waited for by a worker, also when the
// web server wants the process to go before there is one.
func TestSignalHandsOver(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 4, Size: 4096})
	release := o.Hold("/a")
	s := newSite(t, o)
	cmd := s.request()
	o.Await("/a", 1)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if s.worker() == "" {
		t.Error("there is no worker")
	}
	release()
	s.until("the worker ends", func() bool { return s.worker() == "" })
	s.wantPublished(origin.Bytes(4, 4096))
	if n := o.Count("/a", ""); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestHerd: of 50 processes that miss one file, one asks for it.
func TestHerd(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 3, Size: 4096})
	release := o.Hold("/a")
	s := newSite(t, o)
	var all []*exec.Cmd
	for range 50 {
		all = append(all, s.request())
	}
	o.Await("/a", 1)
	release()
	for _, cmd := range all {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		if _, body, _ := bytes.Cut(cmd.Stdout.(*bytes.Buffer).Bytes(), []byte("\r\n\r\n")); !bytes.Equal(body, origin.Bytes(3, 4096)) {
			t.Errorf("the client got %d bytes, which are not the file's", len(body))
		}
	}
	s.until("no worker is left", func() bool { return s.worker() == "" })
	if n := o.Count("/a", ""); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
	s.wantLogged(4096)
}

// site is a directory with the program, its configuration and a docroot.
type site struct {
	t       *testing.T
	dir     string
	program string
}

func newSite(t *testing.T, o *origin.Origin) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, dir: dir, program: filepath.Join(dir, "mirror-cgi")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("docroot = \"doc\"\n[[mirror]]\nprefix = \"/m/\"\nupstream = [%q]\n", o.URL+"/")
	for _, err := range []error{
		os.Symlink(self, s.program), // testscript.Main goes by the name
		os.Mkdir(filepath.Join(dir, "doc"), 0o755),
		os.WriteFile(filepath.Join(dir, "mirror.toml"), []byte(config), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// request starts a process that is asked for /m/a, and has files beside those of CGI.
func (s *site) request(files ...*os.File) *exec.Cmd {
	s.t.Helper()
	cmd := exec.Command(s.program)
	cmd.Env = []string{"GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET", "REQUEST_URI=/m/a", "MIRROR_STREAM=1",
		"MIRROR_CONFIG=" + filepath.Join(s.dir, "mirror.toml"), "GORACE=atexit_sleep_ms=0"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.ExtraFiles, cmd.Stdout = files, new(bytes.Buffer)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	return cmd
}

func (s *site) until(what string, ok func() bool) {
	s.t.Helper()
	server.Eventually(s.t, what, ok)
}

// wantLogged: each fetch has one line in the log, of its end. Who looked before the file
// was there, and had the lock after, has one that says so.
func (s *site) wantLogged(size int) {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, ".doc-state/log/worker.log"))
	line := `msg="fetch: published" path=/m/a `
	if n := strings.Count(string(b), "fetch: ") - strings.Count(string(b), `"fetch: here already" path=/m/a `); err != nil || n != 1 || !strings.Contains(string(b), line) || !strings.Contains(string(b), fmt.Sprintf("bytes=%d\n", size)) {
		s.t.Errorf("%v; the log, where one line should say that it is published:\n%s", err, b)
	}
}

func (s *site) wantPublished(want []byte) {
	s.t.Helper()
	if b, err := os.ReadFile(filepath.Join(s.dir, "doc/m/a")); err != nil || !bytes.Equal(b, want) {
		s.t.Errorf("published: %d bytes, %v", len(b), err)
	}
}

// worker is the directory below /proc of a worker for the configuration; "": none runs.
func (s *site) worker() string {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range list {
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(workerFlag+"\x00"+s.dir+"/")) {
			return filepath.Dir(path)
		}
	}
	return ""
}
