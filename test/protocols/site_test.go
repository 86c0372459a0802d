package protocols

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirror"
	"mirror/internal/loopback"
	"mirror/internal/origin"
	"mirror/internal/server"
)

// site is a mirror with its daemon.
type site struct {
	t                           *testing.T
	dir, docroot, state, config string
	log                         string // of the daemon
	addr                        string // where it listens
	socket                      string // for FastCGI
	cmd                         *exec.Cmd
	ended                       chan struct{} // closed when cmd has
}

// settings of every mirror, but for those that a test sets. Times are longer than a
// loaded machine needs.
const settings = `
docroot = %q
[server]
http = %q
fastcgi = "unix:%s"
grace = "1s"
[limits]
queue_time = "20s"
[timeouts]
connect = "5s"
header = "15s"
idle = "15s"
max_wait = "30s"
`

// newSite makes a mirror of one prefix, "/m/", with these upstreams and lines of
// its table, and starts its daemon.
func newSite(t *testing.T, upstreams []string, lines ...string) *site {
	t.Helper()
	s := prepare(t, upstreams, lines...)
	s.start()
	return s
}

// prepare is newSite without the daemon.
func prepare(t *testing.T, upstreams []string, lines ...string) *site {
	t.Helper()
	dir := t.TempDir()
	_, addr := loopback.Address()
	s := &site{
		t: t, addr: addr, dir: dir, socket: filepath.Join(dir, "fcgi.sock"), docroot: filepath.Join(dir, "doc"), state: filepath.Join(dir, ".doc-state"),
		config: filepath.Join(dir, "mirror.toml"), log: filepath.Join(dir, "log"),
	}
	text := fmt.Sprintf(settings, s.docroot, addr, s.socket) + "[[mirror]]\nprefix = \"/m/\"\nzone = \"UTC\"\nupstream = [\n"
	for _, u := range upstreams {
		text += fmt.Sprintf("\t%q,\n", u)
	}
	text += "]\n" + strings.Join(lines, "\n") + "\n"
	err := os.Mkdir(s.docroot, 0o755)
	if err == nil {
		err = os.WriteFile(s.config, []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill(syscall.SIGKILL)
		if t.Failed() {
			said := s.said()
			t.Logf("the mirror said:\n%s", said[max(0, len(said)-2000):])
		}
	})
	return s
}

// set changes a setting, from the next start on.
func (s *site) set(key, value string) {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	line := regexp.MustCompile(`(?m)^` + key + ` = .*$`)
	if err == nil && !line.Match(text) {
		err = fmt.Errorf("no %s is set", key)
	}
	if err == nil {
		err = os.WriteFile(s.config, line.ReplaceAll(text, fmt.Appendf(nil, "%s = %q", key, value)), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// start runs the daemon.
func (s *site) start() {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd, s.ended = exec.Command(program("mirror-fcgi"), "-config", s.config), make(chan struct{})
	s.cmd.Stderr = log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) { cmd.Wait(); close(ended) }(s.cmd, s.ended)
	server.Eventually(s.t, "mirror-fcgi listens", func() bool {
		select {
		case <-s.ended:
			s.t.Fatalf("mirror-fcgi has ended: %v", s.cmd.ProcessState)
		default:
		}
		c, err := net.DialTimeout("tcp", s.addr, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// kill ends the daemon, if one runs, and waits for its end.
func (s *site) kill(signal syscall.Signal) {
	if s.cmd != nil {
		s.cmd.Process.Signal(signal)
		<-s.ended
		s.cmd = nil
	}
}

// said is what was logged, by the daemon or by CGI processes and their workers.
func (s *site) said() string {
	var all []byte
	for _, log := range []string{s.log, filepath.Join(s.state, "log", "worker.log")} {
		text, err := os.ReadFile(log)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.t.Error(err)
		}
		all = append(all, text...)
	}
	return string(all)
}

// lines are those of the log about a path that have all of these texts.
func (s *site) lines(path string, texts ...string) (found []string) {
	for line := range strings.Lines(s.said()) {
		has := strings.Contains(line, "path=/m/"+path+" ") || strings.Contains(line, fmt.Sprintf("path=%q ", "/m/"+path))
		for _, text := range texts {
			has = has && strings.Contains(line, text)
		}
		if has {
			found = append(found, line)
		}
	}
	return found
}

// part is how many bytes the state directory has of unfinished files.
func (s *site) part() (n int64) {
	filepath.WalkDir(filepath.Join(s.state, "part"), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			if fi, err := d.Info(); err == nil {
				n += fi.Size()
			}
		}
		return nil
	})
	return n
}

// answer is what a client got. err is set when the body broke off.
type answer struct {
	status int
	header http.Header
	length int64 // Content-Length, -1 if none
	body   []byte
	err    error
}

// client keeps no connections and follows no redirects.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: 2 * server.Patience},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// open asks for a path of the mirror, whose query is after "?", and returns when
// the header is there. headers are name, value, name, value.
func (s *site) open(ctx context.Context, method, path, query string, headers ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.addr, nil)
	if err != nil {
		return nil, err
	}
	r.URL.Opaque = "/m/" + mirror.Name(path).Escape() + query
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return client.Do(r)
}

// ask sends one request and reads all of its answer.
func (s *site) ask(method, path, query string, headers ...string) answer {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*server.Patience)
	defer cancel()
	response, err := s.open(ctx, method, path, query, headers...)
	if err != nil {
		s.t.Errorf("%s %q: %v", method, path, err)
		return answer{err: err}
	}
	return read(response)
}

func (s *site) get(path string, headers ...string) answer {
	s.t.Helper()
	return s.ask("GET", path, "", headers...)
}

// read takes the rest of an answer.
func read(response *http.Response) answer {
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header, length: response.ContentLength}
	body := bytes.NewBuffer(make([]byte, 0, min(max(0, a.length), 16*mib)+bytes.MinRead)) // which need not grow
	_, a.err = body.ReadFrom(response.Body)
	a.body = body.Bytes()
	return a
}

