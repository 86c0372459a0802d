package page

import (
	"bytes"
	"strings"
	"unicode"

	"mirror/listing"
)

// A reader makes entries of the rows of a page.
type reader struct {
	*rows
	entries
	resolver *resolver
	columns  columns // of text outside of tables
	bare     int     // index of the last line's entry if it had nothing but a link; else -1
	grid     grid
	above    bool // there is a link to the directory above
	headed   bool // there are headings
	hashes   bool // there are links with a digest, as package indexes have
}

func parseHTML(body []byte, in Input) (listing.Listing, error) {
	p := &reader{rows: &rows{}, entries: newEntries(bytes.Count(body, []byte(" href="))), resolver: newResolver(in.Base), bare: -1, grid: grid{last: -1}}
	p.rows.base = p.resolver.base
	p.rows.emit = p.row
	p.rows.read(body)
	p.grid.settle(&p.entries, -1, 0)
	l := p.finish(in.Clock)
	l.Format = formatOf(body, p)
	// Without sizes and times, a few links may be those of a page that tells of an
	// outage.
	l.Ended = p.whole() && (p.described() || l.Format != generic || p.headed || listingTitle(p.title) && p.above)
	if len(l.Entries) == 0 && !p.listsNothing() {
		return listing.Listing{}, errNoListing(p.title)
	}
	return l, nil
}

// listsNothing tells the listing of an empty directory from another page: there
// is a link to the directory above, or headings, or a title that says so, or
// nothing at all but an empty list.
func (p *reader) listsNothing() bool {
	return p.above || p.headed || p.hashes || listingTitle(p.title) || p.block && !p.words
}

// target is an anchor that leads to an entry.
type target struct {
	anchor int
	link
}

// row takes a row in.
func (p *reader) row(r *row) {
	var targets [1]target
	t := p.targets(r, targets[:0])
	bare := p.bare
	p.bare = -1
	if len(t) == 0 {
		p.withoutEntry(r, bare)
		return
	}
	p.held = p.held || r.kind != flow
	switch {
	case r.kind == flow:
		n := len(p.list)
		p.flow(r, t)
		if len(t) == 1 && len(p.list) == n+1 {
			p.grid.settle(&p.entries, n, r.low)
		}
	case len(t) > 1 && p.several(r, t):
	default:
		p.single(r, t[0])
	}
}

// targets finds the anchors that lead to entries; anchors for the same one,
// such as an icon's and a name's, are one: that which has text.
func (p *reader) targets(r *row, t []target) []target {
	for i := range r.anchors {
		a := &r.anchors[i]
		l := p.resolver.resolve(a.href)
		switch l.place {
		case parent:
			p.above = true
		case unusable:
			p.misread(a.href)
		case elsewhere:
			p.hashes = p.hashes || strings.Contains(a.href, "#sha") || strings.Contains(a.href, "#md5=")
		case child:
			if l.query && !sameName(r.text(i, l.name), l.name) {
				continue
			}
			if n := len(t); n > 0 && t[n-1].name == l.name {
				if r.label(t[n-1].anchor, l.name).piece < 0 {
					a.marks |= r.anchors[t[n-1].anchor].marks
					t[n-1].anchor = i
				}
				continue
			}
			t = append(t, target{i, l})
		}
	}
	return t
}

// withoutEntry takes in a row that has none: headings, or what there is to say
// of the entry above. Bare is that of the line above, if it had nothing but a
// link, and else -1.
func (p *reader) withoutEntry(r *row, bare int) {
	switch {
	case len(r.cells) == 0:
	case r.kind == tableRow:
		p.tableHead(r)
	case r.kind == lines && len(r.anchors) == 0 && bare >= 0:
		var f facts
		text := r.cells[0].all()
		if p.finds[bare].evidence < named {
			text = without(text, p.list[bare].Name)
		}
		f.line(text, false, &p.columns)
		if p.bare = bare; f.any() {
			e := found{p.list[bare], p.finds[bare]}
			p.describe(&e, f)
			p.list[bare], p.finds[bare] = e.Entry, e.find
			p.bare = -1
		}
	case r.kind == flow && len(r.anchors) == 0:
		p.grid.add(r.cells[0].all(), r.low)
		p.lineHead(r)
	default:
		p.lineHead(r)
	}
}

// tableHead takes in the headings of a table.
func (p *reader) tableHead(r *row) {
	texts, spans := make([]string, len(r.cells)), make([]int, len(r.cells))
	for i := range r.cells {
		texts[i], spans[i] = r.cells[i].all(), r.cells[i].span
	}
	if c := headings(texts, spans); len(c.heads) > 0 && r.columns != nil {
		*r.columns, p.headed = c, true
	}
}

// lineHead takes in headings in a line: a link each, or two blanks apart.
func (p *reader) lineHead(r *row) {
	if len(r.cells[0].all()) > maxText {
		return
	}
	var texts []string
	for i := range r.cells[0].pieces {
		for s := range strings.SplitSeq(r.cells[0].pieces[i].text, "  ") {
			if s = strings.TrimSpace(s); s != "" {
				texts = append(texts, s)
			}
		}
	}
	if c := headings(texts, make([]int, len(texts))); len(c.heads) > 1 && len(c.heads) <= 8 {
		p.columns, p.headed = c, true
	}
}

