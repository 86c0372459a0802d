package soak

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror/internal/loopback"
)

// site is a mirror with one prefix, "/r/".
type site struct {
	t                    *testing.T
	dir, docroot, socket string
	log                  string
	url                  string // of the mirrored archive
}

// settings of every mirror. All that may change is asked for again each time.
const settings = `
docroot = %q
[server]
http = %q
fastcgi = "unix:%s"
fastcgi_mode = "0666"
grace = "1s"
[limits]
queue_time = "20s"
[[mirror]]
prefix = "/r/"
upstream = [%s]
max_age = "0s"
profile = "auto"
`

// signed has indexes refused that the archives' key has not signed.
func signed() string { return fmt.Sprintf("keyring = %q", publicKey()) }

// unsigned is what is done about signatures without a keyring.
const unsigned = ""

// newSite starts a mirror of these upstreams, with lines of its [[mirror]] table.
func newSite(t *testing.T, upstreams []string, lines ...string) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{t: t, dir: dir, docroot: filepath.Join(dir, "doc"), socket: filepath.Join(dir, "sock"), log: filepath.Join(dir, "log")}
	_, addr := loopback.Address()
	s.url = "http://" + addr + "/r"
	var quoted []string
	for _, u := range upstreams {
		quoted = append(quoted, fmt.Sprintf("%q", u+"/"))
	}
	config := filepath.Join(dir, "mirror.toml")
	write(t, config, fmt.Sprintf(settings, s.docroot, addr, s.socket, strings.Join(quoted, ", "))+strings.Join(lines, "\n")+"\n")
	if err := os.Mkdir(s.docroot, 0o755); err != nil {
		t.Fatal(err)
	}
	start(t, dir, addr, s.log, filepath.Join(work, "bin", "mirror-fcgi"), "-config", config)
	return s
}

// behindNginx puts nginx, with the file that users copy, in front of the mirror. It
// returns the URL of the mirrored archive there.
func (s *site) behindNginx() string {
	s.t.Helper()
	text, err := os.ReadFile("../../deploy/nginx/try-files.conf")
	if err != nil {
		s.t.Fatal(err)
	}
	_, addr := loopback.Address()
	for documented, here := range map[string]string{
		"listen 80;": "listen " + addr + ";", "listen [::]:80;": "", "/srv/mirror": s.docroot, "/run/mirror/fcgi.sock": s.socket,
	} {
		if !bytes.Contains(text, []byte(documented)) {
			s.t.Fatalf("deploy/nginx/try-files.conf does not say %q", documented)
		}
		text = bytes.ReplaceAll(text, []byte(documented), []byte(here))
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;" // the site is the test's own
	}
	dir := s.t.TempDir()
	write(s.t, dir+"/conf", fmt.Sprintf(`
%[1]s
worker_processes 1;
pid %[2]s/pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[2]s/body;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	%[3]s
}
`, user, dir, text))
	start(s.t, dir, addr, dir+"/log", installed(s.t, "nginx", "nginx-light"), "-p", dir, "-g", "daemon off;", "-c", dir+"/conf")
	return "http://" + addr + "/r"
}

// logged is how much the mirror has logged by now.
func (s *site) logged() int64 {
	fi, err := os.Stat(s.log)
	if err != nil {
		s.t.Error(err)
		return 0
	}
	return fi.Size()
}

// since is what the mirror has logged after that.
func (s *site) since(from int64) string {
	f, err := os.Open(s.log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, from, 1<<20))
	if err != nil {
		return err.Error()
	}
	return string(text)
}
