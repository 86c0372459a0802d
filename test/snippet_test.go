package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"mirror/config"
	"mirror/internal/loopback"
	"mirror/internal/origin"
	"mirror/internal/server"
	"mirror/snippet"
)

// oddMirrors have patterns of every form: with slashes and without, at the top and
// anywhere, with characters that mean something to some server, and a mirror in
// another that has patterns of its own.
const oddMirrors = `
[[mirror]]
prefix = "/odd/"
upstream = [%[1]q]
mutable = ["a?c", "*.tmp", "dists/*/list", "*/top", "any*", '''we ird+(x)|$#'%%"^~&;=''', "ü*", "*/deep/*", "CaSe", "x.y", "%%41"]
index = "ls/all list"
max_age = "0s"
max_stale = "0s"

[[mirror]]
prefix = "/odd/in (1)/"
upstream = [%[2]q]
mutable = ["dists/x", "*.own"]
immutable = ["old/*", "kept.own"]
max_age = "0s"
max_stale = "0s"

[[mirror]]
prefix = "/fixed/"
upstream = [%[3]q]
mutable = []
max_age = "0s"
max_stale = "0s"
`

// oddNames are near to a pattern, on either side of it.
var oddNames = []string{
	"odd/abc", "odd/d/abc", "odd/d/ac", "odd/d/abbc", "odd/abc.d/x", "odd/d/x.tmp", "odd/x.tmpx", "odd/x.TMP",
	"odd/dists/sid/list", "odd/dists/sid/main/list", "odd/d/dists/sid/list", "odd/dists/list", "odd/top", "odd/d/top", "odd/stop",
	"odd/anything", "odd/any", "odd/many", "odd/d/any+thing%20", `odd/d/we ird+(x)|$#'%"^~&;=`, `odd/d/we ird+(x)|$#'%"^~&;`, "odd/ü", "odd/d/übung",
	"odd/u", "odd/deep/x", "odd/a/deep/b/c", "odd/deeper/x", "odd/CaSe", "odd/case", "odd/CASE", "odd/x.y", "odd/xzy", "odd/%41", "odd/A",
	"odd/ls/all list", "odd/all list", "odd/x/ls/all list", "odd/line\nbreak/any", "odd/any\n", "odd/abc\n",
	"odd/in (1)/abc", "odd/in (1)/dists/x", "odd/in (1)/d/dists/x", "odd/in (1)/x.own", "odd/in (1)/dists/sid/list", "odd/x.own", "odd/in (1)/old/x.own", "odd/in (1)/kept.own", "odd/in (1)/d/kept.own", "odd/in (1)/older/x.own", "odd/in 1/abc",
	"odd/any\xff", "odd/\xff", "fixed/InRelease", "fixed/abc", "debian/dists/InRelease", "debian/dists/inrelease", "debian/pool/xInRelease", "debian/abc",
}

// TestSnippetNames: the web server asks for a name again exactly if the
// configuration calls it mutable, however the name is spelled.
func TestSnippetNames(t *testing.T) {
	for _, f := range fronts {
		for _, base := range []string{"", "/~user/my mirror"} {
			if f.handler == builtin || base != "" && f.handler == spawned {
				continue
			}
			t.Run(f.name+strings.ReplaceAll(base, " ", "_"), func(t *testing.T) {
				t.Parallel()
				snippetNames(t, f, base)
			})
		}
	}
}

func snippetNames(t *testing.T, f front, base string) {
	s := prepare(t, f)
	s.made, s.base = true, base
	up := s.upstream.URL + pub
	s.more = fmt.Sprintf(oddMirrors, up+"/odd/", up+"/odd/in%20(1)/", up+"/fixed/")
	s.begin(t)
	conf, err := config.Load(s.config)
	if err != nil {
		t.Fatal(err)
	}
	one := origin.File{Seed: 60, Size: 3 * kib}
	two := origin.File{Seed: 61, Size: 2 * kib, ModTime: origin.Epoch.Add(time.Hour)}
	spelled := func(name string, escape bool) string {
		if !escape {
			return escapedPath("/" + name)
		}
		var b strings.Builder
		for _, c := range []byte(name) {
			if c == '/' {
				b.WriteString("//")
				continue
			}
			fmt.Fprintf(&b, "%%%02x", c)
		}
		return "/" + b.String()
	}
	names := oddNames
	if strings.HasPrefix(f.name, "lighttpd") { // it refuses control characters, and expressions see UTF-8 only
		names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return strings.Contains(name, "\n") || !utf8.ValidString(name) })
	}
	for _, name := range names {
		s.upstream.Set(pub+"/"+name, one)
	}
	for _, name := range names {
		if err := s.get(t, spelled(name, false)).isWhole(one); err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		s.published(t, "/"+name)
		s.upstream.Set(pub+"/"+name, two)
	}
	// lighttpd remembers for a second what it saw of a file.
	time.Sleep(1100 * time.Millisecond)
	for i, name := range names {
		m, rest, _ := conf.Match(name)
		want := one
		if m.IsMutable(rest) {
			want = two
		}
		for _, escape := range []bool{i%2 == 1, i%2 == 0} {
			err := s.get(t, spelled(name, escape)).isWhole(want)
			for end := time.Now().Add(server.Patience); err != nil && want.Seed == two.Seed && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				err = s.get(t, spelled(name, escape)).isWhole(want) // a slow machine's upstream may have been waited for in vain
			}
			if err != nil {
				t.Errorf("%q (mutable: %v): %v", spelled(name, escape), want.Seed == two.Seed, err)
			}
		}
	}
}

