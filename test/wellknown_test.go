package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror/internal/origin"
)

// TestWellKnown: what an ACME client puts below /.well-known/ (RFC 8615) is served,
// into whichever directory it puts that; nothing of it is ever mirrored, and the rest
// of what is hidden stays so.
func TestWellKnown(t *testing.T) {
	const challenge = "/.well-known/acme-challenge/"
	for _, f := range fronts {
		for _, own := range []bool{false, true} {
			name := "/docroot"
			if own {
				if name = "/own"; f.handler == builtin {
					continue // it has the mirror's names only
				}
			}
			t.Run(f.name+name, func(t *testing.T) {
				t.Parallel()
				s := prepare(t, f)
				dir := s.docroot
				if own {
					dir = filepath.Join(s.dir, "acme")
					s.admins = administrators(f, dir)
				}
				s.more = "[[mirror]]\nprefix = \"/\"\nupstream = [\"" + s.upstream.URL + pub + "\"]\n"
				s.begin(t)
				plant := func(dir, name, text string) {
					path := filepath.Join(dir, name)
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					writeFile(t, path, text)
				}
				there := origin.File{Body: []byte("tok-en_1.thumbprint")}
				plant(dir, challenge+"tok-en_1", string(there.Body))
				for _, hidden := range []string{challenge + ".secret", "/.well-known/.git/config", "/.well-knownx/a", "/.xwell-known/a"} {
					plant(s.docroot, hidden, canary)
					s.offer(hidden, origin.File{Body: []byte(canary)})
					if a := s.ask(t, "GET", hidden); a.status/100 != 4 {
						t.Errorf("%s: %d", hidden, a.status)
					}
				}
				s.offer(challenge+"upstreams", origin.File{Body: []byte(canary)})
				for _, target := range []string{challenge + "upstreams", challenge + "nowhere", "/.well-known/", "/.well-known"} {
					if a := s.ask(t, "GET", target); a.status/100 == 2 || a.status/100 == 5 {
						t.Errorf("%s: %d", target, a.status)
					}
				}
				switch a := s.ask(t, "GET", challenge+"tok-en_1"); {
				case f.handler == builtin:
					if a.status != 404 {
						t.Errorf("the built-in front serves what is hidden: %d", a.status)
					}
				default:
					if err := a.isWhole(there); err != nil {
						t.Error(err)
					}
				}
				if n := len(s.upstream.Requests()); n != 0 {
					t.Errorf("%d requests went upstream: %+v", n, s.upstream.Requests())
				}
			})
		}
	}
}

// administrators is what one writes into the site of a front to have challenges in a
// directory of their own, in the simplest way of each server.
func administrators(f front, dir string) string {
	switch {
	case strings.HasPrefix(f.name, "nginx"):
		return "location /.well-known/acme-challenge/ {\n\troot " + dir + ";\n}\n"
	case strings.HasPrefix(f.name, "apache"):
		return "Alias /.well-known/acme-challenge/ " + dir + "/.well-known/acme-challenge/\n<Directory " + dir + ">\n\tRequire all granted\n</Directory>\n"
	case strings.HasPrefix(f.name, "caddy"):
		return "handle /.well-known/acme-challenge/* {\n\troot * " + dir + "\n\tfile_server\n}\n"
	}
	return "$HTTP[\"url\"] =~ \"^/\\.well-known/acme-challenge/\" {\n\tserver.document-root = \"" + dir + "\"\n}\n"
}
