package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Lines is how something grows with something else.
type Lines struct {
	Title string
	X, Y  Axis
	Lines []Line
}

// Line is one of them, from left to right.
type Line struct {
	Name   string
	Dashed bool // a limit, not a figure
	Points []Point
}

// Point is one figure.
type Point struct{ X, Y float64 }

const plotHeight = 280.0

// SVG draws the points that can be on the axes.
func (l Lines) SVG() string {
	top := below(l.Title) + lineGap + 6 // the y axis' title is above it
	bottom := top + plotHeight
	d := begin(bottom+52, l.Title)
	var xs, ys []float64
	var names float64
	for _, line := range l.Lines {
		for _, p := range line.Points {
			if l.drawable(p) {
				xs, ys = append(xs, p.X), append(ys, p.Y)
			}
		}
		names = max(names, textWidth(line.Name))
	}
	if len(xs) == 0 {
		d.text(margin, top+plotHeight/2, "minor", "start", "There are no figures.")
		return d.end()
	}
	y := newAxis(ys, l.Y.Log, bottom, top)
	var labels float64
	for _, v := range y.ticks {
		labels = max(labels, textWidth(l.Y.label(v)))
	}
	left, right := margin+labels+8, float64(width)-margin-names-14
	x := newAxis(xs, l.X.Log, left, right)
	l.grid(d, x, y)
	var ends []ending
	for i, line := range l.Lines {
		colour := fmt.Sprint("p", i%lineClasses)
		if line.Dashed {
			colour = "minor"
		}
		if at, ok := l.draw(d, line, i%lineClasses, x, y); ok {
			ends = append(ends, ending{line.Name, colour, at, at})
		}
	}
	spread(ends, bottom)
	for _, e := range ends {
		d.text(right+12, e.to+font/2-2, e.class, "start", e.name)
	}
	return d.end()
}

func (l Lines) drawable(p Point) bool {
	return finite(p.X) && finite(p.Y) && (p.X > 0 || !l.X.Log) && (p.Y > 0 || !l.Y.Log)
}

func (a Axis) label(v float64) string {
	if a.Format == nil {
		return Number(v)
	}
	return a.Format(v)
}

// grid draws both axes, their labels and titles.
func (l Lines) grid(d *drawing, x, y axis) {
	for _, v := range y.ticks {
		at, _ := y.at(v)
		d.line(x.from, at, x.to, at, "grid")
		d.text(x.from-8, at+font/2-2, "minor", "end", l.Y.label(v))
	}
	last := math.Inf(-1)
	for _, v := range x.ticks {
		at, _ := x.at(v)
		d.line(at, y.from, at, y.to, "grid")
		label := l.X.label(v)
		if at-textWidth(label)/2 >= last { // else it would touch the one before
			d.text(at, y.from+lineGap, "minor", "middle", label)
			last = at + textWidth(label)/2 + glyph
		}
	}
	d.line(x.from, y.from, x.to, y.from, "axis")
	d.line(x.from, y.from, x.from, y.to, "axis")
	d.text(margin, y.to-lineGap+4, "minor", "start", l.Y.Title)
	d.text((x.from+x.to)/2, y.from+2*lineGap+4, "minor", "middle", l.X.Title)
}

// draw draws one line, and returns the height at which it ends.
func (l Lines) draw(d *drawing, line Line, class int, x, y axis) (end float64, ok bool) {
	var path strings.Builder
	var dots [][2]float64
	for _, p := range line.Points {
		if !l.drawable(p) {
			continue
		}
		px1, _ := x.at(p.X)
		py, _ := y.at(p.Y)
		dots = append(dots, [2]float64{px1, py})
		fmt.Fprintf(&path, "%s,%s ", px(px1), px(py))
		end, ok = py, true
	}
	stroke := fmt.Sprint("l", class)
	if line.Dashed {
		stroke = "dashed"
	}
	if len(dots) > 1 {
		fmt.Fprintf(d, `<polyline class="line %s" points="%s"/>`+"\n", stroke, strings.TrimSpace(path.String()))
	}
	if !line.Dashed {
		for _, dot := range dots {
			fmt.Fprintf(d, `<circle class="p%d" cx="%s" cy="%s" r="3.5"/>`+"\n", class, px(dot[0]), px(dot[1]))
		}
	}
	return end, ok
}

// ending is a line's name beside its end.
type ending struct {
	name  string
	class string
	at    float64 // where the line ends
	to    float64 // where the name goes
}

// spread moves names apart that would lie on each other, and none below bottom.
func spread(ends []ending, bottom float64) {
	slices.SortStableFunc(ends, func(a, b ending) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	for i := range ends {
		if i > 0 {
			ends[i].to = max(ends[i].at, ends[i-1].to+lineGap)
		}
	}
	limit := bottom
	for i := len(ends) - 1; i >= 0; i-- {
		ends[i].to = min(ends[i].to, limit)
		limit = ends[i].to - lineGap
	}
}
