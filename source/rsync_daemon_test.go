package source

import (
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mirror"
	"mirror/internal/origin"
)

// rsyncDaemon is a real rsync daemon: each connection that the test accepts is
// handed to a process of its own, as inetd does, through a pipe that can be cut.
type rsyncDaemon struct {
	t    testing.TB
	addr string
	dir  string // of the module "m"
	conf string

	served sync.WaitGroup // connections

	mu    sync.Mutex
	cut   int64             // guarded by mu: bytes after which the next connection is cut; 0: never
	stall int64             // guarded by mu: bytes after which the next connection is silent; 0: never
	count int               // guarded by mu: connections so far
	open  map[net.Conn]bool // guarded by mu
	over  bool              // guarded by mu
}

// newRsyncDaemon starts a daemon; settings are lines of the module's section.
func newRsyncDaemon(t testing.TB, settings ...string) *rsyncDaemon {
	t.Helper()
	dir := t.TempDir()
	d := &rsyncDaemon{t: t, dir: filepath.Join(dir, "m"), conf: filepath.Join(dir, "conf"), open: make(map[net.Conn]bool)}
	if err := os.Mkdir(d.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	global := "use chroot = no\nreverse lookup = no\nlog file = " + filepath.Join(dir, "log") + "\n"
	if os.Getuid() == 0 {
		global += "uid = root\ngid = root\n"
	}
	conf := global + "[m]\npath = " + d.dir + "\n" + strings.Join(settings, "\n") + "\n"
	if err := os.WriteFile(d.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.addr = l.Addr().String()
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			d.served.Go(func() { d.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		d.mu.Lock()
		d.over = true
		for c := range d.open {
			c.Close()
		}
		d.mu.Unlock()
		accepting.Wait()
		if log := d.log(); t.Failed() {
			t.Logf("the daemon's log:\n%s", log)
		}
	})
	return d
}

// track closes c at the end of the test, or reports that it is over.
func (d *rsyncDaemon) track(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open[c] = true
	return !d.over
}

// serve runs one process for one connection.
func (d *rsyncDaemon) serve(client net.Conn) {
	defer client.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		d.t.Error(err)
		return
	}
	inner, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		d.t.Error(err)
		return
	}
	defer inner.Close()
	outer, err := l.Accept()
	l.Close()
	if err != nil {
		d.t.Error(err)
		return
	}
	socket, err := outer.(*net.TCPConn).File()
	outer.Close()
	if err != nil {
		d.t.Error(err)
		return
	}
	cmd := exec.Command("rsync", "--daemon", "--config="+d.conf)
	cmd.Stdin, cmd.Stdout = socket, socket
	if d.track(client) && d.track(inner) {
		if err := cmd.Start(); err != nil {
			d.t.Errorf("rsync: %v (Debian has it in the package rsync)", err)
		}
	}
	socket.Close()
	d.mu.Lock()
	d.count++
	answer := &cutter{r: inner, cut: d.cut, stall: d.stall, left: make(chan struct{})}
	d.cut, d.stall = 0, 0
	d.mu.Unlock()
	var up sync.WaitGroup
	up.Go(func() {
		io.Copy(inner, client)
		close(answer.left)
		inner.(*net.TCPConn).CloseWrite()
	})
	io.Copy(client, answer)
	client.Close()
	inner.Close()
	up.Wait()
	if cmd.Process != nil {
		cmd.Wait() // its status is the connection's fate
	}
}

// cutter is the bytes of a daemon, up to where they are cut or stop.
type cutter struct {
	r          io.Reader
	cut, stall int64
	left       chan struct{} // closed when the client has gone
	n          int64
}

func (c *cutter) Read(p []byte) (int, error) {
	if c.cut > 0 {
		if c.n >= c.cut {
			return 0, io.EOF
		}
		p = p[:min(int64(len(p)), c.cut-c.n)]
	}
	if c.stall > 0 {
		if c.n >= c.stall {
			<-c.left
			return 0, io.EOF
		}
		p = p[:min(int64(len(p)), c.stall-c.n)]
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// source returns the source of the module, with this path below it.
func (d *rsyncDaemon) source(below string, change func(*url.URL, *RsyncOptions)) *Rsync {
	u := &url.URL{Scheme: "rsync", Host: d.addr, Path: "/m/" + below}
	var o RsyncOptions
	if change != nil {
		change(u, &o)
	}
	return NewRsync(u, o)
}

// set puts a file at a path below the module, whatever its name, by a rename.
func (d *rsyncDaemon) set(path string, f origin.File) {
	d.t.Helper()
	body, at := f.Body, f.ModTime
	if body == nil {
		body = origin.Bytes(f.Seed, f.Size)
	}
	if at.IsZero() {
		at = origin.Epoch
	}
	name := filepath.Join(d.dir, path)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(name+".new", body, 0o644); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Chtimes(name+".new", at, at); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		d.t.Fatal(err)
	}
}

// next changes what happens to the next connection.
func (d *rsyncDaemon) next(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

type rsyncUpstream struct {
	*Rsync
	daemon *rsyncDaemon
}

func (u rsyncUpstream) Set(path mirror.Name, f origin.File) { u.daemon.set("base/"+string(path), f) }
func (u rsyncUpstream) Break(_ mirror.Name, n int64)        { u.daemon.next(func() { u.daemon.cut = n }) }

// TestRsync holds Rsync to the contract of Source.
func TestRsync(t *testing.T) {
	testSource(t, func(t *testing.T) upstream {
		d := newRsyncDaemon(t)
		return rsyncUpstream{d.source("base/", nil), d}
	})
}

// connections is how many there were so far.
func (d *rsyncDaemon) connections() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.count
}

// makeReadable lets every user reach the module's files.
func (d *rsyncDaemon) makeReadable() {
	d.t.Helper()
	for dir := d.dir; dir != filepath.Clean(os.TempDir()) && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			d.t.Fatal(err)
		}
	}
}

// log is what the daemon logged, once its connections have ended.
func (d *rsyncDaemon) log() string {
	d.served.Wait()
	log, err := os.ReadFile(filepath.Join(filepath.Dir(d.dir), "log"))
	if err != nil && !os.IsNotExist(err) {
		d.t.Error(err)
	}
	return string(log)
}
