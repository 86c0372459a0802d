package plot

import (
	"fmt"
	"math"
)

// Bars is a figure of several contestants.
type Bars struct {
	Title  string
	Unit   string // of the figures; may be empty
	Format func(float64) string
	Rows   []Row // from top to bottom
}

// Row is one contestant.
type Row struct {
	Name             string
	Median, Min, Max float64
	Own              bool // it is to stand out
}

const (
	rowHeight = 28.0
	barHeight = 16.0
	// farApart is from where on the smaller ones would vanish beside the larger
	// ones on a linear axis.
	farApart = 25
)

// SVG draws the rows that have a figure.
func (b Bars) SVG() string {
	format := b.Format
	if format == nil {
		format = Number
	}
	top := below(b.Title)
	var rows []Row
	var names, figures float64
	var values []float64
	least, most := math.Inf(1), 0.0
	for _, r := range b.Rows {
		if !finite(r.Median) {
			continue
		}
		if !finite(r.Min) || !finite(r.Max) {
			r.Min, r.Max = r.Median, r.Median
		}
		rows = append(rows, r)
		names, figures = max(names, textWidth(r.Name)), max(figures, textWidth(format(r.Median)))
		values = append(values, r.Median, r.Min, r.Max)
		least, most = min(least, r.Median, r.Min), max(most, r.Median)
	}
	height := top + rowHeight*float64(len(rows)) + 48
	d := begin(height, b.Title)
	if len(rows) == 0 {
		d.text(margin, top+rowHeight/2+font/2, "minor", "start", "There are no figures.")
		return d.end()
	}
	left, right := margin+names+10, float64(width)-margin-figures-10
	x := newAxis(values, least > 0 && most > farApart*least, left, right)
	bottom := top + rowHeight*float64(len(rows))
	last := math.Inf(-1)
	for _, v := range x.ticks {
		at, _ := x.at(v)
		d.line(at, top, at, bottom, "grid")
		// A label that would touch the one before is left out; its line stays.
		label := format(v)
		if at-textWidth(label)/2 >= last {
			d.text(at, bottom+lineGap, "minor", "middle", label)
			last = at + textWidth(label)/2 + glyph
		}
	}
	zero := x.from
	if !x.log {
		zero, _ = x.at(0)
	}
	for i, r := range rows {
		y := top + rowHeight*(float64(i)+0.5)
		class := "bar"
		if r.Own {
			class = "own"
		}
		at, _ := x.at(r.Median)
		d.text(left-10, y+font/2-2, "", "end", r.Name)
		fmt.Fprintf(d, `<rect class="%s" x="%s" y="%s" width="%s" height="%s"/>`+"\n",
			class, px(min(zero, at)), px(y-barHeight/2), px(math.Abs(at-zero)), px(barHeight))
		from, _ := x.at(r.Min)
		to, _ := x.at(r.Max)
		if r.Min < r.Max {
			d.line(from, y, to, y, "spread")
			d.line(from, y-4, from, y+4, "spread")
			d.line(to, y-4, to, y+4, "spread")
		}
		d.text(float64(width)-margin, y+font/2-2, "", "end", format(r.Median))
	}
	d.line(zero, top, zero, bottom, "axis")
	title := b.Unit
	if x.log {
		if title != "" {
			title += ", "
		}
		title += "logarithmic"
	}
	d.text((left+right)/2, bottom+2*lineGap, "minor", "middle", title)
	return d.end()
}
