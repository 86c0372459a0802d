package soak

import "testing"

// TestOutOfStep: the first upstream goes down now and then, halfway through an update
// and after it; the second one is a generation behind.
func TestOutOfStep(t *testing.T) {
	t.Parallel()
	s := newScenario(t, newDebian(true, false))
	s.late = newOrigin(t)
	m := newSite(t, []string{s.upstream.URL, s.late.URL}, signed())
	pinned := &client{name: "by-hash", program: newApt(t, m.url), site: m}
	s.alone(pinned)
	through := &client{name: "fixed names", program: newApt(t, m.url, "Acquire::By-Hash=no"), site: m}
	direct := &client{name: "fixed names, directly", program: newApt(t, s.upstream.URL, "Acquire::By-Hash=no")}
	s.pair(through, direct)
	down := func() {
		s.upstream.Down()
		defer s.upstream.Up()
		s.whole()
	}
	s.halfway = func() {
		s.whole()
		if s.pick.IntN(2) == 0 {
			down()
		}
	}
	s.afterwards = func() {
		if s.pick.IntN(3) == 0 {
			down()
		}
	}
	s.run()
	defer s.report()
	s.none(pinned)
	s.noMore(through, direct)
}

// TestOutage: upstream goes down halfway through an update. Whoever asks for what the
// mirror has does not notice, with or without something to begin with.
func TestOutage(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		archive archive
		program func(t *testing.T, url string) program
	}{
		{"apt by-hash", newDebian(true, false), func(t *testing.T, url string) program { return newApt(t, url) }},
		{"apt InRelease", newDebian(false, false), func(t *testing.T, url string) program { return newApt(t, url) }},
		{"apt Release.gpg", newDebian(false, true), func(t *testing.T, url string) program { return newApt(t, url) }},
		{"dnf", newRPM(), func(t *testing.T, url string) program { return newDNF(t, url, false) }},
		{"dnf signed", newRPM(), func(t *testing.T, url string) program { return newDNF(t, url, true) }},
		{"pacman", newArch(), newPacman},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newScenario(t, test.archive)
			m := newSite(t, []string{s.upstream.URL}, signed())
			used := &client{name: "one that is up to date", program: test.program(t, m.url), site: m}
			fresh := &client{name: "one that has nothing", program: test.program(t, m.url), site: m}
			both := []*client{used, fresh}
			s.groups = []*group{{clients: both}} // for the report
			defer s.report()
			taken := make(map[int]bool) // generations of which the mirror has the package
			round := func() {
				fresh.forget()
				for _, c := range both {
					c.rounds++
					if begunAnew(c, s.do(c, "update", c.update)) {
						continue
					}
					held := c.program.held()
					c.note(held, int(s.generation.Load()))
					if held > 0 && taken[held] {
						s.do(c, "take", func() (string, error) { return c.take(always[0]) })
					}
				}
			}
			s.halfway = func() {
				round()
				s.upstream.Down()
				defer s.upstream.Up()
				round()
				round()
			}
			s.publish(false)
			for range max(2, *updates/12) {
				for _, c := range both {
					s.arrive(c)
				}
				taken[int(s.generation.Load())] = true
				s.publish(true)
			}
			for _, c := range both {
				s.arrive(c)
				if c.wrong() > 0 || c.count[gone] > 0 || c.count[broken] > 0 || c.count[backwards] > 0 {
					t.Errorf("%s: %s; want no trouble", c.name, &c.tally)
				}
			}
		})
	}
}
