package test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirror/config"
	"mirror/internal/loopback"
	"mirror/internal/origin"
	"mirror/internal/server"
	"mirror/snippet"
)

// pub is where the upstream keeps what is mirrored. It is asked nothing outside.
const pub = "/pub"

// site is one front with all that belongs to it.
type site struct {
	life        *testing.T // the test that the site lives as long as
	front       front
	dir         string // holds everything below; removed at the end
	docroot     string
	state       string
	config      string // mirror.toml
	socket      string // of mirror-fcgi
	frontSocket string // where the front looks for it
	fcgi        string // this site's own copies of the binaries, so that
	cgi         string // their processes can be told from others

	more      string   // of mirror.toml: mirrors of one test
	admins    string   // what an administrator has added to the site's configuration
	allows    string   // the AllowOverride of .htaccess, if it is not what is needed
	made      bool     // the front's configuration is made for this site, else a file of deploy/ is changed
	daemon    *process // mirror-fcgi, where the site starts it
	frontRoot string   // the docroot as the front's configuration says
	base      string   // URL path of the docroot, "" at the top
	ip, addr  string   // where the front listens
	URL       string

	upstream *origin.Origin
}

// mirrorTOML is the configuration of every site. Times are short so that trouble
// is over soon, and yet longer than a loaded machine needs.
const mirrorTOML = `
docroot = %q
state = %q
base = %q

[server]
%s
[timeouts]
connect = "2s"
header = "2s"
idle = "15s"
max_wait = "8s"

[[mirror]]
prefix = "/debian/"
upstream = [%q]
max_age = "0s"
max_stale = "0s"

[[mirror]]
prefix = "/aging/"
upstream = [%q]
max_age = "1s"

[[mirror]]
prefix = "/wait/"
upstream = [%q]
miss = "wait"

[[mirror]]
prefix = "/redirect/"
upstream = [%q]
miss = "redirect"

[[mirror]]
prefix = "/aside/"
upstream = [%q]
mutable = ["InRelease", "*.idx"]
mutable_in = "state"
max_age = "0s"
max_stale = "1h"
`

// newSite starts an upstream and a front.
func newSite(t *testing.T, f front) *site {
	t.Helper()
	s := prepare(t, f)
	s.begin(t)
	return s
}

// prepare makes all of a site but its processes.
func prepare(t *testing.T, f front) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "mirror-"+f.name+"-")
	if err != nil {
		t.Fatal(err)
	}
	// www-data has to get through.
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &site{
		life:    t,
		front:   f,
		dir:     dir,
		docroot: filepath.Join(dir, "mirror"),
		state:   filepath.Join(dir, ".mirror-state"),
		config:  filepath.Join(dir, "mirror.toml"),
		socket:  filepath.Join(dir, "run", "fcgi.sock"),
		fcgi:    filepath.Join(dir, "bin", "mirror-fcgi"),
		cgi:     filepath.Join(dir, "bin", "mirror-cgi"),

		upstream: origin.New(t),
	}
	t.Cleanup(func() {
		s.endHandlers(t)
		os.RemoveAll(dir)
	})
	s.frontRoot, s.frontSocket = s.docroot, s.socket
	s.ip, s.addr = loopback.Address()
	s.URL = "http://" + s.addr
	for path, mode := range map[string]os.FileMode{s.docroot: 0o755, s.state: 0o700, filepath.Dir(s.socket): 0o755, filepath.Dir(s.fcgi): 0o755} {
		if err := os.Mkdir(path, mode); err != nil {
			t.Fatal(err)
		}
		own(t, path)
	}
	copyFile(t, filepath.Join(binaries, "mirror-fcgi"), s.fcgi, 0o755)
	copyFile(t, filepath.Join(binaries, "mirror-cgi"), s.cgi, 0o755)
	s.canaries(t)
	return s
}

// begin configures and starts the front.
func (s *site) begin(t *testing.T) {
	t.Helper()
	var listen string
	switch s.front.handler {
	case daemon:
		listen = fmt.Sprintf("fastcgi = %q\n", "unix:"+s.socket)
	case builtin:
		listen = fmt.Sprintf("http = %q\n", s.addr)
	}
	up := s.upstream.URL + pub
	writeFile(t, s.config, fmt.Sprintf(mirrorTOML, s.docroot, s.state, s.base+"/", listen, up+"/debian/", up+"/aging/", up+"/wait/", up+"/redirect/", up+"/aside/")+s.more)
	own(t, s.config)
	if s.front.handler == daemon || s.front.handler == builtin {
		s.startDaemon(t)
	}
	s.front.start(t, s)
	server.Eventually(t, "the front listens on "+s.addr, func() bool { return dials("tcp", s.addr) })
}

