package render

import (
	"io"
	"slices"
	"strconv"

	"mirror/listing"
)

// LsLR writes the directory as "LC_ALL=C TZ=UTC ls -lR --full-time" writes its
// first, without the totals of blocks, which only a disk has:
//
//	.:
//	drwxr-xr-x 1 ? ?        0 2024-11-12 10:00:23.000000000 +0000 pool
//	-rw-r--r-- 2 ? ?     1234 2024-11-12 10:00:23.000000000 +0000 name
//	lrwxrwxrwx 1 ? ?        4 2024-11-12 10:00                    link -> name
//	-????????? 1 ? ?     1.2M Nov 12  2024                        name
//	?????????? ? ? ?        ? ?                                   name
//
// What is unknown is "?", as ls itself writes it, and as in the last line where
// that is all; owners always are. A time known by the minute or the day has ls's
// shorter forms, in UTC. A file has as many links as it has names in the listing,
// a directory no size, and a link its target's. Names are as they are, but for
// control characters: see appendEscaped.
func LsLR(w io.Writer, p *Page) error {
	links := make(map[string]int)
	for i := range p.Rows {
		if group := p.Rows[i].HardLink; group != "" {
			links[group]++
		}
	}
	return stream(w, []byte(".:\n"), p.Rows, func(b []byte, r *Row) []byte {
		b = append(appendMode(b, &r.Entry), ' ')
		if r.Mode == 0 && !r.Size.Known && precisionOf(r.MTime) <= between {
			b = append(b, "? ? ?            ? ? "...)
			return append(appendNames(b, &r.Entry, noControl), '\n')
		}
		b = strconv.AppendInt(b, int64(max(1, links[r.HardLink])), 10)
		b = append(b, " ? ? "...)
		b = right(b, 12, func(b []byte) []byte { return appendLsSize(b, &r.Entry) })
		b = append(appendLsTime(append(b, ' '), r.MTime), ' ')
		return append(appendNames(b, &r.Entry, noControl), '\n')
	}, "")
}

// Rsync writes the directory as "TZ=UTC rsync --links --list-only --no-h" does:
//
//	drwxr-xr-x           0 2024/11/12 10:00:23 pool
//	-rw-r--r--        1234 2024/11/12 10:00:23 name
//	lrwxrwxrwx           4 2024/11/12 10:00:?? link -> name
//	-?????????           ? ????/??/?? ??:??:?? name
//
// What is unknown is "?", digit by digit in times. Names are ASCII: all else is
// escaped, see appendEscaped.
func Rsync(w io.Writer, p *Page) error {
	return stream(w, nil, p.Rows, func(b []byte, r *Row) []byte {
		b = append(appendMode(b, &r.Entry), ' ')
		b = right(b, 11, func(b []byte) []byte { return appendExactSize(b, &r.Entry) })
		b = append(appendRsyncTime(append(b, ' '), r.MTime), ' ')
		return append(appendNames(b, &r.Entry, printable), '\n')
	}, "")
}

// Line appends a row as mirrorctl prints it, without a newline:
//
//	drwxr-xr-x            - 2024-11-12 10:00:23          pool
//	-rw-r--r--         1234 2024-11-12 10:00    here     name
//	-?????????         1.2M 2024-11-12          37%      name
//	-?????????         1.2M 2024-11-12..11-13   upstream name
//	lrwxrwxrwx            - -                   upstream link -> name
//
// Times are in UTC; "-" is unknown, or anywhere in more than a month. An Unmirrored row has a blank state. Safe for a terminal: see appendEscaped.
func Line(b []byte, r *Row) []byte {
	b = append(appendMode(b, &r.Entry), ' ')
	b = right(b, 12, func(b []byte) []byte {
		if r.Size.Known {
			return appendLsSize(b, &r.Entry)
		}
		return append(b, '-')
	})
	b = left(append(b, ' '), 20, func(b []byte) []byte {
		switch precisionOf(r.MTime) {
		case second:
			return appendTime(b, r.MTime.Lo, "2006-01-02 15:04:05")
		case minute:
			return appendTime(b, r.MTime.Lo, "2006-01-02 15:04")
		case day:
			return appendTime(b, r.MTime.Lo, "2006-01-02")
		case between:
			if r.MTime.Width() <= month {
				b = appendTime(b, r.MTime.Lo, "2006-01-02")
				return appendTime(b, r.MTime.Hi, "..01-02")
			}
		}
		return append(b, '-')
	})
	b = left(b, 9, func(b []byte) []byte {
		percent, ok := r.percent()
		switch {
		case r.Type == listing.Dir:
			return b
		case r.State == Arriving && ok:
			return append(strconv.AppendInt(b, percent, 10), '%')
		}
		return append(b, r.State.String()...)
	})
	if shows(r.Name) && shows(r.Target) {
		return appendNames(b, &r.Entry, noControl)
	}
	return appendNames(b, &r.Entry, printable)
}

