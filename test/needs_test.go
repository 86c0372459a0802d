package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mirror/internal/loopback"
	"mirror/internal/origin"
	"mirror/internal/server"
	"mirror/snippet"
)

// TestAllowOverride: what .htaccess is said to need is enough, and nothing of it can be
// left out: then all is 500, and the log says why.
func TestAllowOverride(t *testing.T) {
	for _, f := range fronts {
		if !strings.HasPrefix(f.name, "apache-htaccess") {
			continue
		}
		readme, err := os.ReadFile("../README.md")
		if err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile("../deploy/" + strings.Replace(f.name, "apache-", "apache/", 1))
		if err != nil {
			t.Fatal(err)
		}
		for where, text := range map[string]string{"the README": string(readme), "the file": string(file)} {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), "AllowOverride "+needed) {
				t.Errorf("%s does not say %q", where, needed)
			}
		}
		all := strings.Fields(needed)
		for i := range all {
			allowed := slices.Delete(slices.Clone(all), i, i+1)
			t.Run(f.name+"/"+strings.Join(allowed, ","), func(t *testing.T) {
				t.Parallel()
				s := prepare(t, f)
				s.allows = strings.Join(allowed, " ")
				s.begin(t)
				if a := s.ask(t, "GET", s.offer("/debian/a.deb", origin.File{Size: kib})); a.status != 500 {
					t.Errorf("%d", a.status)
				}
				log, err := os.ReadFile(filepath.Join(s.dir, "apache-error.log"))
				if err != nil || !strings.Contains(string(log), "not allowed") {
					t.Errorf("the log says %q (%v)", log, err)
				}
			})
		}
	}
}

// debianModules are those that Debian's apache2 has enabled.
const debianModules = `mpm_event access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user
	autoindex deflate dir env filter mime negotiation reqtimeout setenvif status`

// TestModules: with the modules that a file names, and Debian's own, it is valid; without
// any one of them it is not, but for xsendfile, which is asked for where it is, and cgid,
// whose only sign is the name of a handler.
func TestModules(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, style := range snippet.Styles {
		if style.Server != "apache" {
			continue
		}
		text, err := os.ReadFile("../deploy/" + style.File)
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(text[strings.Index(string(text), "a2enmod"):]), "\n")
		line, _, _ = strings.Cut(line, "    ")
		if !strings.Contains(string(readme), line+"\n") && !strings.Contains(string(readme), "`"+line+"`") {
			t.Errorf("the README does not say %q", line)
		}
		modules := strings.Fields(line)[1:]
		t.Run(style.Name+"/all", func(t *testing.T) {
			if out, err := configtest(t, string(text), modules); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
		for i, module := range modules {
			t.Run(style.Name+"/without "+module, func(t *testing.T) {
				out, err := configtest(t, string(text), slices.Delete(slices.Clone(modules), i, i+1))
				if wrong := module != "xsendfile" && module != "cgid"; (err != nil) != wrong {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
	}
}

// configtest has Apache, with Debian's modules and these, check a file.
func configtest(t *testing.T, text string, modules []string) ([]byte, error) {
	dir := t.TempDir()
	_, addr := loopback.Address()
	var load strings.Builder
	for _, name := range append(strings.Fields(debianModules), modules...) {
		if name == "proxy_fcgi" { // a2enmod enables what it depends on
			fmt.Fprintln(&load, "LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so")
		}
		fmt.Fprintf(&load, "LoadModule %[1]s_module /usr/lib/apache2/modules/mod_%[1]s.so\n", name)
	}
	if err := os.Mkdir(filepath.Join(dir, "mirror"), 0o755); err != nil {
		t.Fatal(err)
	}
	text = strings.NewReplacer("/srv/mirror", filepath.Join(dir, "mirror"), "/usr/local/bin/mirror-fcgi", filepath.Join(binaries, "mirror-fcgi")).Replace(text)
	writeFile(t, filepath.Join(dir, "main.conf"), fmt.Sprintf("ServerRoot /etc/apache2\nListen %s\nServerName x\nPidFile %s/pid\nErrorLog /dev/stderr\n%s\nTypesConfig /etc/mime.types\n%s",
		addr, dir, load.String(), text))
	return exec.Command(server.Installed(t, "apache2", "apache2"), "-t", "-f", filepath.Join(dir, "main.conf")).CombinedOutput()
}
