package page

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A row is what belongs together on a page: a row of a table, an item of a
// list, a line of preformatted text, or, outside of these, what stands
// between the beginnings and ends of paragraphs.
type row struct {
	kind    rowKind
	cells   []cell // of a table's row; others have one
	anchors []anchor
	marks   marks // of icons and classes that belong to no anchor
	low     int   // of running text: how few sections were open, at the least, since the row before
	columns *columns
}

type rowKind uint8

const (
	flowRow rowKind = iota
	lineRow
	itemRow
	tableRow
)

// A cell has pieces of text in the order of the page.
type cell struct {
	span   int
	exact  string // data-size
	stamp  string // <time datetime>
	pieces []piece
}

// A piece is text, or the place of a line's end within a table or an item.
type piece struct {
	text   string
	anchor int // the anchor it is in, or -1
	end    bool
}

// An anchor is an <a href>.
type anchor struct {
	href, title string
	cell, piece int // where it begins
	marks       marks
}

// marks are what icons and classes say of an entry.
type marks uint8

const (
	dirMark  marks = 1 << iota // an icon with "[DIR]" for its text
	dirHint                    // a class="folder", which may be about something else
	linkMark                   // an icon with "[LINK]"
)

// A frame is an element that has rows. Frames nest: a list within a table's
// row has rows of its own, and the outer row goes on after it.
type frame struct {
	kind    frameKind
	row     row
	anchor  int // that is open, or -1
	pending marks
	columns columns // of a table
}

type frameKind uint8

const (
	flowFrame frameKind = iota
	preFrame
	listFrame
	itemFrame
	tableFrame
	rowFrame
)

// maxFrames bounds the nesting that is followed; what is nested deeper is
// read as if it were not.
const maxFrames = 64

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
	empty bool // a list or preformatted text ended with nothing in it
	held  bool // a table, list or preformatted text with links ended
	ended bool // </body> or </html> came, and no row with a link since
}

// whole: the page ended. Some servers never write </body>; of their pages all
// else that began must have ended.
func (p *rows) whole() bool { return p.ended || p.held && p.depth == 0 && !p.cut }

// read emits all rows of the page.
func (p *rows) read(body []byte) {
	p.z = html.NewTokenizer(bytes.NewReader(body))
	p.push(flowFrame)
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

func (p *rows) push(kind frameKind) {
	n := len(p.frames)
	if n == maxFrames {
		return
	}
	if n == cap(p.frames) {
		p.frames = append(p.frames, frame{})
	}
	p.frames = p.frames[:n+1]
	old := p.frames[n].row // with the memory of a frame that ended
	p.frames[n] = frame{kind: kind, anchor: -1, row: row{cells: old.cells[:0], anchors: old.anchors[:0]}}
}

func (p *rows) pop() {
	p.flush()
	p.frames = p.frames[:len(p.frames)-1]
}

// popTo ends the innermost frame of a kind, and those within it, unless there
// is one of the wall's kind further in.
func (p *rows) popTo(kind, wall frameKind) bool {
	for i := len(p.frames) - 1; i > 0; i-- {
		switch p.frames[i].kind {
		case kind:
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
func (p *rows) popInto(kind, wall frameKind) bool {
	for i := len(p.frames) - 1; i > 0; i-- {
		switch p.frames[i].kind {
		case kind:
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
		switch f.kind {
		case rowFrame:
			r.kind = tableRow
		case itemFrame:
			r.kind = itemRow
		case preFrame:
			r.kind = lineRow
		default:
			r.kind = flowRow
			r.low, p.low = p.low, p.depth
		}
		r.columns = nil
		for i := len(p.frames) - 1; i >= 0 && r.kind == tableRow && r.columns == nil; i-- {
			if p.frames[i].kind == tableFrame {
				r.columns = &p.frames[i].columns
			}
		}
		if len(r.anchors) > 0 {
			p.ended = false
			p.held = p.held || f.kind != flowFrame
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

func (f *frame) add(p piece) {
	c := f.cell()
	c.pieces = append(c.pieces, p)
}

// text takes text in; in preformatted text, the end of a line ends a row.
func (p *rows) text(b []byte) {
	f := p.top()
	for f.kind == preFrame && f.anchor < 0 {
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
		f.add(piece{text: string(b), anchor: f.anchor})
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
		p.push(tableFrame)
		return
	case "pre", "listing", "xmp":
		p.breakLine()
		p.push(preFrame)
		return
	case "ul", "ol", "dl":
		p.breakLine()
		p.push(listFrame)
		return
	case "tr":
		p.popTo(rowFrame, tableFrame)
		p.push(rowFrame)
	case "td", "th":
		if !p.popInto(rowFrame, tableFrame) {
			p.push(rowFrame)
		}
		p.top().anchor = -1
		p.top().newCell(a.span)
	case "li", "dt":
		p.breakLine()
		p.popTo(itemFrame, listFrame)
		p.push(itemFrame)
	case "div", "section", "article", "header", "footer", "main", "nav", "form", "aside":
		p.depth++
		fallthrough
	case "br", "hr", "p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "center", "address", "fieldset", "figure", "details", "legend":
		switch f := p.top(); {
		case f.kind == flowFrame && f.anchor < 0, f.kind == preFrame && (name == "br" || name == "hr"):
			p.flush()
		case f.kind == rowFrame || f.kind == itemFrame:
			f.add(piece{anchor: f.anchor, end: true})
		}
	case "a":
		if a.hasHref {
			p.anchor(a)
		}
		return
	}
	p.mark(a)
	if a.exact != "" {
		p.top().cell().exact = a.exact
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
		p.popTo(tableFrame, tableFrame)
	case "tr":
		p.popTo(rowFrame, tableFrame)
	case "pre", "listing", "xmp":
		p.popTo(preFrame, rowFrame)
	case "ul", "ol", "dl":
		p.popTo(listFrame, rowFrame)
	case "td", "th":
		p.popInto(rowFrame, tableFrame)
	case "li":
		p.popTo(itemFrame, listFrame)
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
	if f := p.top(); f.kind == flowFrame && f.anchor < 0 {
		p.flush()
	}
}

// anchor begins an anchor; one that is still open ends.
func (p *rows) anchor(a attributes) {
	f := p.top()
	c := f.cell()
	if n := len(c.pieces); f.kind == preFrame && f.anchor >= 0 && n > 0 && strings.HasSuffix(c.pieces[n-1].text, "\n") {
		p.flush() // the line has ended, but not the anchor that was open
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