// TestSnippetsAreValid has each server check what is printed for it.
func TestSnippetsAreValid(t *testing.T) {
	const mirrors = "[[mirror]]\nprefix = \"/\"\nupstream = [\"http://one.example/\"]\n" +
		"[[mirror]]\nprefix = \"/a b/c{1}$'%\\\"/\"\nmutable = ['''x $#'%\"''', '*/y?*']\nindex = \"ls-lR.gz\"\nupstream = [\"http://one.example/\"]\n"
	for name, c := range map[string]struct{ docroot, text string }{
		"defaults":     {"mirror", ""},
		"base":         {"mirror", "base = \"/~user/a b/\"\n"},
		"tcp":          {"mirror", "[server]\nfastcgi = \"tcp:0.0.0.0:9000\"\n"},
		"tcp6":         {"mirror", "[server]\nfastcgi = \"tcp:[::]:9000\"\n"},
		"state within": {"a mirror ü", "state = \"a mirror ü/.well-known/x\"\nbase = \"/b/\"\n"},
	} {
		for _, style := range snippet.Styles {
			t.Run(name+"/"+style.Server+"-"+style.Name, func(t *testing.T) {
				dir := t.TempDir()
				if err := os.Mkdir(filepath.Join(dir, c.docroot), 0o755); err != nil {
					t.Fatal(err)
				}
				conf, err := config.Parse([]byte(fmt.Sprintf("docroot = %q\n", c.docroot)+c.text+mirrors), filepath.Join(dir, "mirror.toml"))
				if err != nil {
					t.Fatal(err)
				}
				text, err := style.Text(conf, snippet.DefaultHost)
				if err != nil {
					t.Fatal(err)
				}
				validate(t, dir, style, text)
			})
		}
	}
}

// validate runs a server's own check.
func validate(t *testing.T, dir string, style snippet.Style, text string) {
	t.Helper()
	site, main := filepath.Join(dir, "site.conf"), filepath.Join(dir, "main.conf")
	ip, addr := loopback.Address()
	var cmd *exec.Cmd
	switch style.Server {
	case "nginx":
		text = strings.NewReplacer("listen 80;", "listen "+addr+";", "listen [::]:80;", "").Replace(text)
		writeFile(t, main, fmt.Sprintf("pid %[1]s/pid;\nerror_log stderr;\nevents {}\nhttp {\n\taccess_log off;\n\tinclude %[1]s/site.conf;\n}\n", dir))
		cmd = exec.Command(server.Installed(t, "nginx", "nginx-light"), "-t", "-p", dir, "-c", main)
	case "apache", "htaccess":
		if style.Server == "htaccess" {
			text = fmt.Sprintf("<VirtualHost *:80>\n<Directory %q>\n%s</Directory>\n</VirtualHost>\n", dir, text)
		}
		text = strings.ReplaceAll(text, "/usr/local/bin/mirror-fcgi", filepath.Join(binaries, "mirror-fcgi")) // it has to exist
		writeFile(t, main, fmt.Sprintf(apacheMain, dir, addr, apacheModules(t)))
		cmd = exec.Command(server.Installed(t, "apache2", "apache2"), "-t", "-f", main)
	case "lighttpd":
		writeFile(t, main, fmt.Sprintf("server.modules = ( \"mod_access\", \"mod_indexfile\", \"mod_staticfile\" )\nserver.document-root = %q\nserver.bind = %q\nserver.port = 8080\ninclude \"%s\"\n", dir, ip, site))
		cmd = exec.Command(server.Installed(t, "lighttpd", "lighttpd"), "-tt", "-f", main)
	case "caddy":
		cmd = exec.Command(server.Installed(t, "caddy", "caddy"), "validate", "--adapter", "caddyfile", "--config", site)
		cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	}
	writeFile(t, site, text)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "WARNING") {
		t.Errorf("%v: %s\n%s", err, out, text)
	}
}