// startDaemon runs mirror-fcgi as the web server's user.
func (s *site) startDaemon(t *testing.T) *process {
	t.Helper()
	p := s.launch(t, wwwData(t), s.fcgi, "-config", s.config)
	s.daemon = p
	network, addr := "unix", s.socket
	if s.front.handler == builtin {
		network, addr = "tcp", s.addr
	}
	server.Eventually(t, "mirror-fcgi listens on "+addr, func() bool {
		select {
		case <-p.done:
			t.Fatalf("mirror-fcgi has ended: %v", p.cmd.ProcessState)
		default:
		}
		return dials(network, addr)
	})
	return p
}

func dials(network, addr string) bool {
	c, err := net.DialTimeout(network, addr, time.Second)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// deploy is a file of deploy/ with this site's paths and addresses instead of the
// documented ones. Each has to occur: else the file says something else by now. What
// is made for the site has most of them already.
func (s *site) deploy(t *testing.T, file string, pairs ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "deploy", file))
	if s.made {
		text, err = s.snippet(t, file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !s.made && !bytes.Contains(text, []byte(pairs[i])) {
			t.Fatalf("deploy/%s does not say %q", file, pairs[i])
		}
		text = bytes.ReplaceAll(text, []byte(pairs[i]), []byte(pairs[i+1]))
	}
	if end := bytes.LastIndexAny(text, "}<"); s.admins != "" && !strings.Contains(file, "htaccess") {
		text = slices.Concat(text[:end], []byte(s.admins), text[end:])
	}
	return string(text)
}

// snippet is what mirrorctl prints for this site where file is what it prints for
// the defaults.
func (s *site) snippet(t *testing.T, file string) ([]byte, error) {
	t.Helper()
	conf, err := config.Load(s.config)
	if err != nil {
		return nil, err
	}
	for _, style := range snippet.Styles {
		if style.File == file {
			text, err := style.Text(conf, snippet.DefaultHost)
			return []byte(text), err
		}
	}
	return nil, fmt.Errorf("no snippet is %s", file)
}

// pids are the processes that run this site's copy of a handler: daemons, CGI
// processes and detached workers, whoever started them.
func (s *site) pids() []int {
	var pids []int
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, link := range links {
		exe, err := os.Readlink(link)
		if err == nil && strings.HasPrefix(exe, s.dir+"/") {
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// endHandlers kills what a front has left behind: workers are detached.
func (s *site) endHandlers(t *testing.T) {
	server.Eventually(t, "all handlers have ended", func() bool {
		pids := s.pids()
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		return len(pids) == 0
	})
}

// frozen runs f while no handler can do anything: the running ones are stopped,
// and none can be started. What works then is the front's own work.
func (s *site) frozen(t *testing.T, f func()) {
	t.Helper()
	handlers := []string{s.fcgi, s.cgi, filepath.Join(s.docroot, "mirror.cgi")}
	mode := func(m os.FileMode) {
		for _, path := range handlers {
			if err := os.Chmod(path, m); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
	}
	send := func(signal syscall.Signal) {
		for _, pid := range s.pids() {
			syscall.Kill(pid, signal)
		}
	}
	mode(0o644)
	send(syscall.SIGSTOP)
	defer func() {
		send(syscall.SIGCONT)
		mode(0o755)
	}()
	f()
}

// published waits until a file is in the docroot, which is after its delivery.
func (s *site) published(t *testing.T, path string) os.FileInfo {
	t.Helper()
	var info os.FileInfo
	server.Eventually(t, path+" is published", func() (ok bool) {
		var err error
		info, err = os.Lstat(filepath.Join(s.docroot, path))
		return err == nil
	})
	return info
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// copyFile copies a program. No process may be started meanwhile: it would inherit
// the file, open for writing, and for that moment nobody could run it.
func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	syscall.ForkLock.RLock()
	err = os.WriteFile(to, data, mode)
	syscall.ForkLock.RUnlock()
	if err != nil {
		t.Fatal(err)
	}
	own(t, to)
}
