package main

import (
	"math"
	"slices"

	"mirror/bench/contestant"
)

// series is one table: a figure of every contestant, in every round.
type series struct {
	title  string
	unit   string
	format string  // of the figure, for fmt
	note   string  // what a reader has to know; may be empty
	goal   *goal   // nil: there is none
	growth *growth // in place of all that follows; nil: it is not such a series

	kinds  []contestant.Kind // in the order of the table
	values map[contestant.Kind]map[int][]float64
}

// goal is what this project has set itself to reach.
type goal struct {
	text string
	met  func(s *series, ours contestant.Kind) bool

	// against are whose figures met looks at, beside ours: without all of them nothing
	// is known.
	against []contestant.Kind

	// as is whose figures in the table are those of which of ours; of the others
	// nothing is expected. nil: each of ours has its own.
	as map[contestant.Kind]contestant.Kind
}

func (s *series) add(t *turn, v float64) {
	if s.values == nil {
		s.values = make(map[contestant.Kind]map[int][]float64)
	}
	if s.values[t.Kind] == nil {
		s.values[t.Kind] = make(map[int][]float64)
	}
	s.values[t.Kind][t.round] = append(s.values[t.Kind][t.round], v)
}

// all returns the figures of all rounds, sorted.
func (s *series) all(k contestant.Kind) []float64 {
	var all []float64
	for _, v := range s.values[k] {
		all = append(all, v...)
	}
	slices.Sort(all)
	return all
}

// median returns k's; NaN if it has no figures.
func (s *series) median(k contestant.Kind) float64 { return median(s.all(k)) }

// ratio returns how k compares with base. Each round is compared by itself, so
// that a machine which is busier in one round than in another makes both
// slower and not one better.
func (s *series) ratio(k, base contestant.Kind) float64 {
	var ratios []float64
	for round, v := range s.values[k] {
		if d := median(s.values[base][round]); d > 0 {
			ratios = append(ratios, median(v)/d)
		}
	}
	return median(ratios)
}

// median returns the middle one; NaN of nothing.
func median(values []float64) float64 {
	f := slices.Sorted(slices.Values(values))
	switch n := len(f); {
	case n == 0:
		return math.NaN()
	case n%2 == 1:
		return f[n/2]
	default:
		return (f[n/2-1] + f[n/2]) / 2
	}
}
