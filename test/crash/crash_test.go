// Package crash kills what it can while a herd of clients is served, and then
// looks at every byte.
package crash

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"mirror/internal/origin"
)

var kills = flag.Int("kills", 300, "how many processes TestKill kills")

const (
	files   = 24
	clients = 12
)

// size is that of file i: around every threshold, and a few larger ones.
func size(i int) int64 {
	sizes := []int64{0, 1, 4096, 64 << 10, 64<<10 + 1, 200 << 10, 1 << 20, 3 << 20}
	return sizes[i%len(sizes)]
}

func path(i int) string { return fmt.Sprintf("/d%d/file %d+.deb", i%3, i) }

// TestKill kills daemons, CGI processes and workers with SIGKILL at random
// moments. Whatever a client took for a whole answer, and whatever stands in
// the docroot at any time, has to be the upstream's file.
func TestKill(t *testing.T) {
	o := origin.New(t)
	for i := range files {
		o.Set(path(i), origin.File{Seed: uint64(i), Size: size(i)})
		if i%4 == 3 {
			o.Behave(path(i), origin.Behaviour{Rate: 8 << 20})
		}
	}
	r := &rig{t: t, dir: t.TempDir(), origin: o}
	r.build()
	r.configure()
	for i := range r.daemons {
		r.daemons[i] = r.startDaemon(i)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() { r.client(c, stop) })
	}
	wg.Go(func() { r.sweep(stop) })
	killed := r.kill()
	close(stop)
	wg.Wait()
	t.Logf("%d processes killed; %d whole answers, %d broken ones", killed, r.whole.Load(), r.broken.Load())
	if r.whole.Load() < int64(*kills) {
		t.Errorf("only %d whole answers: nothing was tested", r.whole.Load())
	}
	// Calm: everything is to be had, from either door.
	for i := range files {
		for _, ask := range []func(int) ([]byte, error){r.viaDaemon(0), r.viaDaemon(1), r.viaCGI} {
			b, err := ask(i)
			if err != nil {
				t.Errorf("%s after the storm: %v", path(i), err)
			} else if !bytes.Equal(b, origin.Bytes(uint64(i), size(i))) {
				t.Errorf("%s after the storm: %d bytes that are not the file", path(i), len(b))
			}
		}
	}
	for _, d := range r.daemons {
		d.cmd.Process.Signal(syscall.SIGTERM)
		if err := <-d.done; err != nil {
			t.Errorf("a daemon at its end: %v", err)
		}
	}
	r.until("the workers have ended", func() bool { return len(r.processes()) == 0 })
	r.checkDocroot()
	if t.Failed() {
		for i := range r.daemons {
			b, _ := os.ReadFile(filepath.Join(r.dir, fmt.Sprintf("daemon%d.log", i)))
			t.Logf("daemon %d:\n%s", i, tail(b))
		}
		b, _ := os.ReadFile(filepath.Join(r.dir, ".doc-state/log/worker.log"))
		t.Logf("workers:\n%s", tail(b))
	}
}

func tail(b []byte) []byte { return b[max(0, len(b)-4000):] }

// rig is one docroot with everything that works on it.
type rig struct {
	t       *testing.T
	dir     string
	origin  *origin.Origin
	ports   [2]string
	daemons [2]*daemon

	whole, broken atomic.Int64
}

type daemon struct {
	cmd  *exec.Cmd
	done chan error
}

func (r *rig) bin(name string) string { return filepath.Join(r.dir, "bin", name) }
func (r *rig) docroot() string        { return filepath.Join(r.dir, "doc") }

func (r *rig) build() {
	r.t.Helper()
	cmd := exec.Command("go", "build", "-o", filepath.Join(r.dir, "bin")+"/", "mirror/cmd/mirror-fcgi", "mirror/cmd/mirror-cgi")
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
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			r.t.Fatal(err)
		}
		r.ports[i] = l.Addr().String()
		l.Close()
		conf := fmt.Sprintf("docroot = %q\n[server]\nhttp = %q\ngrace = \"10s\"\n[[mirror]]\nprefix = \"/\"\nupstream = [%q]\n",
			r.docroot(), r.ports[i], r.origin.URL+"/")
		if err := os.WriteFile(filepath.Join(r.dir, fmt.Sprintf("mirror%d.toml", i)), []byte(conf), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) startDaemon(i int) *daemon {
	log, err := os.OpenFile(filepath.Join(r.dir, fmt.Sprintf("daemon%d.log", i)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		r.t.Fatal(err)
	}
	defer log.Close()
	d := &daemon{cmd: exec.Command(r.bin("mirror-fcgi"), "-config", filepath.Join(r.dir, fmt.Sprintf("mirror%d.toml", i))), done: make(chan error, 1)}
	d.cmd.Stderr = log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	go func() { d.done <- d.cmd.Wait() }()
	r.until("the daemon listens", func() bool {
		c, err := net.Dial("tcp", r.ports[i])
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
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
		time.Sleep(5 * time.Millisecond) // between two looks
	}
}

// client asks for random files through random doors. An answer that looks
// whole has to be right; a broken one is what a crash is allowed to be.
func (r *rig) client(seed int, stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(uint64(seed), 1))
	for {
		select {
		case <-stop:
			return
		default:
		}
		i := rnd.IntN(files)
		ask := r.viaCGI
		if seed%3 != 0 {
			ask = r.viaDaemon(seed % 2)
		}
		b, err := ask(i)
		if err != nil {
			r.broken.Add(1)
			continue
		}
		r.whole.Add(1)
		if !bytes.Equal(b, origin.Bytes(uint64(i), size(i))) {
			r.t.Errorf("%s: a whole answer of %d bytes that are not the file", path(i), len(b))
		}
	}
}

// errStatus is an answer that is not the file, which is honest in a storm as
// long as it says so.
func errStatus(status string) error { return errors.New("status " + status) }

func (r *rig) viaDaemon(d int) func(int) ([]byte, error) {
	return func(i int) ([]byte, error) {
		resp, err := http.Get("http://" + r.ports[d] + strings.ReplaceAll(path(i), " ", "%20"))
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			if resp.StatusCode == http.StatusNotFound {
				r.t.Errorf("%s: 404 for a file that the upstream has", path(i))
			}
			return nil, errStatus(resp.Status)
		}
		return io.ReadAll(resp.Body)
	}
}