// single takes in a row of one entry.
func (p *reader) single(r *row, t target) {
	var f facts
	m := r.marks
	for i := range r.anchors {
		m |= r.anchors[i].marks
	}
	if r.kind == tableRow && len(r.cells) > 1 {
		p.cells(r, t, &f)
	}
	if !f.any() {
		p.beside(r, t, &f)
	}
	p.entry(r, t, f, m)
}

// cells reads the cells of a table's row but the one that has the name.
func (p *reader) cells(r *row, t target, f *facts) {
	name, l := r.anchors[t.anchor].cell, r.label(t.anchor, t.name)
	column := 0
	for i := range r.cells {
		c := &r.cells[i]
		text := c.own()
		if strings.TrimSpace(text) == "" {
			text = c.all() // it is linked as well
		}
		text = l.outside(text)
		switch {
		case i == name:
		case r.columns != nil && len(r.columns.heads) > 0:
			f.column(c, text, r.columns, column)
		case i > name || digits(text) < len(text): // a mere number before the name is the row's
			f.content(c, text)
		}
		column += max(1, c.span)
	}
}

// beside reads the text around an anchor, up to the next one on either side.
func (p *reader) beside(r *row, t target, f *facts) {
	columns := &p.columns
	if r.kind == tableRow && r.columns != nil {
		columns = r.columns
	}
	before, inside, after := r.around(t.anchor, t.name)
	f.line(after, false, columns)
	if (r.kind == flow || r.kind == item) && f.time.precise == unread && strings.IndexFunc(after, unicode.IsLetter) < 0 {
		f.size = listing.Span{} // a mere number; it may count something
	}
	for i := range inside {
		f.whole(inside[i])
	}
	if len(inside) == 1 && !f.any() {
		f.line(inside[0], true, columns)
	}
	if before == "" || f.time.precise != unread || r.kind == flow && t.anchor > 0 {
		return
	}
	var g facts
	g.line(before, true, columns)
	if g.time.precise == unread && (f.any() || g.size.Exact()) {
		return // a number before a link, without a date, may be the link's own
	}
	if f.time, f.mode = g.time, g.mode; f.kind == listing.Unknown {
		f.kind = g.kind
	}
	if !f.size.Known {
		f.size, f.dash = g.size, f.dash || g.dash
	}
}

// entry adds the entry of a target.
func (p *reader) entry(r *row, t target, f facts, m marks) {
	e := found{listing.Entry{Name: t.name, Type: listing.File}, find{evidence: linked}}
	shown := r.text(t.anchor, t.name)
	if sameName(shown, t.name) {
		e.evidence = named
	}
	if m&dirMark != 0 {
		e.evidence = described
	}
	p.describe(&e, f)
	e.hint = m&(dirHint|dirMark) != 0
	switch {
	case e.Type == listing.Symlink || e.Type == listing.Dir:
	case t.slash || m&dirMark != 0 && !f.size.Known || strings.TrimSpace(shown) == t.name+"/":
		e.Type = listing.Dir
	}
	if e.Type == listing.Dir {
		e.Size = listing.Span{}
	}
	if to, ok := r.arrow(t.anchor, t.name); ok && (m&(linkMark|symlinkMark) != 0 || f.any()) {
		e.Type, e.Target = listing.Symlink, to
	} else if m&symlinkMark != 0 && e.Type != listing.Dir {
		e.Type = listing.Symlink
	}
	if _, twice := p.byName[t.name]; !twice && r.kind == lines && !f.any() {
		p.bare = len(p.list)
	}
	p.add(e)
}

// describe gives an entry what a row says of it.
func (p *reader) describe(e *found, f facts) {
	if e.Mode = f.mode; f.kind != listing.Unknown {
		e.Type = f.kind
	}
	if e.time, e.MTime = f.time, f.moment; e.Type != listing.Dir {
		e.Size = f.size
	}
	if f.any() {
		e.evidence = described
	}
}

// several takes in a row of several entries: lines within a cell of a table
// that is there for the layout, or cells with a name each. It returns false
// for a row of one entry that mentions others.
func (p *reader) several(r *row, t []target) bool {
	below, names := true, true
	for i := range t {
		if !sameName(r.text(t[i].anchor, t[i].name), t[i].name) {
			return false
		}
		if i > 0 {
			below = below && r.endBetween(t[i-1].anchor, t[i].anchor)
		}
		a := &r.anchors[t[i].anchor]
		names = names && strings.TrimSpace(r.cells[a.cell].own()) == "" && (i == 0 || r.anchors[t[i-1].anchor].cell != a.cell)
	}
	if names && r.kind == tableRow && (r.columns == nil || len(r.columns.heads) == 0) || below {
		for i := range t {
			var f facts
			p.beside(r, t[i], &f)
			p.entry(r, t[i], f, r.anchors[t[i].anchor].marks)
		}
		return true
	}
	return false
}

// flow takes in running text: names with or without something beside them
// are entries, links in sentences are not known to be any.
func (p *reader) flow(r *row, t []target) {
	words := strings.TrimFunc(r.cells[0].own(), notWord) != ""
	for i := range t {
		var f facts
		p.beside(r, t[i], &f)
		m := r.anchors[t[i].anchor].marks
		if i == 0 && len(t) == 1 {
			m |= r.marks
		}
		if words && !f.any() {
			p.prose(t[i])
			continue
		}
		p.entry(r, t[i], f, m)
	}
}

// prose adds what a sentence links to.
func (p *reader) prose(t target) {
	e := found{Entry: listing.Entry{Name: t.name, Type: listing.File}}
	if t.slash {
		e.Type = listing.Dir
	}
	p.add(e)
}
