package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"mirror/bench/contestant"
)

// report is everything that a run has found.
type report struct {
	machine machine
	quick   bool
	start   time.Time
	took    time.Duration
	drawn   bool // there are drawings, see draw
	series  []*series
}

// markdown writes the report as it is kept in RESULTS.md.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Results\n\nMeasured by `go run ./bench%s` on %s, in %s.\n\n%s.\n\n", r.flags(), r.start.Format(time.DateOnly), r.took.Round(time.Second), r.machine)
	b.WriteString("Ratios are taken within each round, where all run one after another on the same upstream;\n" +
		"the median of the rounds is shown. The spread is from the least to the greatest figure. Every body was checked:\n" +
		"of a directory's page the last entry, of a suite's index that it got its name.\n\n")
	r.goals(&b)
	for _, s := range r.series {
		s.table(&b)
		if r.drawn {
			fmt.Fprintf(&b, "![%s](%s/%s)\n\n", s.title, plotDir, s.file())
		}
	}
	return b.String()
}

func (r *report) flags() string {
	if r.quick {
		return " -quick"
	}
	return ""
}

// goals writes the table of what is reached and what is not.
func (r *report) goals(b *strings.Builder) {
	fmt.Fprint(b, "| goal | |")
	for _, k := range contestant.Ours {
		fmt.Fprintf(b, " %s |", k)
	}
	fmt.Fprintf(b, "\n|---|---|%s\n", strings.Repeat("---|", len(contestant.Ours)))
	for _, s := range r.series {
		if s.growth != nil {
			s.growth.goals(b, s.title)
		}
		if s.goal == nil {
			continue
		}
		fmt.Fprintf(b, "| %s | %s |", s.title, s.goal.text)
		for _, k := range contestant.Ours {
			fmt.Fprintf(b, " %s |", s.verdict(k))
		}
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
}

func (s *series) verdict(ours contestant.Kind) string {
	if s.goal.as != nil {
		ours = s.goal.as[ours]
	}
	unknown := func(k contestant.Kind) bool { return len(s.values[k]) == 0 }
	switch {
	case !slices.Contains(s.kinds, ours):
		return "" // nothing is expected of it
	case unknown(ours), slices.ContainsFunc(s.goal.against, unknown):
		return "not measured"
	case s.goal.met(s, ours):
		return "met"
	}
	return "**not met**"
}

func (s *series) table(b *strings.Builder) {
	fmt.Fprintf(b, "## %s\n\n", s.title)
	if s.goal != nil {
		fmt.Fprintf(b, "Goal: %s.\n\n", s.goal.text)
	}
	if s.growth != nil {
		s.growth.table(b)
		s.ended(b)
		return
	}
	unit := s.unit
	if unit != "" {
		unit = ", " + unit
	}
	fmt.Fprintf(b, "| | median%s | spread | of | / direct | / proxy_store |\n|---|---|---|---|---|---|\n", unit)
	for _, k := range s.kinds {
		all := s.all(k)
		if len(all) == 0 {
			continue
		}
		fmt.Fprintf(b, "| %s | "+s.format+" | "+s.format+" - "+s.format+" | %d | %s | %s |\n", k,
			s.median(k), all[0], all[len(all)-1], len(all), times(s.ratio(k, contestant.Direct)), times(s.ratio(k, contestant.NginxStore)))
	}
	s.ended(b)
}

// ended writes what stands below a table.
func (s *series) ended(b *strings.Builder) {
	if s.note != "" {
		fmt.Fprintf(b, "\n%s\n", s.note)
	}
	b.WriteByte('\n')
}

// times writes a ratio, if there is one.
func times(v float64) string {
	if math.IsNaN(v) {
		return ""
	}
	return fmt.Sprintf("%.2fx", v)
}
