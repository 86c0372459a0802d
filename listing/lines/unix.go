package lines

import (
	"bytes"

	"mirror/listing"
)

// unixLine is a line of ls -l and of the many servers that imitate it:
//
//	-rw-r--r--  1 root root 4096 Nov 12 10:20 name
//
// Before the permissions there may be an inode and a number of blocks; the
// links, the owner and the group may be missing or have spaces in them. So what
// is looked for is a size with a date behind it.
func unixLine(h *habits, line []byte) (listing.Entry, verdict) {
	f := h.fields.split(line)
	e, at, rest, ok := h.unixFields(f)
	if !ok {
		return listing.Entry{}, unixOther(f)
	}
	if escapes(f) {
		return escaped(e, rest), entry
	}
	if e.Type == listing.Symlink {
		var target []byte
		rest, target = cutTarget(rest, e.Size, h.marked)
		e.Target = string(target)
		e.Size = listing.Span{}
	}
	if inode := f.word(0); at == 2 && e.Type == listing.File && linked(f.word(at+1)) {
		e.HardLink = string(inode)
	}
	e.Name = string(h.unmark(rest, &e))
	return e, entry
}

// unixOther judges lines that are no entry: "total 80" in any language.
func unixOther(f *fields) verdict {
	if f.n == 0 {
		return nothing
	}
	if _, sum := size(f.word(1)); sum && f.n == 2 && (f.word(0)[0] > '9' || f.word(0)[0] < '-') {
		return nothing
	}
	return unread
}

// linked reports whether a file has more names than one.
func linked(links []byte) bool { return digits(links) && string(links) != "1" }

// unixFields reads all but the name, which is rest with its target; at is the
// field of the permissions. A symlink's size is the length of its target.
func (h *habits) unixFields(f *fields) (e listing.Entry, at int, rest []byte, ok bool) {
	for at = 0; at < 3; at++ {
		if e.Type, e.Mode, ok = permissions(f.word(at)); ok {
			break
		}
		if _, number := size(f.word(at)); !number {
			return e, at, nil, false
		}
	}
	if !ok {
		return e, at, nil, false
	}
	if rest, ok = h.unowned(f, at, &e); ok {
		return e, at, rest, true
	}
	for n := range finders {
		n = h.finderAt(n)
		for i := at + 2; i < f.n; i++ {
			d, length, end, found := finders[n](h, f, i, e.Type)
			if !found {
				continue
			}
			if rest, ok = f.after(end - 1); !ok {
				continue
			}
			if e.MTime, ok = h.span(d); !ok {
				continue
			}
			h.found[n]++
			setSize(&e, length)
			return e, at, h.trimGap(rest, d), true
		}
	}
	rest, ok = h.undated(f, at, &e)
	return e, at, rest, ok
}

// finders are the ways to find a size and a date in a line, the surest first,
// given the field behind the size. end is the field behind the date.
var finders = [noDate]func(h *habits, f *fields, i int, t listing.Type) (d dated, length listing.Span, end int, ok bool){
	(*habits).usual, (*habits).monthNumber, (*habits).gluedSize,
}

// noDate stands behind the finders for lines without a date.
const noDate = 3

// finderAt returns the n-th finder to try: the one that most lines need, and
// then the others, since names may look like dates.
func (h *habits) finderAt(n int) int {
	switch {
	case h.finder == noDate || n > h.finder:
		return n
	case n == 0:
		return h.finder
	}
	return n - 1
}

// usual finds a size in field i-1, or the minor number of a device, and a date
// from i on.
func (h *habits) usual(f *fields, i int, t listing.Type) (d dated, length listing.Span, end int, ok bool) {
	length, ok = size(f.word(i - 1))
	if ok || t == listing.Other {
		d, ok = h.dateAt(f, i)
	}
	return d, length, i + d.words, ok
}

// monthNumber finds "531 3 29 03:26" (a size, a month, a day, and a time or
// year), and "531 1715952296" (ls --time-style=+%s).
func (h *habits) monthNumber(f *fields, i int, _ listing.Type) (d dated, length listing.Span, end int, ok bool) {
	length, ok = size(f.word(i - 1))
	if !ok || !digits(f.word(i)) {
		return d, length, 0, false
	}
	if seconds, ok := number(f.word(i)); ok && len(f.word(i)) >= 9 && i > 4 {
		d.epoch(seconds)
		return d, length, i + 1, true
	}
	d.month, d.day, d.words = dayOf(f.word(i)), dayOf(f.word(i+1)), 2
	ok = d.month > 0 && d.day > 0 && d.yearOrClock(f, i+2)
	return d, length, i + d.words, ok
}

