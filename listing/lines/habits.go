package lines

import (
	"bytes"

	"mirror/listing"
)

// habits are what a server does the same way in every line, learned from the
// first lines: one odd line changes nothing.
type habits struct {
	clock    listing.Clock
	learning bool

	ballot   ballot
	language languages // of the months
	// gaps are the fewest spaces seen between a date of that shape, without
	// and with a time, and the name; 0: none seen.
	gaps [shapes][2]int
	// fileGap and dirGap are those of dir, behind a size and behind <DIR>.
	fileGap, dirGap int
	// marked: ls -F or -p put a mark behind the names: / * = |
	marked bool
	// dayMonths counts the dates in numbers that only make sense as day and
	// month, monthDays those as month and day.
	dayMonths, monthDays int

	// greetings is how often an rsync listing seems to begin in the sample. Only
	// the last time it does.
	greetings int

	// pending is the name of a VMS file whose other columns are in the line below.
	pending string
}

// learn reads a sample as d does, and returns how many entries it had.
func (h *habits) learn(d dialect, sample [][]byte) (entries int) {
	h.learning = true
	for _, line := range sample {
		if e, v := d.read(h, line); v == entry && listing.ValidName(e.Name) {
			entries++
		}
	}
	h.learning, h.pending = false, ""
	h.language = h.ballot.winner()
	return entries
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

// order is the order of day and month in dates made of numbers. Where nothing
// tells, it is that of usual.
func (h *habits) order(usual order) order {
	switch {
	case h.dayMonths > h.monthDays:
		return dayMonth
	case h.monthDays > h.dayMonths:
		return monthDay
	}
	return usual
}

// seeDate counts a date in numbers as evidence of the order.
func (h *habits) seeDate(b []byte) {
	if !h.learning || len(b) < 5 {
		return
	}
	x, rest, _ := bytes.Cut(b, b[2:3])
	y, _, _ := bytes.Cut(rest, b[2:3])
	switch first, second := small(x), small(y); {
	case first > 12 && first <= 31 && second >= 1 && second <= 12:
		h.dayMonths++
	case second > 12 && second <= 31 && first >= 1 && first <= 12:
		h.monthDays++
	}
}
