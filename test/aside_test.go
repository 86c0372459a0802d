package test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// kept is where the state directory has a file of the docroot.
func (s *site) kept(target string) string { return filepath.Join(s.state, "mutable", target) }

// idle waits until no process of the CGI program is left, detached ones included.
func (s *site) idle(t *testing.T) {
	t.Helper()
	if s.front.handler == cgi {
		server.Eventually(t, "no CGI program runs", func() bool { return len(s.pids()) == 0 })
	}
}

// detached counts the CGI program's processes that lead a session of their own and
// have no parent that waits for them.
func (s *site) detached() (n int) {
	for _, pid := range s.pids() {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		// pid (name) state ppid pgrp session
		_, rest, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(rest)
		if bytes.Contains(line, []byte("\x00-worker\x00")) && len(f) > 3 && f[3] == fmt.Sprint(pid) {
			n++
		}
	}
	return n
}

// aside: a mirror keeps its mutable files in the state directory. So the front has
// to ask for each, whatever its own rules say of the name ("a.idx" is in none of
// them), and is answered at once, whatever the upstream does.
func aside(t *testing.T, s *site) {
	static := origin.File{Seed: 60, Size: 30 * kib}
	deb := s.offer("/aside/dists/sid/p.deb", static)
	s.get(t, deb).whole(t, static)
	s.published(t, deb)
	for i, target := range []string{"/aside/dists/sid/InRelease", "/aside/dists/sid/a.idx"} {
		v1 := origin.File{Seed: 61, Size: 100*kib + int64(i)}
		v2 := origin.File{Seed: 62, Size: 120*kib + int64(i), ModTime: origin.Epoch.AddDate(0, 1, 0)}
		s.offer(target, v1)
		s.get(t, target).whole(t, v1)
		server.Eventually(t, target+" is kept", func() bool {
			fi, err := os.Lstat(s.kept(target))
			return err == nil && fi.Mode() == 0o644 && fi.Size() == v1.Size
		})
		s.idle(t)

		// It is due, it has changed, and the upstream keeps silent: nothing but the
		// old one can be the answer as long as it does.
		s.offer(target, v2)
		release := s.upstream.Hold(pub + target)
		asked := s.upstream.Count(pub+target, "")
		server.Eventually(t, "the upstream is asked meanwhile", func() bool {
			s.get(t, target).whole(t, v1) // the fetch that brought it may just be ending
			return s.upstream.Count(pub+target, "") == asked+1
		})
		if s.front.handler == cgi {
			server.Eventually(t, "only a detached worker is left", func() bool { return s.detached() == 1 && len(s.pids()) == 1 })
		}
		for range 3 {
			s.get(t, target).whole(t, v1)
		}
		s.get(t, target, "Range", "bytes=1001-50000").part(t, v1, 1001, 49000)
		a := s.ask(t, "GET", target, "If-Modified-Since", origin.Epoch.Format(http.TimeFormat))
		if a.status != 304 || len(a.body) != 0 {
			t.Errorf("If-Modified-Since: %d, %d bytes", a.status, len(a.body))
		}
		if a := s.ask(t, "GET", target, "If-None-Match", fmt.Sprintf(`"%x-%x"`, origin.Epoch.Unix(), v1.Size)); a.status != 304 {
			t.Errorf("If-None-Match: %d", a.status)
		}
		if a := s.ask(t, "HEAD", target); a.status != 200 || a.length != v1.Size {
			t.Errorf("HEAD: %d, Content-Length %d", a.status, a.length)
		}
		if n := s.upstream.Count(pub+target, ""); n != asked+1 {
			t.Errorf("the upstream was asked %d times at a time", n-asked)
		}
		release()
		server.Eventually(t, target+" is kept in its new version", func() bool {
			fi, err := os.Lstat(s.kept(target))
			return err == nil && fi.Size() == v2.Size
		})
		s.get(t, target).whole(t, v2)
		s.idle(t)
	}
	filepath.WalkDir(filepath.Join(s.docroot, "aside"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && d.Name() != "p.deb" {
			t.Errorf("the docroot has %s: %v", path, err)
		}
		return nil
	})
	if s.front.handler != builtin {
		s.frozen(t, func() { s.get(t, deb).whole(t, static) }) // as ever
	}
}

// TestRearranged: on shared hosting nobody starts anything after mirror.toml was
// changed. The files move when the next request of any kind reaches the handler.
func TestRearranged(t *testing.T) {
	for _, f := range fronts {
		if !strings.HasPrefix(f.name, "apache-htaccess") {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, f)
			toml := filepath.Join(s.docroot, "mirror.toml")
			inState, err := os.ReadFile(toml)
			if err != nil {
				t.Fatal(err)
			}
			configure := func(text []byte) {
				t.Helper()
				if err := os.WriteFile(toml, text, 0o600); err != nil {
					t.Fatal(err)
				}
				s.get(t, "/aside/nowhere")
			}
			configure(bytes.ReplaceAll(inState, []byte(`mutable_in = "state"`), nil))
			v1 := origin.File{Seed: 63, Size: 10 * kib}
			target := s.offer("/aside/a.idx", v1)
			s.get(t, target).whole(t, v1)
			s.published(t, target)
			s.idle(t)
			v2 := origin.File{Seed: 64, Size: 20 * kib, ModTime: origin.Epoch.AddDate(0, 1, 0)}
			s.offer(target, v2)
			s.frozen(t, func() { s.get(t, target).whole(t, v1) }) // Apache's own, however old

			configure(inState)
			server.Eventually(t, target+" has moved", func() bool {
				_, inDocroot := os.Lstat(s.docroot + target)
				_, aside := os.Lstat(s.kept(target))
				return errors.Is(inDocroot, fs.ErrNotExist) && aside == nil
			})
			server.Eventually(t, "the new version is delivered", func() bool {
				return s.get(t, target).isWhole(v2) == nil // the lock may be held a moment longer
			})
			s.idle(t)

			configure(bytes.ReplaceAll(inState, []byte(`mutable_in = "state"`), nil))
			s.published(t, target)
			if _, err := os.Lstat(s.kept(target)); !errors.Is(err, fs.ErrNotExist) {
				t.Error("it is still in the state directory")
			}
			s.frozen(t, func() { s.get(t, target).whole(t, v2) })
		})
	}
}
