package page

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

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
	muted bool // what follows only repeats the <time datetime> before it
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
			p.cut = p.cut || len(p.frames) > 1
			for len(p.frames) > 0 {
				p.pop()
			}
			return
		case html.TextToken:
			p.text(p.z.Text())
		case html.StartTagToken:
			p.start(false)
		case html.SelfClosingTagToken:
			p.start(true)
		case html.EndTagToken:
			p.end()
		}
	}
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
	if f := p.top(); !p.muted && (f.anchor >= 0 || len(bytes.TrimSpace(b)) > 0) {
		p.words = true
		p.addPiece(string(b), false)
	}
}

// An element is what a tag's name means for the rows of a page.
type element uint8

const (
	inline    element = iota
	hidden            // its text is not shown
	section           // it stands by itself, and may have such elements
	paragraph         // it stands by itself
	lineEnd
	tableElement
	rowElement
	cellElement
	preElement
	listElement
	itemElement
	anchorElement
	rootElement
)

func elementOf(a atom.Atom) element {
	switch a {
	case atom.Script, atom.Style, atom.Svg, atom.Template, atom.Select, atom.Textarea, atom.Title:
		return hidden
	case atom.Div, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main, atom.Nav, atom.Form, atom.Aside:
		return section
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Blockquote, atom.Center, atom.Address,
		atom.Fieldset, atom.Figure, atom.Details, atom.Legend:
		return paragraph
	case atom.Br, atom.Hr:
		return lineEnd
	case atom.Table:
		return tableElement
	case atom.Tr:
		return rowElement
	case atom.Td, atom.Th:
		return cellElement
	case atom.Pre, atom.Listing, atom.Xmp:
		return preElement
	case atom.Ul, atom.Ol, atom.Dl:
		return listElement
	case atom.Li, atom.Dt:
		return itemElement
	case atom.A:
		return anchorElement
	case atom.Html, atom.Body:
		return rootElement
	}
	return inline
}

// tagName is the name of a tag. The tokenizer has it as well, but makes a copy
// of it, and tags are most of a page.
func tagName(tag []byte) atom.Atom {
	var name [16]byte // longer than any that matters
	n := 0
	for i, c := range tag {
		if i == 0 || i == 1 && c == '/' { // "<" or "</"
			continue
		}
		if c <= ' ' || c == '/' || c == '>' {
			break
		}
		if n == len(name) {
			return 0
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		name[n] = c
		n++
	}
	return atom.Lookup(name[:n])
}

// start takes a start tag in.
func (p *rows) start(closed bool) {
	name := tagName(p.z.Raw())
	a := p.attributes()
	element := elementOf(name)
	p.muted = p.muted && element == inline
	switch element {
	case hidden:
		p.mark(a)
		if name != atom.Svg || !closed {
			p.skip(name)
		}
		return
	case anchorElement:
		if a.hasHref {
			p.anchor(a)
		}
		return
	case tableElement:
		p.breakLine()
		p.push(table)
	case preElement:
		p.breakLine()
		p.push(lines)
	case listElement:
		p.breakLine()
		p.push(list)
	case itemElement:
		p.breakLine()
		p.popTo(item, list)
		p.push(item)
	case rowElement:
		p.popTo(tableRow, table)
		p.push(tableRow)
	case cellElement:
		if !p.popInto(tableRow, table) {
			p.push(tableRow)
		}
		if f := p.top(); len(f.row.cells) < maxParts {
			f.anchor = -1
			f.newCell(a.span)
		}
	case section, paragraph, lineEnd:
		p.apart(element == lineEnd)
		if element == section {
			p.depth++
		}
	}
	switch {
	case name == atom.Base && a.hasHref:
		p.base(a.href)
	case name == atom.Noscript:
		p.z.NextIsNotRawText()
	case name == atom.Time:
		if r, _, _ := dateIn(a.datetime); r.precise != unread {
			p.addPiece(a.datetime, false)
			p.muted = true
		}
	}
	p.mark(a)
	if element == rowElement || element == tableElement || element == listElement {
		return // what these have is of no cell
	}
	if a.exact != "" {
		c := p.top().cell()
		c.exact, c.bytes = a.exact, a.bytes
	}
	if a.when != "" {
		p.top().cell().when = a.when
	}
}

// end takes an end tag in.
func (p *rows) end() {
	name := tagName(p.z.Raw())
	element := elementOf(name)
	p.muted = p.muted && element == inline && name != atom.Time
	switch element {
	case anchorElement:
		p.top().anchor = -1
	case rootElement:
		p.breakLine()
		p.ended = true
	case tableElement:
		p.popTo(table, table)
	case rowElement:
		p.popTo(tableRow, table)
	case cellElement:
		p.popInto(tableRow, table)
	case preElement:
		p.block = p.popTo(lines, tableRow) || p.block
	case listElement:
		p.block = p.popTo(list, tableRow) || p.block
	case itemElement:
		p.popTo(item, list)
	case section:
		p.breakLine()
		p.depth = max(0, p.depth-1)
		p.low = min(p.low, p.depth)
	case paragraph:
		p.breakLine()
	}
}

// apart takes in the beginning of something that stands by itself, or the end
// of a line.
func (p *rows) apart(lineEnd bool) {
	switch f := p.top(); {
	case f.kind == flow && f.anchor < 0, f.kind == lines && lineEnd:
		p.flush()
	case f.kind == tableRow || f.kind == item:
		p.addPiece("", true)
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
		href: a.href,
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
func (p *rows) skip(name atom.Atom) {
	for depth := 1; depth > 0; {
		tt := p.z.Next()
		switch tt {
		case html.ErrorToken:
			p.cut = true
			return
		case html.TextToken:
			if name == atom.Title && p.title == "" {
				p.title = strings.TrimSpace(string(p.z.Text()))
			}
		case html.StartTagToken, html.EndTagToken:
			if tagName(p.z.Raw()) != name {
				continue
			}
			if depth++; tt == html.EndTagToken {
				depth -= 2
			}
		}
	}
}