// whole says what is wrong with an answer that should be all of a file.
func (a answer) whole(n *node) error {
	switch {
	case a.status != http.StatusOK:
		return fmt.Errorf("%q: status %d: %.200q", n.path, a.status, a.body)
	case a.err != nil:
		return fmt.Errorf("%q: %w", n.path, a.err)
	case a.length != n.size:
		return fmt.Errorf("%q: Content-Length %d, not %d", n.path, a.length, n.size)
	case a.header.Get("Last-Modified") != n.mtime.UTC().Format(http.TimeFormat):
		return fmt.Errorf("%q: Last-Modified %s, not %s", n.path, a.header.Get("Last-Modified"), n.mtime)
	}
	if err := origin.Check(bytes.NewReader(a.body), n.seed, n.size); err != nil {
		return fmt.Errorf("%q: %w", n.path, err)
	}
	return nil
}

// wantWhole gets a file.
func (s *site) wantWhole(n *node) {
	s.t.Helper()
	if err := s.get(n.path).whole(n); err != nil {
		s.t.Error(err)
	}
}

// published waits until a file is in the docroot, which is after its delivery.
func (s *site) published(path string) fs.FileInfo {
	s.t.Helper()
	var fi fs.FileInfo
	server.Eventually(s.t, path+" is published", func() bool {
		var err error
		fi, err = os.Lstat(filepath.Join(s.docroot, "m", path))
		return err == nil
	})
	return fi
}

// isPublished reports whether a name is in the docroot now.
func (s *site) isPublished(path string) bool {
	_, err := os.Lstat(filepath.Join(s.docroot, "m", path))
	return err == nil
}

// ctl runs mirrorctl, which has to succeed, and returns what it printed.
func (s *site) ctl(args ...string) string {
	s.t.Helper()
	out, err := s.tryCtl(args...)
	if err != nil {
		s.t.Errorf("mirrorctl %q: %v\n%s", args, err, out)
	}
	return out
}

func (s *site) tryCtl(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*server.Patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, program("mirrorctl"), append([]string{"-config", s.config}, args...)...).CombinedOutput()
	return string(out), err
}

// quiet fails if a secret stands anywhere but in the configuration.
func (s *site) quiet(secret string) {
	s.t.Helper()
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == s.config || !d.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), secret) {
			s.t.Errorf("%s has the password", path)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
}
