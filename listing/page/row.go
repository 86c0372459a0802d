package page

import (
	"strings"
)

// A row is what belongs together on a page: a row of a table, an item of a
// list, a line of preformatted text, or, outside of these, what stands
// between the beginnings and ends of paragraphs.
type row struct {
	kind    kind
	cells   []cell // of a table's row; others have one
	anchors []anchor
	marks   marks // of icons and classes that belong to no anchor
	low     int   // of running text: how few sections were open, at the least, since the row before
	columns *columns
}

// A cell has pieces of text in the order of the page.
type cell struct {
	span   int
	exact  string // data-size, or what the cell is sorted by
	bytes  bool   // exact is said to be a size
	when   string // data-time
	pieces []piece
}

// A piece is text, that of a <time datetime> included, or the place of a line's
// end within a table or an item.
type piece struct {
	text   string
	anchor int // the anchor it is in, or -1
	end    bool
}

// An anchor is an <a href>.
type anchor struct {
	href        string
	cell, piece int // where it begins
	marks       marks
}

// marks are what icons and classes say of an entry.
type marks uint8

const (
	dirMark     marks = 1 << iota // an icon with "[DIR]" for its text
	dirHint                       // a class="folder", which may be about something else
	linkMark                      // an icon with "[LINK]"
	symlinkMark                   // a class="symlink"
)

// all is the whole text of a cell.
func (c *cell) all() string { return c.join(func(piece) bool { return true }) }

// own is the text of a cell outside of its anchors.
func (c *cell) own() string { return c.join(func(p piece) bool { return p.anchor < 0 }) }

// join puts the pieces that are wanted together; between them are two blanks,
// as between columns.
func (c *cell) join(want func(piece) bool) string {
	var b strings.Builder
	only := ""
	n := 0
	for _, p := range c.pieces {
		if p.end || !want(p) {
			continue
		}
		switch n++; n {
		case 1:
			only = p.text
		case 2:
			b.WriteString(only)
			fallthrough
		default:
			b.WriteString("  ")
			b.WriteString(p.text)
		}
		if b.Len() > 8*maxText {
			break
		}
	}
	if n > 1 {
		only = b.String()
	}
	return only
}

// endBetween: a line ends between two anchors.
func (r *row) endBetween(first, second int) bool {
	a, b := &r.anchors[first], &r.anchors[second]
	if a.cell != b.cell {
		return false
	}
	for _, p := range r.cells[a.cell].pieces[a.piece:b.piece] {
		if p.end {
			return true
		}
	}
	return false
}