// month is in seconds: of two days that are no further apart, the later one
// needs no year.
const month = 31 * 86400

// noControl and printable say which bytes of a name stand for themselves.
func noControl(c byte) bool { return c >= ' ' && c != 0x7f }
func printable(c byte) bool { return ' ' <= c && c < 0x7f || c == '\t' }

// right appends what field appends, at the end of width columns (at most 12) or
// of more.
func right(b []byte, width int, field func([]byte) []byte) []byte {
	start := len(b)
	b = field(b)
	if blanks := width - (len(b) - start); blanks > 0 {
		b = slices.Insert(b, start, []byte("            ")[:blanks]...)
	}
	return b
}

// left appends what field appends, at the beginning of width columns or of
// more.
func left(b []byte, width int, field func([]byte) []byte) []byte {
	start := len(b)
	b = field(b)
	for len(b)-start < width {
		b = append(b, ' ')
	}
	return b
}

// appendMode appends the type's letter and the permissions.
func appendMode(b []byte, e *listing.Entry) []byte {
	letter := byte('?') // also of Other: a device, a socket or a pipe
	switch kind(e) {
	case listing.File:
		letter = '-'
	case listing.Dir:
		letter = 'd'
	case listing.Symlink:
		letter = 'l'
	}
	b = append(b, letter)
	bits, ok := e.Mode.Bits()
	if !ok {
		return append(b, "?????????"...)
	}
	first := len(b)
	for i, c := range []byte("rwxrwxrwx") {
		if bits&(0o400>>i) == 0 {
			c = '-'
		}
		b = append(b, c)
	}
	// Set user, set group and sticky are written over the x, in capitals where there is none.
	for i, c := range []byte("sst") {
		if bits&(0o4000>>i) == 0 {
			continue
		}
		x := &b[first+3*i+2]
		if *x == '-' {
			c -= 'a' - 'A'
		}
		*x = c
	}
	return b
}

// appendExactSize appends a size in bytes: of a directory 0, of a link that of
// its target's name, as lstat(2) has it.
func appendExactSize(b []byte, e *listing.Entry) []byte {
	switch {
	case e.Size.Exact():
		return strconv.AppendInt(b, e.Size.Lo, 10)
	case kind(e) == listing.Dir:
		return append(b, '0')
	case kind(e) == listing.Symlink && e.Target != "":
		return strconv.AppendInt(b, int64(len(e.Target)), 10)
	}
	return append(b, '?')
}

// appendLsSize is appendExactSize, or a rounded one as of "ls -h".
func appendLsSize(b []byte, e *listing.Entry) []byte {
	if a, ok := rounded(e.Size); ok && !e.Size.Exact() {
		return append(a.append(b), units[a.unit])
	}
	return appendExactSize(b, e)
}

func appendLsTime(b []byte, s listing.Span) []byte {
	switch precisionOf(s) {
	case second:
		return appendTime(b, s.Lo, "2006-01-02 15:04:05.000000000 +0000")
	case minute:
		return appendTime(b, s.Lo, "2006-01-02 15:04")
	case day:
		return appendTime(b, s.Lo, "Jan _2  2006")
	}
	return append(b, '?')
}

func appendRsyncTime(b []byte, s listing.Span) []byte {
	switch precisionOf(s) {
	case second:
		return appendTime(b, s.Lo, "2006/01/02 15:04:05")
	case minute:
		return appendTime(b, s.Lo, "2006/01/02 15:04:??")
	case day:
		return appendTime(b, s.Lo, "2006/01/02 ??:??:??")
	}
	return append(b, "????/??/?? ??:??:??"...)
}
