package soak

import (
	"testing"
)

// TestAptByHash: what is called by its digest is there before anything speaks of it,
// and stays for longer than a client needs.
func TestAptByHash(t *testing.T) {
	t.Parallel()
	s := newScenario(t, newDebian(true, false))
	m := newSite(t, []string{s.upstream.URL}, signed(), `max_stale = "0s"`)
	n := newSite(t, []string{s.upstream.URL}, signed())
	pinned := []*client{
		{name: "by-hash", program: newApt(t, m.url), site: m},
		{name: "by-hash, nginx", program: newApt(t, n.behindNginx()), site: n},
	}
	for _, c := range pinned {
		s.alone(c)
	}
	through := &client{name: "fixed names", program: newApt(t, m.url, "Acquire::By-Hash=no"), site: m}
	direct := &client{name: "fixed names, directly", program: newApt(t, s.upstream.URL, "Acquire::By-Hash=no")}
	s.pair(through, direct)
	s.run()
	defer s.report()
	s.none(pinned...)
	s.noMore(through, direct)
}

// TestAptFixedNames: an archive without by-hash, with InRelease or with Release.gpg.
func TestAptFixedNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		detached bool
		keyring  string
	}{{"InRelease", false, signed()}, {"Release.gpg", true, signed()}, {"Release.gpg without a keyring", true, unsigned}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newScenario(t, newDebian(false, test.detached))
			m := newSite(t, []string{s.upstream.URL}, test.keyring, `max_stale = "0s"`)
			through := &client{name: test.name, program: newApt(t, m.url), site: m}
			direct := &client{name: test.name + ", directly", program: newApt(t, s.upstream.URL)}
			s.pair(through, direct)
			s.run()
			defer s.report()
			s.noMore(through, direct)
		})
	}
}

// TestDNF: metadata is called by its digest; the signature of repomd.xml is not.
func TestDNF(t *testing.T) {
	t.Run("keyring", func(t *testing.T) { testDNF(t, signed()) })
	t.Run("no keyring", func(t *testing.T) { testDNF(t, unsigned) })
}

func testDNF(t *testing.T, keyring string) {
	t.Parallel()
	s := newScenario(t, newRPM())
	m := newSite(t, []string{s.upstream.URL}, keyring, `max_stale = "0s"`)
	pinned := &client{name: "dnf", program: newDNF(t, m.url, false), site: m}
	s.alone(pinned)
	through := &client{name: "signed", program: newDNF(t, m.url, true), site: m}
	direct := &client{name: "signed, directly", program: newDNF(t, s.upstream.URL, true)}
	s.pair(through, direct)
	s.run()
	defer s.report()
	s.none(pinned)
	s.noMore(through, direct)
}

// TestPacman: a database and its signature change one after the other.
func TestPacman(t *testing.T) {
	t.Run("keyring", func(t *testing.T) { testPacman(t, signed()) })
	t.Run("no keyring", func(t *testing.T) { testPacman(t, unsigned) })
}

func testPacman(t *testing.T, keyring string) {
	t.Parallel()
	s := newScenario(t, newArch())
	m := newSite(t, []string{s.upstream.URL}, keyring, `max_stale = "0s"`)
	through := &client{name: "pacman", program: newPacman(t, m.url), site: m}
	direct := &client{name: "pacman, directly", program: newPacman(t, s.upstream.URL)}
	s.pair(through, direct)
	s.run()
	defer s.report()
	s.noMore(through, direct)
}

// none: not one mismatch, and nothing else that should not be.
func (s *scenario) none(clients ...*client) {
	s.t.Helper()
	for _, c := range clients {
		if c.wrong() > 0 || c.count[broken] > 0 || c.count[backwards] > 0 {
			s.t.Errorf("%s: %s; want none", c.name, &c.tally)
		}
	}
}

// few is how many updates a machine makes that is too slow for more.
const few = 20

// noMore: no more mismatches through the mirror than directly. Both clients meet some
// whatever the mirror does: those of an update between two of a client's requests. In
// few updates these may outweigh what else upstream does to its clients.
func (s *scenario) noMore(through, direct *client) {
	s.t.Helper()
	made := s.generation.Load()
	if made >= few && direct.wrong() == 0 {
		s.t.Errorf("%s: %s; there is nothing to be compared with", direct.name, &direct.tally)
	}
	allowed := direct.wrong()
	if made < few {
		allowed += 2
	}
	if through.wrong() > allowed || through.count[broken] > direct.count[broken] || through.count[backwards] > 0 {
		s.t.Errorf("%s: %s; directly: %s", through.name, &through.tally, &direct.tally)
	}
}
