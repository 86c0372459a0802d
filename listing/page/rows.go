package page

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A frame is an element that has rows. Frames nest: a list within a table's
// row has rows of its own, and the outer row goes on after it.
type frame struct {
	kind    kind
	row     row
	anchor  int // that is open, or -1
	pending marks
	columns columns // of a table
}

// A kind is that of a frame, and of its rows: running text, lines of
// preformatted text, items of a list, rows of a table. A list and a table have
// nothing themselves but what should not be there, which is running text.
type kind uint8

const (
	flow kind = iota
	lines
	list
	item
	table
	tableRow
)

// maxFrames bounds the nesting that is followed; what is nested deeper is
// read as if it were not.
const maxFrames = 64

// maxParts bounds the anchors, the cells and the pieces of a cell that a row
// has; more make another row.
const maxParts = 1000

// rows cuts a page into rows.
type rows struct {
	z      *html.Tokenizer
	emit   func(*row)
	base   func(href string)
	frames []frame

	title string
	depth int  // how many sections are open
	low   int  // the least of depth since the last row of running text
	cut   bool // something within it had not ended when the page did
	words bool // there is text, or a link
	block bool // a list or preformatted text ended
	held  bool // there was a row with an entry in a table, a list or preformatted text
	ended bool // </body> or </html> came, and no row with a link since
}

// whole: the page ended. Some servers never write </body>; of their pages all
// else that began must have ended.
func (p *rows) whole() bool { return p.ended || p.held && p.depth == 0 && !p.cut }

// read emits all rows of the page.
func (p *rows) read(body []byte) {
	p.z = html.NewTokenizer(bytes.NewReader(body))
	p.push(flow)
	for {
		switch p.z.Next() {
		case html.ErrorToken:
			p.cut = len(p.frames) > 1
			for len(p.frames) > 0 {
				p.pop()
			}
			return
		case html.TextToken:
			p.text(p.z.Text())
		case html.StartTagToken, html.SelfClosingTagToken:
			p.start()
		case html.EndTagToken:
			name, _ := p.z.TagName()
			p.end(atom.String(name))
		}
	}
}

func (p *rows) top() *frame { return &p.frames[len(p.frames)-1] }

func (p *rows) push(k kind) {
	n := len(p.frames)
	if n == maxFrames {
		return
	}
	if n == cap(p.frames) {
		p.frames = append(p.frames, frame{})
	}
	p.frames = p.frames[:n+1]
	old := p.frames[n].row // with the memory of a frame that ended
	p.frames[n] = frame{kind: k, anchor: -1, row: row{cells: old.cells[:0], anchors: old.anchors[:0]}}
}

func (p *rows) pop() {
	p.flush()
	p.frames = p.frames[:len(p.frames)-1]
}

// popTo ends the innermost frame of a kind, and those within it, unless there
// is one of the wall's kind further in.
func (p *rows) popTo(k, wall kind) bool {
	for i := len(p.frames) - 1; i > 0; i-- {
		switch p.frames[i].kind {
		case k:
			for len(p.frames) > i {
				p.pop()
			}
			return true
		case wall:
			return false
		}
	}
	return false
}

// popInto ends the frames within the innermost one of a kind.
func (p *rows) popInto(k, wall kind) bool {
	for i := len(p.frames) - 1; i > 0; i-- {
		switch p.frames[i].kind {
		case k:
			for len(p.frames) > i+1 {
				p.pop()
			}
			return true
		case wall:
			return false
		}
	}
	return false
}

// flush emits the row that is at hand.
func (p *rows) flush() {
	f := p.top()
	r := &f.row
	if len(r.anchors) > 0 || len(r.cells) > 0 {
		r.marks |= f.pending
		if r.kind = f.kind; r.kind == list || r.kind == table {
			r.kind = flow
		}
		if r.kind == flow {
			r.low, p.low = p.low, p.depth
		}
		r.columns = nil
		for i := len(p.frames) - 1; i >= 0 && r.kind == tableRow && r.columns == nil; i-- {
			if p.frames[i].kind == table {
				r.columns = &p.frames[i].columns
			}
		}
		if len(r.anchors) > 0 {
			p.ended = false
		}
		p.emit(r)
	}
	for i := range r.cells {
		r.cells[i].pieces = r.cells[i].pieces[:0]
	}
	*r = row{cells: r.cells[:0], anchors: r.anchors[:0]}
	f.anchor, f.pending = -1, 0
}

// cell is the cell that text goes to.
func (f *frame) cell() *cell {
	if len(f.row.cells) == 0 {
		f.newCell(1)
	}
	return &f.row.cells[len(f.row.cells)-1]
}

// newCell begins a cell, with the memory of an earlier row's.
func (f *frame) newCell(span int) {
	c := f.row.cells
	if len(c) < cap(c) {
		c = c[:len(c)+1]
		last := &c[len(c)-1]
		*last = cell{span: span, pieces: last.pieces[:0]}
	} else {
		c = append(c, cell{span: span})
	}
	f.row.cells = c
}

