// Package server runs real servers of Debian for tests: each a process of its own, at
// a loopback address of its own, which serves one directory until the test ends.
package server

import (
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirror/internal/loopback"
)

// User and Password are who may read, of servers that know users.
const (
	User     = "user"
	Password = "secret"

	// hashed is Password as crypt(3) has it.
	hashed = "$5$mirrortest$GofYvxagh6B6FmBYq1CE4REMkEDkRiKee3YTT6As8V."
)

// Server is one server. It is used by one goroutine: New, then one of the methods that
// start a program.
type Server struct {
	Dir  string // its own: configuration and log
	Root string // what it serves
	IP   string // its own
	Port string
	Addr string // IP:Port

	t    testing.TB
	stop func() // set by Run
}

// New prepares a server of the directory root, which is stopped when the test ends. root
// and the directories above it become readable to all, since servers become users of
// their own.
func New(t testing.TB, root string) *Server {
	t.Helper()
	s := &Server{t: t, Dir: t.TempDir(), Root: root, Port: strconv.Itoa(loopback.Port)}
	s.IP, s.Addr = loopback.Address()
	for _, dir := range []string{s.Dir, root} {
		for ; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// Write puts a text into the server's directory, and returns its path.
func (s *Server) Write(name, text string, mode os.FileMode) string {
	s.t.Helper()
	name = filepath.Join(s.Dir, name)
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// Run starts a program in the foreground, and waits until it listens. What it says
// is shown if the test fails.
func (s *Server) Run(program string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C", libraries(program))
	// Its sessions are processes of their own.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(filepath.Join(s.Dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	s.stop = func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	}
	s.t.Cleanup(func() {
		s.stop()
		if said, err := os.ReadFile(log.Name()); err == nil && s.t.Failed() {
			s.t.Logf("%s said:\n%s", filepath.Base(program), said[max(0, len(said)-2000):])
		}
	})
	Eventually(s.t, program+" listens", func() bool {
		select {
		case <-ended:
			s.t.Fatalf("%s has ended: %v", program, cmd.ProcessState)
		default:
		}
		conn, err := net.DialTimeout("tcp", s.Addr, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

// Stop ends a running server, with its sessions, at once.
func (s *Server) Stop() { s.stop() }

// Installed finds a program that Debian has in a package.
func Installed(t testing.TB, program, debianPackage string) string {
	t.Helper()
	// Servers are in sbin, which is not in every user's PATH.
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: install the Debian package %s", program, debianPackage)
	return ""
}

// Patience is how long a condition is waited for. Only failing tests wait as long.
const Patience = 15 * time.Second

// Eventually polls until ok or Patience is over, which ends the test.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", Patience, what)
		}
	}
}

// nobody is the user that serves; root's servers do not serve as root.
func nobody() int {
	if os.Geteuid() == 0 {
		return 65534
	}
	return os.Geteuid()
}

func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid)
	}
	return u.Username
}

// asRoot returns directives if we are root, else nothing.
func asRoot(directives string) string {
	if os.Geteuid() == 0 {
		return directives
	}
	return ""
}

// libraries is the environment by which a program that was only unpacked finds the
// libraries that were unpacked with it.
func libraries(program string) string {
	root, _, found := strings.Cut(program, "/usr/")
	if !found || root == "" {
		return "LD_LIBRARY_PATH="
	}
	dirs, _ := filepath.Glob(root + "/usr/lib/*-linux-*")
	more, _ := filepath.Glob(root + "/lib/*-linux-*")
	return "LD_LIBRARY_PATH=" + strings.Join(append(dirs, more...), ":")
}
