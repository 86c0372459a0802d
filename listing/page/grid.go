package page

import "mirror/listing"

// A grid puts together again what belongs together in running text: a section
// for each entry, and in it one for the name, one for the size, one for the
// time.
//
//	<div><div><a href="a">a</a></div><div>7.5M</div><div>2024-05-17</div></div>
//	<div><div><a href="b">b</a></div><div>1.2K</div><div>2024-05-18</div></div>
//
// What is between two links goes with that to which it is closer in the
// nesting of sections, and else with the first.
type grid struct {
	last  int // index of the entry before, or -1
	apart int // what was open at the least between the last two entries
	pairs bool
	loose []looseText
}

// looseText is that of a row without a link; low is the row's.
type looseText struct {
	text string
	low  int
}

// maxLooseText is longer than a time and a size; what is longer is prose.
const maxLooseText = 64

// maxLoose is more than there are beside one entry; what has more is prose.
const maxLoose = 16

// add takes in a row without a link.
func (g *grid) add(text string, low int) {
	l := looseText{low: low}
	if len(text) <= maxLooseText {
		l.text = text
	}
	if g.last >= 0 && len(g.loose) < maxLoose {
		g.loose = append(g.loose, l)
	}
}

// settle gives the rows since the last entry to that, or to the next, of which
// low is the row's. Next is -1 at the end of the page: what is left then goes
// to the last entry if it is closer to it than the one before that was.
func (g *grid) settle(e *entries, next, low int) {
	far := low // the least of low from a row on to the next entry
	if next < 0 {
		far = g.apart + 1
	}
	backward := make([]int, len(g.loose))
	for i := len(g.loose) - 1; i >= 0; i-- {
		backward[i] = far
		far = min(far, g.loose[i].low)
	}
	near := 1 << 30
	for i := range g.loose {
		l := &g.loose[i]
		near = min(near, l.low)
		switch {
		case near >= backward[i] && (next >= 0 || g.pairs):
			l.give(e, g.last)
		case next >= 0:
			l.give(e, next)
		}
	}
	g.pairs = g.last >= 0
	g.last, g.apart, g.loose = next, min(near, low), g.loose[:0]
}

// give adds to an entry what it lacks.
func (l *looseText) give(e *entries, to int) {
	entry, find := &e.list[to], &e.finds[to]
	var f facts
	if f.line(l.text, false, &columns{}); !f.any() || sameName(l.text, entry.Name) {
		return
	}
	find.evidence = described
	if find.time.precise == unread {
		find.time = f.time
	}
	if f.kind != listing.Unknown {
		entry.Type = f.kind
	}
	if !entry.Size.Known && entry.Type != listing.Dir {
		entry.Size = f.size
	}
}
