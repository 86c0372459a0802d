package lines

import (
	"bytes"
	"io"
	"strings"
	"time"

	"mirror/listing"
)

// rsyncDialects are the two ways to let rsync print a directory.
var rsyncDialects = []dialect{
	{name: "rsync", read: rsyncLine},
	{name: "rsync-items", read: rsyncItem},
}

// ParseRsync reads what rsync prints of one directory with --list-only --no-h,
// or with --out-format='%i|%l|%M|%B|%n|%L', which tells hard links too; -l gives
// the targets of symlinks. The times are in the zone that rsync ran in.
//
// A listing of a directory begins with the directory itself: what comes before
// is the greeting of the daemon, whatever it looks like. Ended only says that no
// line was cut: whether the list came whole, rsync's exit code tells.
func ParseRsync(r io.Reader, o Options) (listing.Listing, error) {
	o = o.orDefault(dirBytes, dirEntries)
	in := newReader(r, o.MaxBytes)
	d, h := recognise(in.sample(), o.Clock, rsyncDialects)
	c := newCollector(o.MaxEntries)
	l, err := readAll(in, h, d, c)
	nameLeaders(l.Entries, c.names)
	return l, err
}

// nameLeaders puts the file that others are linked to into their group.
func nameLeaders(entries []listing.Entry, at map[string]int) {
	for _, e := range entries {
		if i, here := at[e.HardLink]; here {
			entries[i].HardLink = e.HardLink
		}
	}
}

// rsyncLine is a line of --list-only; strange bytes of names are \#ooo.
//
//	-rw-r--r--        4096 2024/11/12 10:20:30 name
//	lrwxrwxrwx           6 2024/11/12 10:20:30 name -> target
func rsyncLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	if f.n == 0 {
		return e, nothing
	}
	var ok bool
	if e.Type, e.Mode, ok = permissions(f.word(0)); !ok || len(f.word(0)) != 10 {
		return e, unread
	}
	length, isSize := size(f.word(1))
	if !isSize && !f.is(1, "?") { // package render knows some sizes not
		return e, unread
	}
	if e.MTime, ok = rsyncTime(f.word(2), f.word(3), h.clock); !ok {
		return e, unread
	}
	rest, ok := f.after(3)
	if !ok {
		return e, unread
	}
	if length.Exact() { // without --no-h, rounded in units that are not told
		setSize(&e, length)
	}
	if e = escaped(e, rest); e.Name == "." {
		return e, begins
	}
	return e, entry
}

// rsyncTime reads a date and a time of the day. Package render, which writes
// lists as rsync does, writes "?" for every digit that is not known: from the
// seconds, the hours or the year on.
//
//	2024/11/12 10:20:30    2024/11/12 10:20:??    2024/11/12 ??:??:??    ????/??/?? ??:??:??
func rsyncTime(date, clock []byte, c listing.Clock) (span listing.Span, ok bool) {
	noClock := string(clock) == "??:??:??"
	if string(date) == "????/??/??" {
		return span, noClock
	}
	var s stamp
	if !s.numeric(date, dayMonth) {
		return span, false
	}
	clock, noSeconds := bytes.CutSuffix(clock, []byte(":??"))
	switch {
	case noClock:
	case !s.clockTime(clock), noSeconds != (s.precision == time.Minute):
		return span, false
	}
	return s.span(c)
}

// rsyncItem is a line of --out-format='%i|%l|%M|%B|%n|%L': what would be done,
// size, time, permissions, name, target. Names of directories end with a slash.
//
//	>f+++++++++|4096|2024/11/12-10:20:30|rw-r--r--|name|
//	cL+++++++++|6|2024/11/12-10:20:30|rwxrwxrwx|name| -> target
//	hf+++++++++|4096|2024/11/12-10:20:30|rw-r--r--|name| => other name
func rsyncItem(h *habits, line []byte) (e listing.Entry, v verdict) {
	if len(line) == 0 {
		return e, nothing
	}
	parts := bytes.SplitN(line, []byte{'|'}, 5)
	if len(parts) != 5 || len(parts[0]) != 11 {
		return e, unread
	}
	length, isSize := number(parts[1])
	date, clock, _ := bytes.Cut(parts[2], []byte{'-'})
	if !isSize {
		return e, unread
	}
	var ok bool
	if e.MTime, ok = rsyncTime(date, clock, h.clock); !ok {
		return e, unread
	}
	if _, e.Mode, ok = permissions(append([]byte{'-'}, parts[3]...)); !ok {
		return e, unread
	}
	rest := parts[4]
	switch item, linked := parts[0][1], parts[0][0] == 'h'; {
	case linked && item != 'd':
		rest, e.HardLink = cutEscaped(rest, "| => ", listing.Span{})
	case item == 'L':
		rest, e.Target = cutEscaped(rest, "| -> ", listing.Exactly(length))
	default:
		if rest, ok = bytes.CutSuffix(rest, []byte{'|'}); !ok {
			return e, unread
		}
	}
	switch parts[0][1] {
	case 'f':
		e.Type, e.Size = listing.File, listing.Exactly(length)
	case 'L':
		e.Type = listing.Symlink
	case 'd':
		e.Type = listing.Dir
		rest = bytes.TrimSuffix(rest, []byte{'/'})
	case 'D', 'S':
		e.Type = listing.Other
	default:
		return e, unread
	}
	if e.Name = unescape(rest); e.Name == "." {
		return e, begins
	}
	return e, entry
}

// escaped is e with the names that rest has with escapes: its own and, of a link,
// whose size is the length of that, the target.
func escaped(e listing.Entry, rest []byte) listing.Entry {
	if e.Type == listing.Symlink {
		rest, e.Target = cutEscaped(rest, " -> ", e.Size)
		e.Size = listing.Span{}
	}
	e.Name = unescape(rest)
	return e
}

// cutEscaped cuts b at the arrow behind which stand as many bytes as length
// says, escapes undone, or at the first one.
func cutEscaped(b []byte, arrow string, length listing.Span) (name []byte, target string) {
	if length.Exact() {
		left := int64(len(unescape(b))) // of b[i:], escapes undone
		for i := 0; i < len(b); left-- {
			if left == length.Lo+int64(len(arrow)) && bytes.HasPrefix(b[i:], []byte(arrow)) {
				return b[:i], unescape(b[i+len(arrow):])
			}
			i += escape(b[i:])
		}
	}
	name, rest, _ := bytes.Cut(b, []byte(arrow))
	return name, unescape(rest)
}

// escape returns the length of what b begins with: \#ooo, or one byte.
func escape(b []byte) int {
	if len(b) >= 5 && b[0] == '\\' && b[1] == '#' {
		if c, ok := octal(b[2:5]); ok && c <= 0xff {
			return 5
		}
	}
	return 1
}

// unescape undoes \#ooo.
func unescape(b []byte) string {
	if !bytes.Contains(b, []byte(`\#`)) {
		return string(b)
	}
	var s strings.Builder
	for len(b) > 0 {
		n := escape(b)
		c := b[0]
		if n > 1 {
			bits, _ := octal(b[2:5])
			c = byte(bits)
		}
		s.WriteByte(c)
		b = b[n:]
	}
	return s.String()
}