// gluedSize finds "longgroup123456 Feb 12 17:20", where the columns were too
// narrow for what is in them.
func (h *habits) gluedSize(f *fields, i int, _ listing.Type) (d dated, length listing.Span, end int, ok bool) {
	w := f.word(i - 1)
	cut := len(w)
	for cut > 0 && '0' <= w[cut-1] && w[cut-1] <= '9' {
		cut--
	}
	if cut == 0 || w[cut-1]|0x20 < 'a' || w[cut-1]|0x20 > 'z' {
		return d, length, 0, false
	}
	if length, ok = size(w[cut:]); ok {
		d, ok = h.dateAt(f, i)
	}
	return d, length, i + d.words, ok
}

// unowned finds the name where owner and group are "?": ls writes so of a file
// that it could not look at, and package render always. Then each column is one
// word, and may be "?" itself.
//
//	-????????? ? ? ?    ?            ? name
//	-rw-r--r-- 1 ? ?            ? 2024-11-12 10:00 name
//	drwxr-xr-x 1 ? ?            0 ? name
func (h *habits) unowned(f *fields, at int, e *listing.Entry) (rest []byte, ok bool) {
	length, isSize := size(f.word(at + 4))
	if !f.is(at+2, "?") || !f.is(at+3, "?") || !isSize && !f.is(at+4, "?") {
		return nil, false
	}
	d, dated := h.dateAt(f, at+5)
	if dated {
		if e.MTime, ok = h.span(d); !ok {
			return nil, false
		}
	} else if d.words = 1; !f.is(at+5, "?") {
		return nil, false
	}
	setSize(e, length)
	return f.after(at + 4 + d.words)
}

// escapes reports whether package render wrote the line, which has the strange
// bytes of names as rsync has them, \#ooo. Such names of others are left as they
// are. A line of it has neither owner nor group. In one of ls that has none
// there is no number of links, and the time's "?" is as wide as times are.
func escapes(f *fields) bool {
	return f.is(2, "?") && f.is(3, "?") && (digits(f.word(1)) || f.is(1, "?") && f.gap(4) == 1)
}

// undated finds the name where no date is: "drwxr-xr-x 3 user group 512 name" of
// servers that write all lines so; otherwise it is a line that is cut off.
func (h *habits) undated(f *fields, at int, e *listing.Entry) (rest []byte, ok bool) {
	span, isSize := size(f.word(at + 4))
	if !h.learning && h.finder != noDate || f.n != at+6 || !isSize || !digits(f.word(at+1)) {
		return nil, false
	}
	h.found[noDate]++
	setSize(e, span)
	return f.after(at + 4)
}

// unixTypes are the letters before the permissions.
var unixTypes = map[byte]listing.Type{
	'-': listing.File, 'f': listing.File,
	'C': listing.File, 'M': listing.File, // on other than usual disks
	'd': listing.Dir,
	'l': listing.Symlink, 'e': listing.Symlink, // of z/OS, to outside
	'b': listing.Other, 'c': listing.Other, 'p': listing.Other, 's': listing.Other,
	'D': listing.Other, 'P': listing.Other, 'n': listing.Other, 'm': listing.Other, 'w': listing.Other,
	'?': listing.Unknown,
}

// permissions reads "drwxr-sr-t", with a mark for an access list behind it or
// not. Some servers leave the last letter away.
func permissions(w []byte) (t listing.Type, mode listing.Mode, ok bool) {
	if len(w) < 9 || len(w) > 11 || len(w) == 11 && bytes.IndexByte([]byte("+.@*"), w[10]) < 0 {
		return 0, 0, false
	}
	if t, ok = unixTypes[w[0]]; !ok {
		return 0, 0, false
	}
	if string(w[1:]) == "?????????" {
		return t, 0, true
	}
	mode, ok = listing.ReadPerm(w[1:min(len(w), 10)])
	return t, mode, ok
}

// cutTarget cuts "name -> target". A name may have an arrow in it: the target's
// length tells where the right one is, and without it the first is taken. Where
// names are marked, targets are too.
func cutTarget(rest []byte, length listing.Span, marked bool) (name, target []byte) {
	const arrow = " -> "
	if marks := rest[max(0, len(rest)-1):]; marked && len(bytes.Trim(marks, "/*=|")) == 0 && len(marks) > 0 {
		if name, target, ok := cutLength(rest[:len(rest)-1], arrow, length); ok {
			return name, target
		}
	}
	if name, target, ok := cutLength(rest, arrow, length); ok {
		return name, target
	}
	name, target, _ = bytes.Cut(rest, []byte(arrow))
	return name, target
}

// cutLength cuts b at an arrow with exactly length bytes behind it.
func cutLength(b []byte, arrow string, length listing.Span) (name, target []byte, ok bool) {
	at := int64(len(b)) - length.Lo
	start := at - int64(len(arrow))
	if !length.Exact() || length.Lo == 0 || start <= 0 || string(b[start:at]) != arrow {
		return nil, nil, false
	}
	return b[:start], b[at:], true
}
