package test

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// names are legal, and each is a trap: for escaping, for globs, for handlers that
// go by the end of a name, and for the names of our own files.
var names = []string{
	"a%41b.deb", "100%.deb", "a+b.deb", "a b.deb", " .deb", "q?m=1.deb", "h#f.deb", "~t~", "a;b=c,d:e@f&g.deb",
	"ünï–日本.deb", "[1].deb", "g*.deb", "{a}.deb", `"quoted"'s.deb`, "<b>|^`$!().deb", "trailing.", "x=", "a..b",
	"p.part", "t.tmp", "i.inc", "p.pl", "p.php", "index.php", "t.var", "s.shtml", "f.fcgi", "e.cgi", "e.cgi.gz",
	"mirror.cgi", "mirror-cgi", "mirror-fcgi", "_mirror.cgi", "_mirror.fcgi", "_m=1", "_mirror_ready",
	strings.Repeat("n", 200) + ".deb",
}

// script is what must never be run.
const script = "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\nexecuted'\n"

func strangeNames(t *testing.T, s *site) {
	f := origin.File{Body: []byte(script)}
	var targets []string
	for _, name := range names {
		// Below /wait/ a miss is handed over to the front.
		for _, dir := range []string{"/debian/strange/", "/wait/odd dir+%/"} {
			s.upstream.Set(pub+dir+name, f)
			target := (&url.URL{Path: dir + name}).EscapedPath()
			targets = append(targets, target)
			a := s.get(t, target)
			if err := a.isWhole(f); err != nil {
				t.Errorf("miss of %q: %v", dir+name, err)
				continue
			}
			s.published(t, dir+name)
		}
	}
	hits := func() {
		for _, target := range targets {
			if err := s.get(t, target).isWhole(f); err != nil {
				t.Errorf("hit of %s: %v", target, err)
			}
		}
	}
	if t.Failed() {
		return
	}
	if s.front.handler == builtin {
		hits()
	} else {
		s.frozen(t, hits)
	}

	// The same name, spelled in other ways.
	for _, target := range []string{"/debian/strange/%61%2Bb.deb", "/debian//strange/a+b.deb", "/debian/strange/a+b.deb?x=/../y", "/debian/strange/%7Et~"} {
		if err := s.get(t, target).isWhole(f); err != nil {
			t.Errorf("%s: %v", target, err)
		}
	}

	// A file is not another whose name goes on: Apache's MultiViews takes them for one.
	other := origin.File{Seed: 15, Size: 3 * kib}
	s.offer("/debian/strange/variant", f)
	s.get(t, s.offer("/debian/strange/variant.txt", other)).whole(t, other)
	s.published(t, "/debian/strange/variant.txt")
	s.get(t, "/debian/strange/variant").whole(t, f)

	// Bytes that are no UTF-8 are a name like any other.
	for _, dir := range []string{"/debian", "/wait"} {
		s.upstream.Set(pub+dir+"/latin\xe4.deb", f)
		s.get(t, dir+"/latin%E4.deb").whole(t, f)
		s.get(t, dir+"/latin%E4.deb").whole(t, f)
	}
}

func directories(t *testing.T, s *site) {
	f := origin.File{Seed: 12, Size: 10 * kib}
	target := s.offer("/debian/dir #1/a.deb", f)
	const slashless, want = "/debian/dir%20%231", "/debian/dir%20%231/"
	for _, when := range []string{"before", "after"} {
		a := s.ask(t, "GET", slashless)
		location := strings.TrimPrefix(a.header.Get("Location"), s.URL)
		if a.status != http.StatusMovedPermanently || location != want {
			t.Errorf("%s a file in it is fetched: %d to %q", when, a.status, location)
		}
		if a := s.ask(t, "GET", want); a.status != 200 || !strings.Contains(string(a.body), `href="a.deb"`) {
			t.Errorf("%s: the page: %d, %.2000q", when, a.status, a.body)
		}
		if a := s.ask(t, "GET", want+"?format=json"); a.status != 200 || !strings.Contains(string(a.body), `"name":"a.deb", "type":"file"`) {
			t.Errorf("%s: JSON: %d, %q", when, a.status, a.body)
		}
		s.get(t, (&url.URL{Path: target}).EscapedPath()).whole(t, f)
		s.published(t, target)
	}
	// An index.html that somebody put there is the page.
	page := origin.File{Body: []byte("<p>page</p>")}
	writeFile(t, filepath.Join(s.docroot, "debian/dir #1/index.html"), string(page.Body))
	if err := s.get(t, want).isWhole(page); err != nil {
		t.Error(err)
	}
}

func mutable(t *testing.T, s *site) {
	one := origin.File{Seed: 13, Size: 5 * kib}
	two := origin.File{Seed: 14, Size: 6 * kib, ModTime: origin.Epoch.Add(time.Hour)}
	for _, name := range []string{"/debian/dists/testing/InRelease", "/debian/dists/testing/main/Packages.xz", "/debian/core.db"} {
		target := s.offer(name, one)
		s.get(t, target).whole(t, one)
		s.published(t, target)
		s.get(t, target).whole(t, one)
		s.offer(name, two)
		// An upstream that was silent a while ago is asked behind the client's back.
		server.Eventually(t, "the new one is served", func() bool { return s.get(t, target).isWhole(two) == nil })
		// Trouble keeps what is there.
		s.upstream.Behave(pub+target, origin.Behaviour{Status: 500})
		s.get(t, target).whole(t, two)
	}
}

// clientHeaders would be declarations if they came from the front.
func clientHeaders(t *testing.T, s *site) {
	f := origin.File{Seed: 15, Size: 30 * kib}
	other := s.offer("/debian/other-header.deb", origin.File{Seed: 16, Size: 30 * kib})
	headers := []string{"Proxy", "http://127.0.0.1:1/", "Redirect-Script-Name", "/x", "Redirect-Status", "200",
		"X-Sendfile", "/etc/passwd", "X-Accel-Redirect", other, "X-Original-Url", other, "X-Rewrite-Url", other}
	for _, spelled := range []string{"Mirror-%", "MIRROR_%", "Http-Mirror-%", "Redirect-Mirror-%"} {
		for variable, value := range map[string]string{"HANDOVER": "accel:/elsewhere", "STREAM": "1", "URI": other, "CONFIG": "/etc/passwd"} {
			headers = append(headers, strings.ReplaceAll(spelled, "%", variable), value)
		}
	}
	target := s.offer("/debian/header.deb", f)
	s.get(t, target, headers...).whole(t, f)
	s.get(t, target, headers...).whole(t, f)
	target = s.offer("/wait/header.deb", f)
	s.get(t, target, headers...).whole(t, f)
	index := s.offer("/debian/header/Release", f)
	s.get(t, index, headers...).whole(t, f)
	s.get(t, index, headers...).whole(t, f)
}
