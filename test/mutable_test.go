package test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// aging looks at a name that changes while its copy is fresh, due, and due with an
// upstream that does not answer. Nobody waits for one before max_stale is over.
func aging(t *testing.T, s *site) {
	one := origin.File{Seed: 40, Size: 5 * kib}
	two := origin.File{Seed: 41, Size: 6 * kib, ModTime: origin.Epoch.Add(time.Hour)}
	three := origin.File{Seed: 42, Size: 7 * kib, ModTime: origin.Epoch.Add(2 * time.Hour)}
	target := s.offer("/aging/dists/sid/InRelease", one)
	s.get(t, target).whole(t, one)
	s.published(t, target)

	const due = 1100 * time.Millisecond // past max_age
	s.offer(target, two)
	time.Sleep(due)
	server.Eventually(t, "the new one is served", func() bool { return s.get(t, target).isWhole(two) == nil })

	for _, trouble := range []struct {
		name string
		origin.Behaviour
	}{
		{"hung", origin.Behaviour{Silent: true}},
		{"down", origin.Behaviour{Reset: true}},
		{"failing", origin.Behaviour{Status: 503}},
	} {
		s.upstream.Behave(pub+target, trouble.Behaviour)
		time.Sleep(due)
		for range 2 { // the second comes while the upstream is asked
			begin := time.Now()
			s.get(t, target).whole(t, two)
			if d := time.Since(begin); d > 1500*time.Millisecond {
				t.Errorf("while the upstream is %s, the old one takes %v", trouble.name, d)
			}
		}
	}

	// Past max_stale the client waits, two seconds at most.
	s.upstream.Behave(pub+target, origin.Behaviour{})
	index := s.offer("/debian/aged/InRelease", two)
	s.get(t, index).whole(t, two)
	s.published(t, index)
	s.upstream.Behave(pub+index, origin.Behaviour{Silent: true})
	begin := time.Now()
	s.get(t, index).whole(t, two)
	if d := time.Since(begin); d > 4*time.Second {
		t.Errorf("past max_stale, the old one of a hung upstream takes %v", d)
	}
	s.upstream.Behave(pub+index, origin.Behaviour{})

	// And it is over.
	s.offer(target, three)
	time.Sleep(due)
	server.Eventually(t, "the new one is served after the trouble", func() bool { return s.get(t, target).isWhole(three) == nil })
}

// withoutHandler is last: nothing that is here may be lost with our processes, and
// what is not here must not be called missing.
func withoutHandler(t *testing.T, s *site) {
	f := origin.File{Seed: 17, Size: 30 * kib}
	hit, miss := s.offer("/debian/orphan.deb", f), s.offer("/debian/orphan-miss.deb", f)
	index := s.offer("/debian/orphan/InRelease", f)
	s.get(t, hit).whole(t, f)
	s.get(t, index).whole(t, f)
	s.published(t, hit)
	s.published(t, index)
	orphaned := func(want int) {
		t.Helper()
		s.get(t, hit).whole(t, f)
		if want == 0 { // mod_fcgid tries to start a handler, for up to half a minute
			return
		}
		switch a := s.get(t, index); {
		case want == 200:
			a.whole(t, f)
			if a := s.get(t, index, "Range", "bytes=10-19"); a.status == 206 {
				a.part(t, f, 10, 10)
			} else {
				a.whole(t, f)
			}
		case a.status != want:
			t.Errorf("an index: %d, not %d", a.status, want)
		}
	}
	if s.front.handler == daemon {
		s.daemon.stop()
		orphaned(s.front.orphan)
		s.startDaemon(t)
		// A front may avoid a handler that has just failed, for a moment.
		server.Eventually(t, "the front asks the new handler", func() bool {
			return s.get(t, s.offer("/debian/orphan-between.deb", f)).isWhole(f) == nil
		})
	}
	for _, path := range []string{s.fcgi, s.cgi, filepath.Join(s.docroot, "mirror.cgi")} {
		if err := os.Chmod(path, 0o644); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	s.endHandlers(t)
	if s.front.handler == builtin {
		return
	}
	orphaned(s.front.abandoned)
	if want := s.front.noHandler; want != 0 {
		if a := s.get(t, miss); a.status/100 != want {
			t.Errorf("a miss: %d, not %dxx", a.status, want)
		}
	}
}
