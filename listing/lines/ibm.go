package lines

import (
	"bytes"

	"mirror/listing"
)

// as400Line is a line of OS/400: owner, size, date, time, type, name. The date
// is in the order of the server's country. A member has no more than a name.
//
//	QSYS       77824 11/12/24 10:20:30 *STMF      name
//	QSYS                               *MEM       FILE.MBR
func as400Line(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	if f.n == 0 {
		return e, nothing
	}
	at := 1
	if !bytes.HasPrefix(f.word(1), []byte{'*'}) {
		at = 4
	}
	kind := f.word(at)
	if len(kind) < 3 || kind[0] != '*' || f.n < at+2 {
		return e, unread
	}
	e.Type = listing.File
	switch string(kind[1:]) {
	case "DIR", "DDIR", "LIB", "FLR":
		e.Type = listing.Dir
	case "SYMLNK":
		e.Type = listing.Symlink
	}
	if at == 4 {
		var s stamp
		length, ok := number(f.word(1))
		date := f.word(2)
		if !ok || !isDate(date) || !s.clockTime(f.word(3)) {
			return e, unread
		}
		usual := orders
		if bytes.IndexByte(date, '.') > 0 {
			usual = dayMonth
		}
		if e.MTime, ok = h.spanOf(date, s, usual); !ok {
			return e, unread
		}
		setSize(&e, listing.Exactly(length))
	}
	name := f.from(at + 1)
	if e.Type == listing.Dir {
		name = bytes.TrimSuffix(name, []byte{'/'})
	}
	e.Name = string(name)
	return e, entry
}

// nonstopLine is a line of HP NonStop (Tandem): name, code, size, date, time,
// owner, and who may do what, in quotes.
//
//	NAME             101             528 12-Nov-24 10:20:30 255,255 "oooo"
func nonstopLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	if f.n == 0 || f.is(0, "File") && f.is(1, "Code") {
		return e, nothing
	}
	at := 2
	if f.is(1, "O") || f.is(2, "+") { // open, or more than one partition
		at = 3
	}
	length, ok := number(f.word(at))
	if !ok || !digits(bytes.TrimRight(f.word(at-1), "LO+")) || !bytes.HasSuffix(line, []byte{'"'}) {
		return e, unread
	}
	d, ok := h.joined(f, at+1)
	if !ok || !d.timed {
		return e, unread
	}
	if e.MTime, ok = d.span(h.clock); !ok {
		return e, unread
	}
	e.Name, e.Type, e.Size = string(f.word(0)), listing.File, listing.Exactly(length)
	return e, entry
}

// mvsLine is a line of z/OS about a data set. Of a partitioned one (PO), which
// has members, a directory is made. The sizes are in tracks: they say nothing.
//
//	Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname
//	WYOSPT 3420   2024/11/12  1  200  FB      80  8053  PS  NAME
//	NRP004 3390   **NONE**    1   15  NONE     0     0  PO  NAME
//	TSO004 3390   VSAM NAME
//	V43525 Tape                                             NAME
//	Migrated                                                NAME
//	ARCIVE Not Direct Access Device                         NAME
//	Error determining attributes                            NAME
//	                                                  GDG   NAME
func mvsLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	last := f.n - 1
	if f.n == 0 || f.is(0, "Volume") && f.is(1, "Unit") {
		return e, nothing
	}
	e.Name = string(bytes.Trim(f.word(last), "'"))
	e.Type = listing.File
	switch {
	case last == 1 && (f.is(0, "Migrated") || f.is(0, "MIGRATED") || f.is(0, "ARCIVE") || f.is(0, "ARCIVED")):
		return e, entry
	case last == 2 && f.is(0, "Pseudo") && f.is(1, "Directory"):
		e.Type = listing.Dir
		return e, entry
	case last == 1 && (f.is(0, "GDG") || f.is(0, "VSAM") || f.is(0, "PATH")), last == 3 && f.is(0, "Error") && f.is(1, "determining"):
		return e, entry
	case last == 2 && f.is(1, "Tape"), last == 5 && f.is(1, "Not") && f.is(2, "Direct"):
		return e, entry
	case last == 3 && f.is(2, "VSAM"):
		return e, entry
	case last < 6:
		return e, unread
	}
	switch organisation := string(f.word(last - 1)); organisation {
	case "PO", "PO-E":
		e.Type = listing.Dir
	case "PS", "PS-E", "PS-L", "DA", "IS", "VS", "VSAM", "GDG", "PATH":
	default:
		return e, unread
	}
	if f.is(2, "**NONE**") {
		return e, entry
	}
	var s stamp
	ok := s.numeric(f.word(2), monthDay)
	if !ok {
		return e, unread
	}
	if e.MTime, ok = s.span(h.clock); !ok {
		return e, unread
	}
	return e, entry
}

// memberLine is a line of z/OS about a member of a partitioned data set, whose
// statistics may be missing, or a load module's:
//
//	 Name     VV.MM   Created       Changed      Size  Init   Mod   Id
//	NAME      01.01 2024/11/12 2024/11/12 10:20   128   128    0 USER
//	NAME      00B308 000411  00 FO                31    ANY
//	NAME
func memberLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	switch name := f.word(0); {
	case f.n == 0 || f.is(0, "Name") && (f.is(1, "VV.MM") || f.is(1, "Size")):
		return e, nothing
	case name[0] < 'A' && f.n == 1 && digits(name) || len(bytes.Trim(name, memberLetters)) > 0:
		return e, unread
	default:
		e.Name, e.Type = string(name), listing.File
	}
	if f.n == 1 {
		return e, entry
	}
	var s stamp
	version, dated := f.word(1), f.n >= 9 && s.numeric(f.word(3), monthDay) && s.clockTime(f.word(4))
	if dated && len(version) == 5 && version[2] == '.' {
		var ok bool
		if e.MTime, ok = s.span(h.clock); ok {
			return e, entry
		}
	}
	const hex = "0123456789ABCDEF"
	if len(version) == 6 && len(f.word(2)) == 6 && len(f.word(3)) == 2 &&
		len(bytes.Trim(version, hex)) == 0 && len(bytes.Trim(f.word(2), hex)) == 0 {
		return e, entry
	}
	return e, unread
}

const memberLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@#$-"

// zvmLine is a line of z/VM: name, type, format, record length, records,
// blocks, date, time, and the label of the disk.
//
//	NAME     TYPE     V        65      107        2 2024-11-12 10:20:30 060191
//	NAME     DIR        -        -        - 2024-11-12 10:20:30 -
func zvmLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	if f.n == 0 {
		return e, nothing
	}
	e.Name, e.Type = string(f.word(0))+"."+string(f.word(1)), listing.File
	date := 6
	switch {
	case f.is(1, "DIR"):
		e.Name, e.Type = string(f.word(0)), listing.Dir
		date = f.n - 3
	case f.n != 9 || !f.is(2, "F") && !f.is(2, "V"):
		return e, unread
	}
	var s stamp
	if date < 2 || !s.numeric(f.word(date), monthDay) || !s.clockTime(f.word(date+1)) {
		return e, unread
	}
	var ok bool
	if e.MTime, ok = s.span(h.clock); !ok {
		return e, unread
	}
	return e, entry
}
