package fetch

import (
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// silentSite brings two mutable files, and lets them become older than max_stale.
func silentSite(t *testing.T, o *origin.Origin) (*site, *Engine) {
	t.Helper()
	s := newSite(t, "mutable = [\"*\"]\nmax_age = \"1m\"\nmax_stale = \"1h\"\n", o)
	e := s.engine()
	for _, name := range []string{"a", "b"} {
		o.Set("/"+name, origin.File{Body: []byte("1")})
		if _, err := s.get(e, "m/"+mirror.Name(name)); err != nil {
			t.Fatal(err)
		}
	}
	s.settle(e)
	s.clock.advance(24 * time.Hour)
	return s, e
}

// next is what a request for a name leads to.
func (s *site) next(e *Engine, name mirror.Name) Next {
	s.t.Helper()
	in, err := e.Inspect(s.ctx(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return in.Next
}

// getStale reads the held file, and checks that it says how old it is.
func (s *site) getStale(e *Engine, name mirror.Name) {
	s.t.Helper()
	f, err := e.Open(s.ctx(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if fr := f.Fresh; !fr.Known || !fr.Stale || fr.Age < 24*time.Hour {
		s.t.Errorf("/%s: %+v", name, fr)
	}
}

// TestSilentUpstreamIsWaitedForOnce: whoever waited in vain has done so for all
// names of the mirror, and for all processes.
func TestSilentUpstreamIsWaitedForOnce(t *testing.T) {
	o := origin.New(t)
	s, e := silentSite(t, o)
	other := s.engine()
	release := o.Hold("")
	defer release()
	if n := s.next(e, "m/a"); n != NextConfirm {
		t.Fatalf("an old file leads to %q", n)
	}
	s.getStale(e, "m/a") // waits for staleWait
	for _, e := range []*Engine{e, other} {
		for _, name := range []mirror.Name{"m/a", "m/b"} {
			if n := s.next(e, name); n != NextRefresh {
				t.Errorf("/%s, after somebody has waited in vain, leads to %q", name, n)
			}
			s.getStale(e, name)
		}
	}
	// An old silence says nothing.
	s.clock.advance(knownSilent + time.Minute)
	if n := s.next(e, "m/b"); n != NextConfirm {
		t.Errorf("long after the silence, an old file leads to %q", n)
	}
}

// TestNobodyWaitsForAnOldRefresh: a refresh that has had staleWait without an answer
// is not waited for, whoever began it.
func TestNobodyWaitsForAnOldRefresh(t *testing.T) {
	o := origin.New(t)
	s, e := silentSite(t, o)
	release := o.Hold("")
	defer release()
	p := e.placeOf("m/a")
	rec, _, err := e.index.File(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := e.begin(p, &rec, true)
	if err != nil {
		t.Fatal(err)
	}
	s.clock.advance(staleWait + time.Second)
	e.awaitRefresh(s.ctx(), p, tr) // ends although the clock of the tests stands
	if !e.isSilent(s.ctx(), p.m, s.clock.now()) {
		t.Error("that the upstream is silent was not noted")
	}
	if s := tr.now(); s.done {
		t.Error("the refresh has ended")
	}
}

// TestUpstreamThatAnswersAgain: one that is heard from is worth a wait again.
func TestUpstreamThatAnswersAgain(t *testing.T) {
	o := origin.New(t)
	s, e := silentSite(t, o)
	e.noteSilence(s.ctx(), e.placeOf("m/a").m, mirror.ErrTimeout)
	s.getStale(e, "m/a") // answered at once, and refreshed behind the client's back
	s.settle(e)
	if n := s.next(e, "m/a"); n != NextServe {
		t.Errorf("after its refresh a file leads to %q", n)
	}
	if n := s.next(e, "m/b"); n != NextConfirm {
		t.Errorf("with an upstream that answers again, an old file leads to %q", n)
	}
	o.Set("/b", origin.File{Body: []byte("22"), ModTime: origin.Epoch.Add(time.Hour)})
	if got, err := s.get(e, "m/b"); err != nil || string(got) != "22" {
		t.Errorf("%q, %v: nobody waited", got, err)
	}
}
