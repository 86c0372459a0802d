// Package plot draws what was measured, as SVG: bars with their spread for
// contestants, lines for what grows. The drawings are text that is the same for
// the same figures, need nothing but a browser, and follow its light or dark
// scheme.
//
//	title                                     title
//	  name  ████████├──┤   12.3               y │      ___o line
//	  ours  █████├┤         8.1                 │  o--
//	        └──┴──┴──┴──┘                       └──┴──┴──┴── x
package plot

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// All lengths are pixels.
const (
	width  = 720
	margin = 16
	font   = 13
	// glyph is what a character of the font takes, at most on average: a text is
	// never measured, since the reader's font is not known here.
	glyph   = 7.2
	lineGap = font + 4 // between two lines of text that do not touch
)

// style is of all drawings. What stands for a project's own figures is "own";
// the classes l0, l1, ... are lines.
const style = `
text { font: 13px system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.minor { fill: #59636e }
.back { fill: #ffffff }
.grid { stroke: #d1d9e0; stroke-width: 1 }
.axis, .spread { stroke: #59636e; stroke-width: 1 }
.spread { stroke: #1f2328; stroke-width: 1.5 }
.bar { fill: #afb8c1 } .own { fill: #54aeff }
.line { fill: none; stroke-width: 2 }
.l0 { stroke: #0969da } .l1 { stroke: #bc4c00 } .l2 { stroke: #1a7f37 } .l3 { stroke: #8250df } .l4 { stroke: #9a6700 } .l5 { stroke: #bf3989 } .l6 { stroke: #1b7c83 } .l7 { stroke: #cf222e }
.p0 { fill: #0969da } .p1 { fill: #bc4c00 } .p2 { fill: #1a7f37 } .p3 { fill: #8250df } .p4 { fill: #9a6700 } .p5 { fill: #bf3989 } .p6 { fill: #1b7c83 } .p7 { fill: #cf222e }
.dashed { stroke: #59636e; stroke-dasharray: 6 4 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .minor { fill: #9198a1 } .back { fill: #0d1117 } .grid { stroke: #3d444d }
.axis { stroke: #9198a1 } .spread { stroke: #f0f6fc }
.bar { fill: #57606a } .own { fill: #1f6feb }
.l0 { stroke: #4493f8 } .l1 { stroke: #f0883e } .l2 { stroke: #3fb950 } .l3 { stroke: #ab7df8 } .l4 { stroke: #d29922 } .l5 { stroke: #f778ba } .l6 { stroke: #39c5cf } .l7 { stroke: #ff7b72 }
.p0 { fill: #4493f8 } .p1 { fill: #f0883e } .p2 { fill: #3fb950 } .p3 { fill: #ab7df8 } .p4 { fill: #d29922 } .p5 { fill: #f778ba } .p6 { fill: #39c5cf } .p7 { fill: #ff7b72 }
.dashed { stroke: #9198a1 }
}
`

// lineClasses is how many lines can be told apart by colour.
const lineClasses = 8

// drawing is an SVG that is being written.
type drawing struct {
	strings.Builder
}

// begin writes what stands before the first figure, and the title.
func begin(height float64, title string) *drawing {
	d := new(drawing)
	fmt.Fprintf(d, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%s" viewBox="0 0 %[1]d %[2]s" role="img">`+"\n", width, px(height))
	fmt.Fprintf(d, "<title>%s</title>\n<style>%s</style>\n", escape(title), style)
	fmt.Fprintf(d, `<rect class="back" width="%d" height="%s"/>`+"\n", width, px(height))
	for i, line := range wrap(title, titleChars) {
		d.text(margin, titleTop+float64(i)*titleGap, "title", "start", line)
	}
	return d
}

const (
	titleTop   = 26.0
	titleGap   = 19.0
	titleChars = 82 // of the larger font, within the width
)

// below returns where the title ends.
func below(title string) float64 {
	return titleTop + titleGap*float64(len(wrap(title, titleChars))-1) + 14
}

func (d *drawing) end() string {
	d.WriteString("</svg>\n")
	return d.String()
}

func (d *drawing) text(x, y float64, class, anchor, s string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	if anchor != "start" {
		class += ` text-anchor="` + anchor + `"`
	}
	fmt.Fprintf(d, `<text x="%s" y="%s"%s>%s</text>`+"\n", px(x), px(y), class, escape(s))
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(d, `<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`+"\n", class, px(x1), px(y1), px(x2), px(y2))
}

// px writes a length: a tenth of a pixel is more than anybody sees.
func px(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }

// escape makes s text of XML, which some characters cannot be in at all.
func escape(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0xFFFE || r == 0xFFFF {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// textWidth is the room that s takes.
func textWidth(s string) float64 { return glyph * float64(len([]rune(s))) }

// wrap cuts s into lines of at most most characters, at spaces; a longer word
// stays whole.
func wrap(s string, most int) []string {
	var lines []string
	var line string
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) <= most:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}

// Number writes a figure for people: three digits that count, and thousands
// apart.
func Number(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	abs := math.Abs(v)
	if abs != 0 && abs < 1000 {
		digits := int(math.Floor(math.Log10(abs)))
		shift := math.Pow10(2 - digits)
		return strconv.FormatFloat(math.Round(v*shift)/shift, 'g', 4, 64)
	}
	s := strconv.FormatFloat(math.Round(abs), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if v < 0 {
		return "-" + s
	}
	return s
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
