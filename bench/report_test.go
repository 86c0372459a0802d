package main

import (
	"testing"

	"mirror/bench/contestant"
)

// A goal is met or not only where all that it compares was measured.
func TestVerdict(t *testing.T) {
	type figures = map[contestant.Kind]map[int][]float64
	ours, peers := contestant.OursBuiltin, []contestant.Kind{contestant.Squid, contestant.Varnish}
	g := &goal{against: peers, met: func(s *series, k contestant.Kind) bool {
		return s.ratio(k, contestant.Squid) >= 1 && s.ratio(k, contestant.Varnish) >= 1
	}}
	of := func(v float64) map[int][]float64 { return map[int][]float64{0: {v}} }
	for name, c := range map[string]struct {
		values figures
		as     map[contestant.Kind]contestant.Kind
		want   string
	}{
		"better than all":             {values: figures{ours: of(3), peers[0]: of(1), peers[1]: of(2)}, want: "met"},
		"worse than one":              {values: figures{ours: of(3), peers[0]: of(4), peers[1]: of(2)}, want: "**not met**"},
		"a peer is left out":          {values: figures{ours: of(3), peers[0]: of(1)}, want: "not measured"},
		"all peers are":               {values: figures{ours: of(3)}, want: "not measured"},
		"ours is":                     {values: figures{peers[0]: of(1), peers[1]: of(2)}, want: "not measured"},
		"nothing is expected of ours": {values: figures{ours: of(3), peers[0]: of(1), peers[1]: of(2)}, as: map[contestant.Kind]contestant.Kind{}, want: ""},
	} {
		goal := *g
		goal.as = c.as
		s := &series{kinds: append([]contestant.Kind{ours}, peers...), goal: &goal, values: c.values}
		if got := s.verdict(ours); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if got := s.verdict(contestant.OursCGI); got != "" {
			t.Errorf("%s: one that is not in the table: %q", name, got)
		}
	}
}
