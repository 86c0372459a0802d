package page

import (
	"strings"
	"unicode"
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
	dirMark  marks = 1 << iota // an icon with "[DIR]" for its text
	dirHint                    // a class="folder", which may be about something else
	linkMark                   // an icon with "[LINK]"
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

// shown finds the piece of an anchor that shows its name, or else the first
// that has any text; -1 where there is none.
func (r *row) shown(anchor int, name string) int {
	a := &r.anchors[anchor]
	pieces := r.cells[a.cell].pieces
	first := -1
	for i := a.piece; i < len(pieces) && pieces[i].anchor == anchor; i++ {
		switch text := strings.TrimSpace(pieces[i].text); {
		case text == "":
		case sameName(text, name):
			return i
		case first < 0:
			first = i
		}
	}
	return first
}

// text is what an anchor shows for its name.
func (r *row) text(anchor int, name string) string {
	if i := r.shown(anchor, name); i >= 0 {
		return r.cells[r.anchors[anchor].cell].pieces[i].text
	}
	return ""
}

// around is the text before an anchor, the pieces inside of it but for the
// name, and the text after it, up to the next anchors and ends of lines.
func (r *row) around(anchor int, name string) (before string, inside []piece, after string) {
	a := &r.anchors[anchor]
	pieces := r.cells[a.cell].pieces
	at := a.piece
	for i := at - 1; i >= 0 && pieces[i].anchor < 0 && !pieces[i].end && len(before) < maxText; i-- {
		before = pieces[i].text + "  " + before
	}
	shown := r.shown(anchor, name)
	for ; at < len(pieces) && pieces[at].anchor == anchor; at++ {
		if at != shown && strings.TrimSpace(pieces[at].text) != "" {
			inside = append(inside, pieces[at])
		}
	}
	for ; at < len(pieces) && len(after) < maxText; at++ {
		if pieces[at].anchor >= 0 {
			if r.kind != lines || strings.TrimSpace(after) != "" {
				break
			}
			continue // part of a name that was not escaped
		}
		after += pieces[at].text + "  "
	}
	return before, inside, after
}

// arrow is what "-> target" behind the name that an anchor shows points to.
func (r *row) arrow(anchor int, name string) (target string, ok bool) {
	if r.kind == flow {
		return "", false
	}
	shown := r.shown(anchor, name)
	for c := r.anchors[anchor].cell; c < len(r.cells); c++ {
		pieces := r.cells[c].pieces
		for i := range pieces {
			if p := pieces[i].anchor; p >= 0 && p != anchor || c == r.anchors[anchor].cell && i <= shown {
				continue
			}
			text := strings.TrimSpace(pieces[i].text)
			rest, found := strings.CutPrefix(text, "->")
			if !found {
				rest, found = strings.CutPrefix(text, "→")
			}
			if !found {
				continue
			}
			if rest = strings.TrimSpace(rest); rest == "" && i+1 < len(pieces) {
				rest = pieces[i+1].text
			}
			return rest, rest != ""
		}
	}
	return "", false
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

// sameName: what is shown is the name of what is linked to. Servers cut names
// short, and write "/", "@" or "*" behind them.
func sameName(shown, name string) bool {
	shown = strings.TrimSpace(shown)
	if shown == name || strings.TrimRight(shown, "/@*") == name {
		return true
	}
	if shown == "" {
		return strings.TrimSpace(name) == ""
	}
	for _, cut := range []string{"..>", "...", "..", "…", ">"} {
		if begin, ok := strings.CutSuffix(shown, cut); ok && begin != "" && strings.HasPrefix(name, begin) {
			return true
		}
	}
	return loose(shown) == loose(name)
}

// loose forgets what package indexes change in a name for its link.
func loose(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == '_' || r == '.' || r == '/' || unicode.IsSpace(r):
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}
