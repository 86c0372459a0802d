package test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"mirror/internal/origin"
)

// hungFronts are a daemon behind a web server, one without, and a program for each
// request.
var hungFronts = []string{"builtin", "nginx-tryfiles", "apache-htaccess"}

// answered bounds what the 99th of a hundred answers takes while the upstream hangs, on
// a machine that has nothing else to do: half of what a client takes that waits for it.
// The figure itself is bench's.
const answered = time.Second

// TestHungUpstream: fifty clients ask for mutable names that are due, of an upstream
// that takes every question and answers none. They are answered with what is here, and
// told how old it is. Of names that are older than max_stale somebody waits once, for a
// moment, and nobody after that.
func TestHungUpstream(t *testing.T) {
	for _, f := range fronts {
		if !slices.Contains(hungFronts, f.name) {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			s := newSite(t, f)
			for _, c := range []struct {
				prefix string
				old    bool // it is older than max_stale as soon as it is here
			}{{"/aside/", false}, {"/debian/", true}} {
				t.Run(c.prefix, func(t *testing.T) { hung(t, s, c.prefix, c.old) })
			}
		})
	}
}

func hung(t *testing.T, s *site, prefix string, old bool) {
	const names, clients, rounds = 10, 50, 4
	targets := make([]string, names)
	files := make([]origin.File, names)
	for i := range targets {
		files[i] = origin.File{Seed: uint64(70 + i), Size: 20 * kib}
		targets[i] = s.offer(fmt.Sprintf("%sdists/suite%d/InRelease", prefix, i), files[i])
		s.get(t, targets[i]).whole(t, files[i])
		if prefix != "/aside/" {
			s.published(t, targets[i])
		}
	}
	s.idle(t)
	release := s.upstream.Hold(origin.Everywhere)
	defer release()
	var first time.Duration
	if old { // the first one waits, and so learns that the upstream hangs
		begin := time.Now()
		s.get(t, targets[0]).whole(t, files[0])
		first = time.Since(begin)
	}
	// Each also asks for a name outside all prefixes. That is answered in the way of all
	// others, and waits for no upstream: as long as it takes, a busy machine may let
	// anybody wait.
	took, elsewhere := make([]time.Duration, clients*rounds), make([]time.Duration, clients*rounds)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for round := range rounds {
				n, begin := (i+round)%names, time.Now()
				a, err := s.tryGet(t.Context(), targets[n])
				took[i*rounds+round] = time.Since(begin)
				if err == nil {
					err = a.isWhole(files[n])
				}
				if err != nil {
					t.Errorf("%s: %v", targets[n], err)
					return
				}
				begin = time.Now()
				a, err = s.tryAsk(t.Context(), "GET", "/elsewhere/a")
				elsewhere[i*rounds+round] = time.Since(begin)
				if err != nil || a.status != 404 {
					t.Errorf("outside all prefixes: %d, %v", a.status, err)
					return
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	busy := slices.Max(elsewhere)
	t.Logf("%d clients of a hung upstream: p50 %v, p99 %v; elsewhere at most %v", clients, p50, p99, busy)
	if most := answered + busy; p99 > most {
		t.Errorf("p99 is %v, want at most %v", p99, most)
	}
	if most := 2*time.Second + answered + busy; first > most {
		t.Errorf("the first client waits for %v, want at most %v", first, most)
	}
	for _, method := range []string{"GET", "HEAD"} {
		a := s.ask(t, method, targets[0])
		if a.status != 200 || a.header.Get("Age") == "" || a.header.Get("Warning") != `110 - "Response is Stale"` || a.header.Get("Repr-Digest") == "" {
			t.Errorf("%s: nobody is told how old it is: %d, %v", method, a.status, a.header)
		}
	}
}
