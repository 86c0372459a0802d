package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// typical is a configuration as an administrator writes it.
const typical = `
docroot = "/srv/mirror"

[server]
fastcgi = "unix:/run/mirror/fcgi.sock"
http    = "127.0.0.1:8080"
fastcgi_mode = "0660"

[limits]
max_size = "64MiB"
fetches  = 32

[[mirror]]
prefix   = "/debian/"
upstream = ["http://one.example/debian/", "http://two.example/debian"]
miss     = "wait"
mutable  = ["*/InRelease", "*.db"]

[[mirror]]
prefix   = "/debian/security/"
upstream = ["https://user:secret@Ftp.Example.org:8443/security/"]
negative_ttl = "5m"
refuse_html = []
keep_going = false
`

func parse(t *testing.T, text string) *Config {
	t.Helper()
	c, err := Parse([]byte(text), "/etc/mirror/mirror.toml")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTypical(t *testing.T) {
	c := parse(t, typical)
	if c.Docroot != "/srv/mirror" || c.State != "/srv/.mirror-state" || c.Base != "/" {
		t.Errorf("directories: %q %q %q", c.Docroot, c.State, c.Base)
	}
	if c.Server.FastCGI != (Listen{"unix", "/run/mirror/fcgi.sock"}) || c.Server.FastCGIMode != 0o660 {
		t.Errorf("server: %+v", c.Server)
	}
	if c.Limits.MaxSize != 64<<20 || c.Limits.Fetches != 32 || c.Limits.PerUpstream != 16 {
		t.Errorf("limits: %+v", c.Limits)
	}
	security, debian := &c.Mirrors[0], &c.Mirrors[1] // the longest prefix first
	if debian.Prefix != "debian/" || debian.Miss != MissWait || !debian.KeepGoing || len(debian.RefuseHTML) == 0 {
		t.Errorf("debian: %+v", debian)
	}
	if got := debian.Upstream[1].String(); got != "http://two.example/debian/" {
		t.Errorf("second upstream: %s", got)
	}
	if security.NegativeTTL != 5*time.Minute || security.RefuseHTML == nil || len(security.RefuseHTML) > 0 || security.KeepGoing {
		t.Errorf("security: %+v", security)
	}
	hosts := c.UpstreamHosts()
	for _, host := range []string{"one.example:80", "two.example:80", "ftp.example.org:8443"} {
		if !hosts[host] || len(hosts) != 3 {
			t.Errorf("upstream hosts lack %s: %v", host, hosts)
		}
	}
}

func TestMatch(t *testing.T) {
	c := parse(t, typical)
	for _, test := range []struct {
		name, prefix, rest string
		ok                 bool
	}{
		{"debian/pool/x.deb", "debian/", "pool/x.deb", true},
		{"debian/security/x", "debian/security/", "x", true},
		{"debian/security", "debian/", "security", true},
		{"debian/", "debian/", "", true},
		{"debian", "", "", false},
		{"debianx/y", "", "", false},
		{"", "", "", false},
	} {
		m, rest, ok := c.Match(test.name)
		if ok != test.ok || rest != test.rest || ok && m.Prefix != test.prefix {
			t.Errorf("Match(%q) = %v, %q, %v", test.name, m, rest, ok)
		}
	}
	all := parse(t, "docroot='/srv/mirror'\n[[mirror]]\nprefix='/'\nupstream=['http://one.example']")
	if _, rest, ok := all.Match("a/b"); !ok || rest != "a/b" {
		t.Errorf("a prefix of / does not match everything: %q %v", rest, ok)
	}
	if n := testing.AllocsPerRun(100, func() { c.Match("debian/pool/x.deb") }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
}

func TestRedacted(t *testing.T) {
	u := parse(t, typical).Mirrors[0].Upstream[0]
	if got := Redacted(u); got != "https://ftp.example.org:8443/security/" {
		t.Errorf("Redacted = %q", got)
	}
	if u.User == nil {
		t.Error("Redacted changed its argument")
	}
	if Redacted(nil) != "" {
		t.Error("Redacted(nil) is not empty")
	}
}

// TestDirectories pins what relative paths are taken from, and where the state
// may lie.
func TestDirectories(t *testing.T) {
	const mirror = "\n[[mirror]]\nprefix='/'\nupstream=['http://one.example/']"
	for _, test := range []struct{ text, docroot, state string }{
		{`docroot = "."`, "/etc/mirror", "/etc/.mirror-state"},
		{`docroot = "../www/pub/"`, "/etc/www/pub", "/etc/www/.pub-state"},
		{"docroot = '/srv/m'\nstate = 'state'", "/srv/m", "/etc/mirror/state"},
		{"docroot = '/srv/m'\nstate = '/srv/m/.state'", "/srv/m", "/srv/m/.state"},
		{"docroot = '/srv/m'\nstate = '/srv/m/a/.b/c'", "/srv/m", "/srv/m/a/.b/c"},
		{"docroot = '/srv/m'\nstate = '/srv/mm'", "/srv/m", "/srv/mm"},
	} {
		c := parse(t, test.text+mirror)
		if c.Docroot != test.docroot || c.State != test.state {
			t.Errorf("%s: docroot %q, state %q", test.text, c.Docroot, c.State)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "mirror.toml")
	text := byteOrderMark + strings.Replace(typical, "/srv/mirror", "pub", 1)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "pub"); c.Docroot != want {
		t.Errorf("docroot %q, want %q", c.Docroot, want)
	}
}

// TestServer pins the values that typical does not have.
func TestServer(t *testing.T) {
	const mirror = "\n[[mirror]]\nprefix='/'\nupstream=['https://[2001:DB8::1]/a%2Fb']"
	for text, want := range map[string]Server{
		"fastcgi = 'unix:run/s'\nfastcgi_group = 33": {FastCGI: Listen{"unix", "/etc/mirror/run/s"}, FastCGIGroup: "33"},
		"fastcgi = 'tcp:[::1]:9000'":                 {FastCGI: Listen{"tcp", "[::1]:9000"}},
		"http = ':0'":                                {HTTP: ":0"},
		"handover = 'accel:/_mirror_ready'":          {Handover: "accel:/_mirror_ready"},
		"handover = 'none'\nstream = true":           {Handover: HandoverNone, Stream: StreamAlways},
		"stream = false":                             {Stream: StreamNever},
	} {
		want.FastCGIMode, want.Grace = defaultFastCGIMode, defaultGrace
		c := parse(t, "docroot = '.'\n[server]\n"+text+mirror)
		if c.Server != want {
			t.Errorf("%s\ngot  %+v\nwant %+v", text, c.Server, want)
		}
		u := c.Mirrors[0].Upstream[0]
		if u.String() != "https://[2001:db8::1]/a%2Fb/" || HostPort(u) != "[2001:db8::1]:443" {
			t.Errorf("upstream %s of %s", u, HostPort(u))
		}
	}
}
