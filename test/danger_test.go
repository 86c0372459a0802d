package test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// canary is the content of files that no answer may ever hold.
const canary = "CANARY-3f8a61: this must never leave"

// canaries plants them where traversals aim at, and where hidden files are.
func (s *site) canaries(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"etc/passwd", "etc/issue", "boot.ini", "WINDOWS/win.ini", ".htpasswd", "canary",
		".mirror-state/canary", ".mirror-state/etc/passwd",
		"mirror/.htpasswd", "mirror/.secret", "mirror/.git/config", "mirror/debian/.hidden/file",
	} {
		path := filepath.Join(s.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, canary)
		for ; path != s.dir; path = filepath.Dir(path) {
			own(t, path)
		}
	}
	// Upstream, outside of what is mirrored.
	for _, path := range []string{"/etc/passwd", "/canary", "/debian/canary", "/pub/canary", "/pub/boot.ini"} {
		s.upstream.Set(path, origin.File{Body: []byte(canary)})
	}
}

// raw sends bytes and returns the status and all that came back; 0 if the server
// just closed.
func (s *site) raw(request string) (status int, answer []byte, err error) {
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		return 0, nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(server.Patience))
	// A server may answer, and close, before it has read all of a long line.
	_, writeErr := io.WriteString(conn, request)
	answer, err = io.ReadAll(conn)
	if len(answer) == 0 {
		if os.IsTimeout(err) {
			return 0, nil, err
		}
		return 0, nil, writeErr
	}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	if err != nil {
		return 0, answer, fmt.Errorf("%w: %.100q", err, answer)
	}
	return response.StatusCode, answer, nil
}

// harmless sends one target and fails unless it did no harm.
func (s *site) harmless(t *testing.T, method, target string) {
	if strings.HasPrefix(target, "/") {
		target = s.base + target
	}
	status, answer, err := s.raw(method + " " + target + " HTTP/1.1\r\nHost: " + s.addr + "\r\nConnection: close\r\n\r\n")
	switch {
	case err != nil:
		t.Errorf("%.200q: %v", target, err)
	case status == 200 && s.isPage(target):
	case status != 0 && status/100 != 4:
		t.Errorf("%.200q: status %d: %.300q", target, status, answer)
	case bytes.Contains(answer, []byte("CANARY")), bytes.Contains(answer, []byte("root:x:0:0")):
		t.Errorf("%.200q let a file out: %.300q", target, answer)
	case bytes.Contains(bytes.ToLower(answer), []byte("\ninjected")):
		t.Errorf("%.200q injected a header: %.300q", target, answer)
	}
}

// newlyAsked is what the upstream was asked after its first n requests, but for what
// the daemon does unasked: indexes that are in use are asked for again.
func (s *site) newlyAsked(n int) []origin.Request {
	all := s.upstream.Requests()
	return slices.DeleteFunc(all[n:], func(r origin.Request) bool {
		return slices.ContainsFunc(all[:n], func(earlier origin.Request) bool { return earlier.Path == r.Path })
	})
}

// isPage reports whether a target is, but for its query, one of the directories
// that the site does have.
func (s *site) isPage(target string) bool {
	path, _, _ := strings.Cut(target, "?")
	name := strings.Trim(strings.TrimPrefix(path, s.base), "/")
	return strings.HasSuffix(path, "/") && (name == "" || name == "debian")
}

func dangerousPaths(t *testing.T, s *site) {
	text, err := os.ReadFile("../testdata/badpaths.txt")
	if err != nil {
		t.Fatal(err)
	}
	before := len(s.upstream.Requests())
	targets := make(chan string)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for target := range targets {
				s.harmless(t, "GET", target)
			}
		})
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "## ") {
			targets <- "/" + line
			targets <- "/debian/" + line
		}
	}
	for _, target := range oddTargets {
		targets <- target
	}
	close(targets)
	wg.Wait()

	for _, r := range s.newlyAsked(before) {
		if r.Host != s.upstream.Addr || !strings.HasPrefix(r.Path, pub+"/debian/") || strings.Contains(r.Path, "/../") {
			t.Errorf("the upstream was asked %s %s", r.Host, r.Target)
		}
	}
	f := origin.File{Seed: 19, Size: 10 * kib}
	s.get(t, s.offer("/debian/alive.deb", f)).whole(t, f)
}

// oddTargets are not lines of a text file.
var oddTargets = []string{
	"http://two.example/debian/absolute", "http://two.example/canary", "//two.example/debian/authority",
	"http://two.example:99999/debian/x", "ftp://two.example/debian/x", "*", "debian/no-slash", "?", "/?/../canary",
	"/debian/nul%00.deb", "/debian/nul%00/../../canary", "/debian/%2F%2e%2e%2fcanary", "/debian/a%2Fb", "/debian/%5c..%5ccanary",
	"/debian/back\\slash", "/debian/bad-utf8\xff\xfe", "/debian/%ff%fe%c0%ae", "/debian/%", "/debian/%4", "/debian/%zz",
	"/debian/crlf%0d%0aInjected:%20yes", "/debian/crlf%0aInjected:%20yes/", "/debian/tab%09", "/debian/del%7f",
	"/debian/" + strings.Repeat("a", 8<<10), "/debian/" + strings.Repeat("a/", 2<<10), "/debian/" + strings.Repeat("%61", 300),
	"/debian/" + strings.Repeat("../", 2<<10) + "canary", "/debian/x#fragment", "/debian/#/../../canary",
	"/_mirror_ready/debian/x", "/_mirror_ready/../canary", "/_mirror.fcgi", "/_mirror.cgi", "/_mirror_index.cgi", "/_mirror.cgi/debian/x",
	"/mirror.toml", "/mirror.toml/", "//mirror.toml", "/mirror%2etoml", "/./mirror.toml", "/debian/../mirror.toml", "/mirror.toml/x",
	"/mirror.cgi", "/mirror.cgi/debian/x", "/mirror.cgi?/debian/x", "/.htaccess",
	"/?purge+--all", "/debian/x?-config+/etc/passwd", "/debian/x?%0d%0aInjected:%20yes",
}

func hiddenNames(t *testing.T, s *site) {
	before := len(s.upstream.Requests())
	for _, target := range []string{
		"/.htpasswd", "/.secret", "/%2esecret", "/.git/config", "//.git//config", "/%2e%67it/config", "/debian/.hidden/file",
		"/debian/%2Ehidden/file", "/debian/.hidden/", "/debian/.hidden", "/debian/.new", "/debian/.new/x.deb", "/.mirror-state/canary",
		"/../.mirror-state/canary", "/debian/../../.mirror-state/canary",
	} {
		s.harmless(t, "GET", target)
		s.harmless(t, "HEAD", target)
	}
	if n := len(s.newlyAsked(before)); n != 0 {
		t.Errorf("%d requests for hidden names went upstream", n)
	}
}