// viaCGI runs the CGI program as a web server would that can stream.
func (r *rig) viaCGI(i int) ([]byte, error) {
	cmd := exec.Command(r.bin("mirror-cgi"))
	cmd.Env = []string{
		"GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET", "SERVER_PROTOCOL=HTTP/1.1", "MIRROR_STREAM=1",
		"REQUEST_URI=" + strings.ReplaceAll(path(i), " ", "%20"), "MIRROR_CONFIG=" + filepath.Join(r.dir, "mirror0.toml"),
	}
	out, err := cmd.Output()
	head, body, ok := bytes.Cut(out, []byte("\r\n\r\n"))
	if !ok {
		return nil, fmt.Errorf("no header: %w", err)
	}
	length := -1
	for line := range strings.SplitSeq(string(head), "\r\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch strings.ToLower(key) {
		case "status":
			if !strings.HasPrefix(value, "200") {
				if strings.HasPrefix(value, "404") {
					r.t.Errorf("%s: 404 for a file that the upstream has", path(i))
				}
				return nil, errStatus(value)
			}
		case "content-length":
			length, _ = strconv.Atoi(value)
		}
	}
	if length != len(body) { // the web server would break the connection
		return nil, io.ErrUnexpectedEOF
	}
	return body, nil
}

// sweep deletes published files, as an administrator may, so that there is
// always something to fetch. What it finds has to be whole.
func (r *rig) sweep(stop <-chan struct{}) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for {
		select {
		case <-stop:
			return
		default:
		}
		i := rnd.IntN(files)
		name := filepath.Join(r.docroot(), path(i))
		if b, err := os.ReadFile(name); err == nil {
			if !bytes.Equal(b, origin.Bytes(uint64(i), size(i))) {
				r.t.Errorf("%s: %d bytes in the docroot that are not the file", path(i), len(b))
			}
			os.Remove(name)
		}
	}
}

// kill kills a random process again and again; a daemon comes back.
func (r *rig) kill() int {
	rnd := rand.New(rand.NewPCG(3, uint64(time.Now().UnixNano())))
	killed := 0
	deadline := time.Now().Add(3 * time.Minute)
	for killed < *kills && time.Now().Before(deadline) {
		// The moments are what is random here: nothing is waited for.
		time.Sleep(time.Duration(rnd.IntN(60)) * time.Millisecond)
		pids := r.processes()
		if len(pids) == 0 {
			continue
		}
		pid := pids[rnd.IntN(len(pids))]
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			killed++
		}
		for i, d := range r.daemons {
			if d.cmd.Process.Pid == pid {
				<-d.done
				r.daemons[i] = r.startDaemon(i)
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

// checkDocroot compares every file with the upstream's.
func (r *rig) checkDocroot() {
	want := make(map[string]int)
	for i := range files {
		want[path(i)] = i
	}
	seen := 0
	err := filepath.WalkDir(r.docroot(), func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel := strings.TrimPrefix(p, r.docroot())
		i, ok := want[rel]
		if !ok {
			r.t.Errorf("%s does not belong there", rel)
			return nil
		}
		seen++
		b, err := os.ReadFile(p)
		if !bytes.Equal(b, origin.Bytes(uint64(i), size(i))) {
			r.t.Errorf("%s: %d bytes that are not the file", rel, len(b))
		}
		fi, _ := d.Info()
		if fi.Mode() != 0o644 || !fi.ModTime().Equal(origin.Epoch) {
			r.t.Errorf("%s: mode %v, mtime %v", rel, fi.Mode(), fi.ModTime())
		}
		return err
	})
	if err != nil {
		r.t.Error(err)
	}
	if seen != files {
		r.t.Errorf("%d files are published, want %d", seen, files)
	}
}
