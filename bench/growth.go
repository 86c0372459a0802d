package main

import (
	"fmt"
	"math"
	"strings"

	"mirror/bench/contestant"
	"mirror/bench/plot"
)

// growth is what work costs as there is more of it: a table with a line for each
// amount. Each of its columns is such that it stays the same where a cost grows
// as its work does.
type growth struct {
	amount  string               // what grows, as the title of the axis
	label   func(float64) string // of an amount
	columns []*column
	points  []growthPoint
}

// column is one cost.
type column struct {
	name   string
	unit   string
	format string // for fmt
	// each: the cost is given for one piece of the work, so the whole is amount
	// times it. Else it is the whole that must not grow.
	each bool
	// from is the smallest amount that counts: below it the cost is of what is
	// there once, whatever the work. 0: the column has no goal.
	from float64
}

type growthPoint struct {
	amount float64
	values []float64 // by column
}

// growthLimit is how much more a column may be at the largest amount than at the
// smallest one that counts. Something that grew with the square would be ten
// times as much at each next amount.
const growthLimit = 1.5

func (g *growth) add(amount float64, values ...float64) {
	if len(values) != len(g.columns) {
		panic(fmt.Sprintf("%d figures for %d columns", len(values), len(g.columns)))
	}
	g.points = append(g.points, growthPoint{amount, values})
}

// base returns the first figure of column i that counts; NaN if there is none.
func (g *growth) base(i int) (amount, value float64) {
	for _, p := range g.points {
		if p.amount >= g.columns[i].from {
			return p.amount, p.values[i]
		}
	}
	return math.NaN(), math.NaN()
}

// factor returns how much column i is at the largest amount, as a multiple of
// what it is at the smallest one that counts; NaN if these are not two.
func (g *growth) factor(i int) float64 {
	amount, value := g.base(i)
	if len(g.points) == 0 {
		return math.NaN()
	}
	last := g.points[len(g.points)-1]
	if !(last.amount > amount) {
		return math.NaN()
	}
	return last.values[i] / value
}

// exponent returns the e of "the whole cost grows as amount^e" between two
// points: 0 is constant, 1 in proportion, 2 with the square. NaN if a figure is
// not positive.
func (g *growth) exponent(i int, a, b growthPoint) float64 {
	if !(a.values[i] > 0 && b.values[i] > 0) {
		return math.NaN()
	}
	e := math.Log(b.values[i]/a.values[i]) / math.Log(b.amount/a.amount)
	if g.columns[i].each {
		e++
	}
	return e
}

// goals writes a line of the table of goals for each column that has one.
func (g *growth) goals(b *strings.Builder, title string) {
	for i, c := range g.columns {
		if c.from == 0 {
			continue
		}
		verdict := "**not met**"
		switch f := g.factor(i); {
		case math.IsNaN(f):
			verdict = "not measured"
		case f <= growthLimit:
			verdict = "met"
		}
		fmt.Fprintf(b, "| %s: %s | at the largest at most %.1fx that at %s |", title, c.name, growthLimit, g.label(c.from))
		for _, k := range contestant.Ours {
			if k != contestant.OursBuiltin { // the daemon is the same behind every front
				b.WriteString(" |")
				continue
			}
			fmt.Fprintf(b, " %s |", verdict)
		}
		b.WriteByte('\n')
	}
}

// table writes the figures, each with the exponent since the one before.
func (g *growth) table(b *strings.Builder) {
	fmt.Fprintf(b, "| %s |", g.amount)
	for _, c := range g.columns {
		unit := c.unit
		if unit != "" {
			unit = ", " + unit
		}
		fmt.Fprintf(b, " %s%s |", c.name, unit)
	}
	fmt.Fprintf(b, "\n|%s\n", strings.Repeat("---|", len(g.columns)+1))
	for n, p := range g.points {
		fmt.Fprintf(b, "| %s |", g.label(p.amount))
		for i, c := range g.columns {
			fmt.Fprintf(b, " "+c.format, p.values[i])
			if n > 0 {
				if e := g.exponent(i, g.points[n-1], p); !math.IsNaN(e) {
					fmt.Fprintf(b, " (^%.2f)", e)
				}
			}
			b.WriteString(" |")
		}
		b.WriteByte('\n')
	}
	b.WriteString("| largest / smallest that counts |")
	for i := range g.columns {
		fmt.Fprintf(b, " %s |", times(g.factor(i)))
	}
	b.WriteString("\n\nIn brackets is the exponent with which the whole cost has grown since the line above: 0 is not at all, 1 as the work, 2 as its square.\n")
}

// svg draws all columns as multiples of what they are where they begin to count.
func (g *growth) svg(title string) string {
	l := plot.Lines{
		Title: title,
		X:     plot.Axis{Title: g.amount, Log: true, Format: g.label},
		Y:     plot.Axis{Title: "multiple of the first that counts", Log: true},
	}
	least, most := math.Inf(1), math.Inf(-1)
	for i, c := range g.columns {
		_, base := g.base(i)
		line := plot.Line{Name: c.name}
		for _, p := range g.points {
			line.Points = append(line.Points, plot.Point{X: p.amount, Y: p.values[i] / base})
			least, most = min(least, p.amount), max(most, p.amount)
		}
		l.Lines = append(l.Lines, line)
	}
	l.Lines = append(l.Lines, plot.Line{
		Name: fmt.Sprintf("goal: %.1f", growthLimit), Dashed: true,
		Points: []plot.Point{{X: least, Y: growthLimit}, {X: most, Y: growthLimit}},
	})
	return l.SVG()
}
