package main

import (
	"math"
	"strings"
	"testing"

	"mirror/bench/contestant"
)

// grown is a growth whose columns cost amount^e as a whole.
func grown(e float64) *growth {
	g := &growth{
		amount: "files", label: func(v float64) string { return strings.Repeat("I", int(math.Round(math.Log10(v)))) },
		columns: []*column{
			{name: "each", format: "%.4g", each: true, from: 10},
			{name: "whole", format: "%.4g", from: 10},
			{name: "no goal", format: "%.4g"},
		},
	}
	for _, n := range []float64{1, 10, 100, 1000} {
		whole := math.Pow(n, e)
		if n == 1 {
			whole = 500 // what is there once does not count
		}
		g.add(n, whole/n, whole, whole)
	}
	return g
}

func TestGrowth(t *testing.T) {
	for e, met := range map[float64][2]bool{0: {true, true}, 0.08: {true, true}, 1: {true, false}, 1.05: {true, false}, 1.2: {false, false}, 2: {false, false}} {
		g := grown(e)
		for i := range g.columns {
			if got := g.exponent(i, g.points[2], g.points[3]); math.Abs(got-e) > 1e-9 {
				t.Errorf("column %s grows with exponent %v, not %v", g.columns[i].name, got, e)
			}
		}
		var b strings.Builder
		g.goals(&b, "t")
		for i, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
			if got := strings.Contains(line, "| met |"); i > 1 || got != met[i] {
				t.Errorf("exponent %v: %s", e, line)
			}
		}
	}
}

func TestGrowthWithoutFigures(t *testing.T) {
	g := grown(1)
	for name, points := range map[string][]growthPoint{"none": nil, "only what does not count": g.points[:1], "one": g.points[1:2]} {
		g.points = points
		var b strings.Builder
		g.goals(&b, "t")
		if strings.Count(b.String(), "not measured") != 2 {
			t.Errorf("%s: %s", name, b.String())
		}
	}
}

// A growth stands in the report like any other series.
func TestGrowthInReport(t *testing.T) {
	s := &series{title: "Files", growth: grown(1)}
	text := (&report{series: []*series{s}, drawn: true}).markdown()
	for _, want := range []string{
		"| Files: each | at the largest at most 1.5x that at I |" + under("met"),
		"| Files: whole | at the largest at most 1.5x that at I |" + under("**not met**"),
		"| III | 1 (^1.00) | 1000 (^1.00) | 1000 (^1.00) |",
		"| largest / smallest that counts | 1.00x | 100.00x |",
		"](plots/files.svg)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if svg := s.svg(); strings.Count(svg, "<polyline") != 4 {
		t.Errorf("three columns and the goal are not drawn:\n%s", svg)
	}
}

// under is the rest of a line of goals that has its verdict with the built-in front.
func under(verdict string) (rest string) {
	for _, k := range contestant.Ours {
		if k == contestant.OursBuiltin {
			rest += " " + verdict
		}
		rest += " |"
	}
	return rest + "\n"
}
