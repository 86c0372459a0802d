package lines

import (
	"bytes"
	"time"

	"mirror/listing"
)

// dosLine is a line of IIS and other servers that imitate dir:
//
//	11-12-24  10:20AM       <DIR>          name
//	2024-11-12  22:20                9,730 name
//	11/12/2024  10:20 PM    <SYMLINKD>     name [target]
func dosLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	var s stamp
	at, half, ok := s.dosTime(f)
	date := f.word(0)
	if !ok || len(date) < 8 || len(date) > 10 || !isDate(date) {
		return e, dosOther(f)
	}
	rest, ok := f.after(at)
	if !ok {
		return e, unread
	}
	switch kind := string(f.word(at)); kind {
	case "<DIR>":
		e.Type = listing.Dir
		rest = h.trim(rest, &h.dirGap)
	case "<JUNCTION>", "<SYMLINKD>", "<SYMLINK>":
		e.Type = listing.Symlink
		rest = bytes.TrimLeft(rest, " ")
		if i := bytes.LastIndex(rest, []byte(" [")); i > 0 && rest[len(rest)-1] == ']' {
			e.Target = string(rest[i+2 : len(rest)-1])
			rest = rest[:i]
		}
	default:
		e.Type = listing.File
		if e.Size, ok = size(f.word(at)); !ok {
			return e, unread
		}
		rest = h.trim(rest, &h.fileGap)
	}
	if e.MTime, ok = h.dosSpan(date, s, half); !ok {
		return e, unread
	}
	e.Name = string(rest)
	return e, entry
}

// dosSpan is what date and the time in s say. IIS, whatever its language, writes
// 11-12-24 for Nov 12; a.m. and p.m. go with this order too, and dots do not.
func (h *habits) dosSpan(date []byte, s stamp, half bool) (listing.Span, bool) {
	switch {
	case date[2] == '-' && len(date) == 8:
		if !s.numeric(date, monthDay) {
			return listing.Span{}, false
		}
		return s.span(h.clock)
	case date[2] == '.':
		return h.spanOf(date, s, dayMonth)
	case date[2] == '-' || half:
		return h.spanOf(date, s, monthDay)
	}
	return h.spanOf(date, s, orders)
}

// dosTime reads the time behind the date; at is the field behind it, and half
// says that it is of a half of the day.
func (s *stamp) dosTime(f *fields) (at int, half, ok bool) {
	clock, at := f.word(1), 2
	n := len(clock)
	if n > 2 && clock[n-1]|0x20 == 'm' {
		n--
	}
	mark := byte(0)
	if n > 2 && (clock[n-1]|0x20 == 'a' || clock[n-1]|0x20 == 'p') {
		n--
		mark = clock[n] | 0x20
	} else if w := f.word(2); len(w) == 2 && w[1]|0x20 == 'm' && (w[0]|0x20 == 'a' || w[0]|0x20 == 'p') {
		mark, at = w[0]|0x20, 3
	}
	if !s.clockTime(clock[:n]) {
		return 0, false, false
	}
	if mark == 0 {
		return at, false, true
	}
	if s.hour < 1 || s.hour > 12 {
		return 0, false, false
	}
	if s.hour %= 12; mark == 'p' {
		s.hour += 12
	}
	return at, true, true
}

// dosOther judges the lines around: " Volume in drive C has no label.",
// " Directory of C:\pub", "  12 File(s)  1,234 bytes".
func dosOther(f *fields) verdict {
	switch {
	case f.n == 0, f.is(0, "Volume"), f.is(0, "Directory"), f.is(1, "File(s)"), f.is(1, "Dir(s)"):
		return nothing
	}
	return unread
}

// os2Line is a line of OS/2: the size, attributes, the date with years since
// 1900, and the time.
//
//	1123      A DIR    11-12-124  10:20  name
func os2Line(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	if f.n == 0 {
		return e, nothing
	}
	bytesLong, ok := number(f.word(0))
	if !ok {
		return e, unread
	}
	e.Type = listing.File
	at := 1
	for ; at < 4 && len(bytes.Trim(f.word(at), "RHSADIR")) == 0; at++ {
		if f.is(at, "DIR") {
			e.Type = listing.Dir
		}
	}
	var s stamp
	if !s.numeric(f.word(at), monthDay) || !s.clockTime(f.word(at+1)) || s.precision != time.Minute || f.n < at+3 {
		return e, unread
	}
	if e.MTime, ok = s.span(h.clock); !ok {
		return e, unread
	}
	setSize(&e, listing.Exactly(bytesLong))
	e.Name = string(f.from(at + 2))
	return e, entry
}
