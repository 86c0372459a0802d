package test

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wwwData is the user that serves; nil when the test is not run by root, and
// everything runs as its own user.
func wwwData(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("www-data")
	if err != nil {
		t.Fatalf("the user www-data is missing: %v", err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// own gives a path to the user that serves.
func own(t *testing.T, path string) {
	t.Helper()
	if c := wwwData(t); c != nil {
		if err := os.Lchown(path, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
}

// process is a server that a test has started, with the group it leads.
type process struct {
	cmd  *exec.Cmd
	log  string        // path of what it wrote to stdout and stderr
	done chan struct{} // closed when it has ended
}

// launch starts a server that ends with the site. Its output is shown if a test of
// the site has failed by then.
func (s *site) launch(t *testing.T, as *syscall.Credential, name string, args ...string) *process {
	t.Helper()
	log, err := os.CreateTemp(s.dir, filepath.Base(name)+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p := &process{cmd: exec.Command(name, args...), log: log.Name(), done: make(chan struct{})}
	p.cmd.Dir = s.dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Env = append(os.Environ(), "HOME="+s.dir, "XDG_DATA_HOME="+s.dir, "XDG_CONFIG_HOME="+s.dir)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.cmd.Wait(); close(p.done) }()
	s.life.Cleanup(func() {
		p.stop()
		if s.life.Failed() {
			show(s.life, p.log)
		}
	})
	return p
}

// stop ends a server in the proper way, and its whole group in the other one.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

// show prints the end of a log, less what went well.
func show(t *testing.T, path string) {
	const tail = 2500
	text, err := os.ReadFile(path)
	if err != nil {
		return
	}
	var bad strings.Builder
	for line := range strings.Lines(string(text)) {
		if !strings.Contains(line, "level=INFO") {
			bad.WriteString(line)
		}
	}
	if bad.Len() > 0 {
		t.Logf("%s:\n%s", filepath.Base(path), bad.String()[max(0, bad.Len()-tail):])
	}
}