// addPiece adds a piece to the row at hand.
func (p *rows) addPiece(text string, end bool) {
	f := p.top()
	if len(f.cell().pieces) >= maxParts {
		p.flush()
	}
	c := f.cell()
	c.pieces = append(c.pieces, piece{text: text, anchor: f.anchor, end: end})
}

// text takes text in; in preformatted text, the end of a line ends a row.
func (p *rows) text(b []byte) {
	f := p.top()
	for f.kind == lines && f.anchor < 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		p.piece(b[:i])
		p.flush()
		b = b[i+1:]
	}
	p.piece(b)
}

func (p *rows) piece(b []byte) {
	if f := p.top(); f.anchor >= 0 || len(bytes.TrimSpace(b)) > 0 {
		p.words = true
		p.addPiece(string(b), false)
	}
}

// start takes a start tag in.
func (p *rows) start() {
	raw, more := p.z.TagName()
	name := atom.String(raw)
	var a attributes
	if more {
		a = p.attributes()
	}
	switch name {
	case "script", "style", "svg", "template", "select", "textarea", "title":
		p.mark(a)
		p.skip(name)
		return
	case "base":
		if a.hasHref {
			p.base(a.href)
		}
		return
	case "table":
		p.breakLine()
		p.push(table)
		return
	case "pre", "listing", "xmp":
		p.breakLine()
		p.push(lines)
		return
	case "ul", "ol", "dl":
		p.breakLine()
		p.push(list)
		return
	case "tr":
		p.popTo(tableRow, table)
		p.push(tableRow)
	case "td", "th":
		if !p.popInto(tableRow, table) {
			p.push(tableRow)
		}
		if f := p.top(); len(f.row.cells) < maxParts {
			f.anchor = -1
			f.newCell(a.span)
		}
	case "li", "dt":
		p.breakLine()
		p.popTo(item, list)
		p.push(item)
	case "div", "section", "article", "header", "footer", "main", "nav", "form", "aside":
		p.depth++
		fallthrough
	case "br", "hr", "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "center", "address", "fieldset", "figure", "details", "legend":
		switch f := p.top(); {
		case f.kind == flow && f.anchor < 0, f.kind == lines && (name == "br" || name == "hr"):
			p.flush()
		case f.kind == tableRow || f.kind == item:
			p.addPiece("", true)
		}
	case "a":
		if a.hasHref {
			p.anchor(a)
		}
		return
	}
	p.mark(a)
	if a.exact != "" {
		c := p.top().cell()
		c.exact, c.bytes = a.exact, a.bytes
	}
	if name == "time" && a.stamp != "" {
		p.top().cell().stamp = a.stamp
	}
}

// end takes an end tag in.
func (p *rows) end(name string) {
	switch name {
	case "a":
		p.top().anchor = -1
	case "html", "body":
		p.breakLine()
		p.ended = true
	case "table":
		p.popTo(table, table)
	case "tr":
		p.popTo(tableRow, table)
	case "pre", "listing", "xmp":
		p.block = p.popTo(lines, tableRow) || p.block
	case "ul", "ol", "dl":
		p.block = p.popTo(list, tableRow) || p.block
	case "td", "th":
		p.popInto(tableRow, table)
	case "li":
		p.popTo(item, list)
	case "div", "section", "article", "header", "footer", "main", "nav", "form", "aside":
		p.breakLine()
		p.depth = max(0, p.depth-1)
		p.low = min(p.low, p.depth)
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "center", "address":
		p.breakLine()
	}
}

// breakLine ends a row of flowing or preformatted text where an element
// begins or ends.
func (p *rows) breakLine() {
	if f := p.top(); f.kind == flow && f.anchor < 0 {
		p.flush()
	}
}

// anchor begins an anchor; one that is still open ends.
func (p *rows) anchor(a attributes) {
	p.words = true
	f := p.top()
	c := f.cell()
	n := len(c.pieces)
	unended := f.kind == lines && f.anchor >= 0 && n > 0 && strings.HasSuffix(c.pieces[n-1].text, "\n")
	if unended || len(f.row.anchors) >= maxParts {
		p.flush() // unended: the line has ended, but not the anchor that was open
		c = f.cell()
	}
	f.anchor = len(f.row.anchors)
	f.row.anchors = append(f.row.anchors, anchor{
		href: a.href, title: a.title,
		cell: len(f.row.cells) - 1, piece: len(c.pieces),
		marks: f.pending | a.marks,
	})
	f.pending = 0
}

// mark gives marks to the anchor they are in, or to the next.
func (p *rows) mark(a attributes) {
	if f := p.top(); f.anchor >= 0 {
		f.row.anchors[f.anchor].marks |= a.marks
	} else {
		f.pending |= a.marks
	}
}

// skip passes an element whose text is not shown as text; of the title, it
// keeps it.
func (p *rows) skip(name string) {
	for depth := 1; depth > 0; {
		switch p.z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			if name == "title" && p.title == "" {
				p.title = strings.TrimSpace(string(p.z.Text()))
			}
		case html.StartTagToken:
			if tag, _ := p.z.TagName(); string(tag) == name {
				depth++
			}
		case html.EndTagToken:
			if tag, _ := p.z.TagName(); string(tag) == name {
				depth--
			}
		}
	}
}
