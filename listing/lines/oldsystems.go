package lines

import (
	"bytes"
	"time"

	"mirror/listing"
)

// eplfLine is a line of EPLF: facts, a tab, the name.
//
//	+i8388621.48594,m825718503,r,s280,up644,	name
func eplfLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	facts, name, ok := bytes.Cut(line, []byte{'\t'})
	switch {
	case len(line) == 0:
		return e, nothing
	case !ok || len(facts) == 0 || facts[0] != '+':
		return e, unread
	}
	e.Name = string(name)
	var length listing.Span
	for _, fact := range bytes.Split(facts[1:], []byte{','}) {
		if len(fact) == 0 {
			continue
		}
		switch value := fact[1:]; fact[0] {
		case '/':
			e.Type = listing.Dir
		case 'r':
			e.Type = listing.File
		case 's':
			if n, ok := number(value); ok {
				length = listing.Exactly(n)
			}
		case 'm':
			if seconds, ok := number(value); ok {
				e.MTime = listing.Exactly(seconds)
			}
		case 'u':
			if bits, ok := octal(bytes.TrimPrefix(value, []byte{'p'})); ok && len(value) > 1 && value[0] == 'p' {
				e.Mode = listing.Perm(bits)
			}
		}
	}
	setSize(&e, length)
	return e, entry
}

// netwareLine is a line of NetWare and of Hellsoft's server: the rights in brackets.
//
//	d [RWCEAFMS] owner                          512 Nov 12 10:20 name
//	-[RWCEAFMS] owner                           512 Nov 12  2024 name
func netwareLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	at := 1
	rights := f.word(1)
	switch w := f.word(0); {
	case f.n == 0, f.is(0, "total"):
		return e, nothing
	case len(w) > 2 && w[1] == '[':
		at, rights = 0, w[1:]
	case len(w) != 1:
		return e, unread
	}
	e.Type = unixTypes[f.word(0)[0]]
	if e.Type != listing.File && e.Type != listing.Dir ||
		len(rights) < 3 || rights[0] != '[' || len(bytes.Trim(rights, "[-RWCEAFMS]")) > 0 {
		return e, unread
	}
	for i := at + 2; i < f.n; i++ {
		d, length, end, ok := h.usual(f, i, e.Type)
		if !ok || end >= f.n {
			continue
		}
		if e.MTime, ok = h.span(d); !ok {
			break
		}
		setSize(&e, length)
		e.Name = string(f.from(end))
		return e, entry
	}
	return e, unread
}

// numericLine is a line of servers that print what stat says: the mode in
// octal, owner, group, size, and seconds since 1970.
//
//	0100644   500  101   12345    123456789       name
func numericLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	mode, okMode := octal(f.word(0))
	length, okSize := number(f.word(3))
	seconds, okTime := number(f.word(4))
	if f.n == 0 {
		return e, nothing
	}
	if f.n < 6 || !okMode || len(f.word(0)) < 6 || !okSize || !okTime || !digits(f.word(1)) || !digits(f.word(2)) {
		return e, unread
	}
	e.Type, e.Mode = listing.Other, listing.Perm(mode)
	switch w := f.word(0); string(bytes.TrimLeft(w[:len(w)-4], "0")) {
	case "10":
		e.Type = listing.File
	case "4":
		e.Type = listing.Dir
	case "12":
		e.Type = listing.Symlink
	}
	rest := f.from(5)
	if e.Type == listing.Symlink {
		name, target := cutTarget(rest, listing.Exactly(length), false)
		rest, e.Target = name, string(target)
	} else {
		setSize(&e, listing.Exactly(length))
	}
	e.MTime, e.Name = listing.Exactly(seconds), string(rest)
	return e, entry
}

// vxworksLine is a line of VxWorks.
//
//	2048    Nov-12-2024  10:20:30   name              <DIR>
func vxworksLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	length, ok := number(f.word(0))
	parts := bytes.Split(f.word(1), []byte{'-'})
	var s stamp
	switch {
	case f.n == 0 || f.is(0, "size") || bytes.HasPrefix(f.word(0), []byte("---")):
		return e, nothing
	case !ok || f.n < 4 || len(parts) != 3 || !s.clockTime(f.word(2)):
		return e, unread
	}
	readings := monthReadings(parts[0])
	if s.day, s.year = dayOf(parts[1]), year(parts[2]); readings == nil || s.day == 0 || s.year == 0 {
		return e, unread
	}
	s.month = readings[0].month
	if e.MTime, ok = s.span(h.clock); !ok {
		return e, unread
	}
	e.Type = listing.File
	name := bytes.TrimRight(f.from(3), " ")
	if dir, isDir := bytes.CutSuffix(name, []byte("<DIR>")); isDir {
		e.Type, name = listing.Dir, bytes.TrimRight(dir, " ")
	}
	setSize(&e, listing.Exactly(length))
	e.Name = string(name)
	return e, entry
}

