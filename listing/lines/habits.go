package lines

import (
	"bytes"
	"slices"

	"mirror/listing"
)

// habits are what a server does the same way in every line, learned from the
// first lines: one odd line changes nothing.
type habits struct {
	clock    listing.Clock
	learning bool
	fields   fields // of the line that is being read, to be used again

	ballot   ballot
	language languages // of the months
	// gaps are the fewest spaces seen between a date of that shape, without
	// and with a time, and the name; 0: none seen.
	gaps [shapes][2]int
	// fileGap and dirGap are those of dir, behind a size and behind <DIR>.
	fileGap, dirGap int
	// found counts which finder found how many dates, finder is the first of them.
	found  [noDate + 1]int
	finder int
	// marked: ls -F or -p put a mark behind the names: / * = |
	marked bool
	// orders counts, of the dates made of numbers, those that make sense in each order.
	orders [orders]int

	// greetings is how often an rsync listing seems to begin in the sample. Only
	// the last time it does.
	greetings int

	// pending is the name of a VMS file whose other columns are in the line below.
	pending string
}

// learn reads a sample as d does, and returns how many entries it had.
func (h *habits) learn(d dialect, sample [][]byte) (entries int) {
	h.learning = true
	missed := false
	for _, line := range sample {
		switch judge(d.read(h, line)) {
		case begins:
			h.greetings++
			entries = 0
		case entry:
			entries++
		case unread:
			missed = true
		}
	}
	h.conclude()
	if d.all && missed {
		return 0
	}
	return entries
}

// conclude ends the learning.
func (h *habits) conclude() {
	h.learning, h.pending = false, ""
	h.language = h.ballot.winner()
	for n, lines := range h.found {
		if lines > h.found[h.finder] {
			h.finder = n
		}
	}
}

// trimGap takes away the spaces between a date and the name in rest but for the
// first, which is gone already. What is more than all lines have is the name's.
func (h *habits) trimGap(rest []byte, d dated) []byte {
	if d.shape == monthFirst || d.shape == isoTime {
		return rest
	}
	timed := 0
	if d.timed {
		timed = 1
	}
	for ; d.pad > 0 && len(rest) > 1 && rest[0] == ' '; d.pad-- {
		rest = rest[1:]
	}
	return h.trim(rest, &h.gaps[d.shape][timed])
}

// trim takes gap-1 spaces away, and learns how many there always are.
func (h *habits) trim(rest []byte, gap *int) []byte {
	extra := len(rest) - len(bytes.TrimLeft(rest, " "))
	if h.learning && (*gap == 0 || extra+1 < *gap) {
		*gap = extra + 1
	}
	return rest[min(extra, max(0, *gap-1)):]
}

// unmark takes away what ls -F puts behind a name. No name has a slash in it,
// so behind a directory's it is always a mark; where it is, the others are too.
func (h *habits) unmark(name []byte, e *listing.Entry) []byte {
	if len(name) < 2 {
		return name
	}
	last, bits := name[len(name)-1], uint16(0)
	if b, known := e.Mode.Bits(); known {
		bits = b
	}
	switch {
	case last == '/' && e.Type == listing.Dir:
		h.marked = h.marked || h.learning
	case !h.marked:
		return name
	case last == '*' && e.Type == listing.File && bits&0o111 != 0:
	case (last == '=' || last == '|') && e.Type == listing.Other:
	default:
		return name
	}
	return name[:len(name)-1]
}

// spanOf is what date, made of numbers, and the time in s say. Where the
// listing leaves open which number is the day, it is in the usual order; where
// there is none, the span holds all that it may be.
func (h *habits) spanOf(date []byte, s stamp, usual order) (span listing.Span, ok bool) {
	if h.learning {
		h.seeDate(date)
	}
	most := slices.Max(h.orders[:])
	for o := range orders {
		t := s
		if h.orders[o] < most || usual < orders && o != usual && h.orders[usual] == most || !t.numeric(date, o) {
			continue
		}
		one, valid := t.span(h.clock)
		switch {
		case !valid:
		case !ok:
			span, ok = one, true
		default:
			span = listing.Between(min(span.Lo, one.Lo), max(span.Hi, one.Hi))
		}
	}
	return span, ok
}

// seeDate counts the orders in which a date is one, and not in the future.
func (h *habits) seeDate(date []byte) {
	for o := range orders {
		var s stamp
		if s.numeric(date, o) && s.valid() && s.exists(s.year) && !s.in(s.year).After(h.clock.Now.Add(day)) {
			h.orders[o]++
		}
	}
}
