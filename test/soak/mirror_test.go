package soak

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror/internal/server"
)

// site is a mirror with one prefix, "/r/".
type site struct {
	t               *testing.T
	docroot, socket string
	log             string
	url             string // of the mirrored archive
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
	docroot := filepath.Join(t.TempDir(), "doc")
	if err := os.Mkdir(docroot, 0o755); err != nil {
		t.Fatal(err)
	}
	daemon := server.New(t, docroot)
	s := &site{t: t, docroot: docroot, socket: filepath.Join(daemon.Dir, "sock"), log: filepath.Join(daemon.Dir, "log"), url: "http://" + daemon.Addr + "/r"}
	var quoted []string
	for _, u := range upstreams {
		quoted = append(quoted, fmt.Sprintf("%q", u+"/"))
	}
	text := fmt.Sprintf(settings, docroot, daemon.Addr, s.socket, strings.Join(quoted, ", ")) + strings.Join(lines, "\n") + "\n"
	daemon.Run(filepath.Join(work, "bin", "mirror-fcgi"), "-config", daemon.Write("mirror.toml", text, 0o644))
	return s
}

// behindNginx puts nginx, with the file that users copy, in front of the mirror. It
// returns the URL of the mirrored archive there.
func (s *site) behindNginx() string {
	s.t.Helper()
	front := server.New(s.t, s.docroot)
	front.NginxOf(server.Deployed(s.t, "../../deploy/nginx/try-files.conf", map[string]string{
		"listen 80;": "listen " + front.Addr + ";", "listen [::]:80;": "", "/srv/mirror": s.docroot, "/run/mirror/fcgi.sock": s.socket,
	}))
	return "http://" + front.Addr + "/r"
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