// vshellLine is a line of old versions of VShell.
//
//	206876  Nov 12, 2024 10:20 name
//	0  Nov 12, 2024 10:20 directory/
func vshellLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	length, ok := number(f.word(0))
	if f.n == 0 {
		return e, nothing
	}
	d, isDate := h.monthFirst(f, 1)
	if !ok || !isDate || !d.timed || d.year == 0 {
		return e, unread
	}
	name, ok := f.after(d.words)
	if !ok {
		return e, unread
	}
	if e.MTime, ok = h.span(d); !ok {
		return e, unread
	}
	e.Type = listing.File
	if dir, isDir := bytes.CutSuffix(name, []byte{'/'}); isDir {
		e.Type, name = listing.Dir, dir
	}
	setSize(&e, listing.Exactly(length))
	e.Name = string(name)
	return e, entry
}

// wfftpLine is a line of WFFTP: the name is first, the day of the week superfluous.
//
//	name       1014196  11/12/24  Tues.   10:20:30
func wfftpLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	if f.n == 0 {
		return e, nothing
	}
	var s stamp
	length, ok := number(f.word(1))
	if f.n != 5 || !ok || !s.numeric(f.word(2), monthDay) || !s.clockTime(f.word(4)) || s.precision != time.Second {
		return e, unread
	}
	if e.MTime, ok = s.span(h.clock); !ok {
		return e, unread
	}
	e.Name, e.Type, e.Size = string(f.word(0)), listing.File, listing.Exactly(length)
	return e, entry
}

// connectLine is a line of Connect:Enterprise: flags, an id, a batch, records,
// the size, and a date as Unix has it.
//
//	-C--E-----FTP B BCC3I1       7670  1294495 Nov 12 10:20 name
func connectLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	if f.n == 0 {
		return e, nothing
	}
	w := f.word(0)
	length, ok := number(f.word(4))
	if len(w) < 10 || w[0] != '-' || len(bytes.Trim(w[:10], "-ABCDEFGHIJKLMNOPQRSTUVWXYZ")) > 0 || !ok || !digits(f.word(3)) {
		return e, unread
	}
	d, ok := h.dateAt(f, 5)
	if !ok {
		return e, unread
	}
	name, ok := f.after(4 + d.words)
	if !ok {
		return e, unread
	}
	if e.MTime, ok = h.span(d); !ok {
		return e, unread
	}
	e.Name, e.Type, e.Size = string(name), listing.File, listing.Exactly(length)
	return e, entry
}

// os9Line is a line of OS-9: owner, date, time, attributes, sector, size.
//
//	20.20 24/11/12 1020 d-ewrewr 2650 85920 name
func os9Line(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	if f.n == 0 {
		return e, nothing
	}
	parts := bytes.Split(f.word(1), []byte{'/'})
	flags := f.word(3)
	length, ok := number(f.word(5))
	if f.n < 7 || len(parts) != 3 || len(parts[0]) != 2 || !ok || len(flags) != 8 || len(bytes.Trim(flags, "-dsrwe")) > 0 {
		return e, unread
	}
	s := stamp{year: century(small(parts[0])), month: small(parts[1]), day: small(parts[2]), precision: day}
	if e.MTime, ok = s.span(h.clock); !ok {
		return e, unread
	}
	e.Type = listing.File
	if flags[0] == 'd' {
		e.Type = listing.Dir
	}
	setSize(&e, listing.Exactly(length))
	e.Name = string(f.from(6))
	return e, entry
}

// win16Line is a line of servers of Windows 3: name, size, date, time, and
// attributes.
//
//	NAME.TXT        39        Nov 12 1994 10:20   A
//	PUB             <DIR>     11-12-94        10:20
func win16Line(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	if f.n == 0 {
		return e, nothing
	}
	length, ok := size(f.word(1))
	if e.Type = listing.File; f.is(1, "<DIR>") {
		e.Type, ok = listing.Dir, true
	}
	var s stamp
	at := 3
	if !s.numeric(f.word(2), monthDay) {
		d, isDate := h.monthFirst(f, 2)
		s, at, ok = d.stamp, 2+d.words, ok && isDate && d.year > 0
	}
	if !ok || !s.clockTime(f.word(at)) || f.n > at+2 {
		return e, unread
	}
	if e.MTime, ok = s.span(h.clock); !ok {
		return e, unread
	}
	setSize(&e, length)
	e.Name = string(f.word(0))
	return e, entry
}
