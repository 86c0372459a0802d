package crash

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mirror/internal/loopback"
	"mirror/internal/origin"
)

// rig is one docroot with everything that works on it.
type rig struct {
	t       *testing.T
	dir     string
	files   []*file
	up      *upstreams
	suites  []*suite
	tree    *tree
	ports   [2]string
	daemons [2]*daemon
	boot    string // a file that is the kernel's name of this boot to the programs; "": it is as it is

	broken atomic.Int64
}

type daemon struct {
	cmd  *exec.Cmd
	done chan error
}

// newRig makes one below dir, with its upstreams and programs; no daemon runs yet.
func newRig(t *testing.T, dir string) *rig {
	t.Helper()
	r := &rig{t: t, dir: dir, files: archive(), up: &upstreams{origin.New(t), origin.New(t)}}
	r.up.serve(r.files)
	r.suites = r.newSuites()
	r.tree = r.newTree()
	r.build()
	r.configure()
	return r
}

func (r *rig) bin(name string) string { return filepath.Join(r.dir, "bin", name) }

// command is one of our programs.
func (r *rig) command(name string, args ...string) *exec.Cmd {
	if r.boot == "" {
		return exec.Command(r.bin(name), args...)
	}
	const boot = `mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"`
	return exec.Command("unshare", append([]string{"--mount", "sh", "-c", boot, r.boot, r.bin(name)}, args...)...)
}

func (r *rig) docroot() string   { return filepath.Join(r.dir, "doc") }
func (r *rig) aside() string     { return filepath.Join(r.dir, ".doc-state/mutable") }
func (r *rig) conf(i int) string { return filepath.Join(r.dir, fmt.Sprintf("mirror%d.toml", i)) }
func (r *rig) log(i int) string  { return filepath.Join(r.dir, fmt.Sprintf("daemon%d.log", i)) }

func (r *rig) build() {
	r.t.Helper()
	cmd := exec.Command("go", "build", "-o", filepath.Join(r.dir, "bin")+"/", "mirror/cmd/mirror-fcgi", "mirror/cmd/mirror-cgi", "mirror/cmd/mirrorctl")
	if out, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("building: %v\n%s", err, out)
	}
}

// configure writes one configuration for each daemon; they share all but the
// port. The CGI processes use the first.
func (r *rig) configure() {
	r.t.Helper()
	if err := os.Mkdir(r.docroot(), 0o755); err != nil {
		r.t.Fatal(err)
	}
	for i := range r.ports {
		_, r.ports[i] = loopback.Address()
		text := fmt.Sprintf(`docroot = %q
[server]
http = %q
grace = "10s"
[[mirror]]
prefix = "/"
upstream = [%q, %q]
mutable = ["Index *"]
max_age = "100ms"
max_stale = "300ms"
[[mirror]]
prefix = "/aside/"
upstream = [%q, %q]
mutable = ["Index *"]
mutable_in = "state"
max_age = "100ms"
max_stale = "300ms"
`, r.docroot(), r.ports[i], r.up[0].URL+"/", r.up[1].URL+"/", r.up[0].URL+"/aside/", r.up[1].URL+"/aside/")
		text += fmt.Sprintf("[[mirror]]\nprefix = %q\nupstream = [%q]\n", treePrefix, "file://"+r.tree.dir+"/")
		for _, s := range r.suites {
			text += fmt.Sprintf("[[mirror]]\nprefix = %q\nupstream = [%q]\nmax_age = \"100ms\"\nmax_stale = \"300ms\"\nnegative_ttl = \"0s\"\n", s.prefix, s.o.URL+s.prefix)
			if s.aside {
				text += "mutable_in = \"state\"\n"
			}
		}
		if err := os.WriteFile(r.conf(i), []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
}

// startDaemons starts those that do not run.
func (r *rig) startDaemons() {
	r.t.Helper()
	for i, d := range r.daemons {
		if d == nil {
			r.daemons[i] = r.startDaemon(i)
		}
	}
	for i := range r.daemons {
		r.until("the daemon listens", func() bool {
			c, err := net.Dial("tcp", r.ports[i])
			if err != nil {
				return false
			}
			c.Close()
			return true
		})
	}
}

func (r *rig) startDaemon(i int) *daemon {
	r.t.Helper()
	log, err := os.OpenFile(r.log(i), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	d := &daemon{cmd: r.command("mirror-fcgi", "-config", r.conf(i)), done: make(chan error, 1)}
	d.cmd.Stderr = log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() { d.done <- d.cmd.Wait() }()
	return d
}

// until waits for ok, with a bound.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain until %s", what)
		}
		time.Sleep(2 * time.Millisecond) // between two looks
	}
}

// kill kills these processes, and counts those that were there.
func (r *rig) kill(pids ...int) (killed int) {
	for _, pid := range pids {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
	}
	for i, d := range r.daemons {
		for _, pid := range pids {
			if d != nil && d.cmd.Process.Pid == pid {
				<-d.done
				r.daemons[i], d = nil, nil
			}
		}
	}
	return killed
}

// processes lists the running programs of this rig.
func (r *rig) processes() (pids []int) {
	list, _ := os.ReadDir("/proc")
	for _, e := range list {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if exe, err := os.Readlink("/proc/" + e.Name() + "/exe"); err == nil && strings.HasPrefix(exe, filepath.Join(r.dir, "bin")+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// place is the tree in which a file stands.
func (r *rig) place(f *file) string {
	if f.kind == aside || f.kind == inSuiteAside {
		return r.aside()
	}
	return r.docroot()
}

// checkTree compares every file that stands in a tree with the upstreams', and returns
// the paths of all.
func (r *rig) checkTree(tree string) (here map[string]bool) {
	here = make(map[string]bool)
	known := make(map[string]*file)
	for _, f := range r.everyFile() {
		if r.place(f) == tree {
			known[f.path] = f
		}
	}
	err := filepath.WalkDir(tree, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		path := strings.TrimPrefix(p, tree)
		if strings.HasPrefix(path, treePrefix) { // checkSynced looks at it
			return nil
		}
		here[path] = true
		f := known[path]
		if f == nil {
			r.t.Errorf("%s does not belong there", path)
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		if wrong := f.check(b, fi); wrong != "" {
			r.t.Errorf("%s: %s", path, wrong)
		}
		return nil
	})
	if err != nil {
		r.t.Error(err)
	}
	return here
}

// everyFile lists all that clients may have asked for.
func (r *rig) everyFile() []*file {
	list := slices.Clone(r.files)
	for _, s := range r.suites {
		list = append(list, s.all()...)
	}
	return list
}

// tellLogs shows the ends of all logs.
func (r *rig) tellLogs() {
	for _, path := range []string{r.log(0), r.log(1), filepath.Join(r.dir, ".doc-state/log/worker.log")} {
		b, _ := os.ReadFile(path)
		r.t.Logf("%s:\n%s", filepath.Base(path), b[max(0, len(b)-4000):])
	}
}
