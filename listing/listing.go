// Package listing is the model of a directory: what an upstream says is there,
// and how exactly it says so. Parsers translate every protocol's listings into
// it (packages page and lines), renderers translate it for clients (package
// render). It acts on nothing.
//
// Nothing is invented. "1.2M" is a range of sizes, "Nov 12 2024" a day, and a
// time without a zone a range of a day and two hours around it.
package listing

import (
	"strings"
	"time"
)

// Listing is one directory as one upstream showed it.
type Listing struct {
	// Format names what was recognised: "apache", "nginx-json", "mlsd", ...
	Format string
	// Entries are in the order of the listing; no name comes twice.
	Entries []Entry
	// Ended: the listing ended properly, by its own format's or its protocol's
	// means, and was one beyond doubt. Absence from one that did not says nothing.
	Ended bool
	// Unread counts the lines or links that look like entries and were not
	// understood; FirstUnread is the first of them, for error messages.
	Unread      int
	FirstUnread string
	// Next continues a list that came in pieces (S3: the continuation token);
	// "" where this was the last.
	Next string
}

// Entry is one name of a directory.
type Entry struct {
	Name   string // bytes, see ValidName
	Type   Type
	Size   Span   // bytes; only of files
	MTime  Span   // seconds since 1970 UTC
	Mode   Mode   // permission bits
	Target string // of a Symlink, as it was written; "" where unknown
	// HardLink is the same for all names of one file in a listing, and "" for
	// files that have, or may have, but one.
	HardLink string
}

// Type is what kind of thing an entry is.
type Type uint8

// The types. Unknown is the zero value: most HTTP servers do not tell.
const (
	Unknown Type = iota
	File
	Dir
	Symlink
	Other // a device, socket or pipe
)

var typeNames = [...]string{"unknown", "file", "dir", "symlink", "other"}

func (t Type) String() string { return typeNames[t] }

// Span is what a listing says of a number: it lies between Lo and Hi, both in.
// The zero Span is an unknown number.
type Span struct {
	Lo, Hi int64
	Known  bool
}

// Exactly is the span of a number that is known exactly.
func Exactly(n int64) Span { return Span{n, n, true} }

// Between is the span from lo up to and including hi.
func Between(lo, hi int64) Span { return Span{lo, hi, true} }

// Exact reports whether the number is known exactly.
func (s Span) Exact() bool { return s.Known && s.Lo == s.Hi }

// Holds reports whether n is possible.
func (s Span) Holds(n int64) bool { return !s.Known || s.Lo <= n && n <= s.Hi }

// Width is how far the ends are apart; -1 when the number is unknown.
func (s Span) Width() int64 {
	if !s.Known {
		return -1
	}
	return s.Hi - s.Lo
}

// Mode is the twelve permission bits of a file (chmod(2)) with known set, or 0.
type Mode uint16

const modeKnown Mode = 1 << 15

// Perm is the Mode for known permission bits.
func Perm(bits uint16) Mode { return Mode(bits)&0o7777 | modeKnown }

// Bits returns the permission bits, and whether they are known.
func (m Mode) Bits() (uint16, bool) { return uint16(m & 0o7777), m&modeKnown != 0 }

// ReadPerm reads permission bits as ls writes them, "rwxr-sr-t". The last letter may
// be missing.
func ReadPerm[T string | []byte](letters T) (Mode, bool) {
	if len(letters) < 8 || len(letters) > 9 {
		return 0, false
	}
	var bits uint16
	for i := range len(letters) {
		bit := uint16(1) << (8 - i)
		special := uint16(1) << (11 - i/3)
		switch c := letters[i]; {
		case c == '-':
		case c == "rwx"[i%3]:
			bits |= bit
		case i%3 == 2 && (c == 's' || c == 't'):
			bits |= bit | special
		case i%3 == 2 && (c == 'S' || c == 'T' || c == 'l' || c == 'L'):
			bits |= special
		default:
			return 0, false
		}
	}
	return Perm(bits), true
}

// Clock is what a parser knows about time besides the listing.
type Clock struct {
	// Now is when the listing was made: it gives the year to dates without
	// one. The zero time: when it is parsed.
	Now time.Time
	// Zone is of the times that are written without one; nil: unknown, which
	// makes each of them a range over every zone in use.
	Zone *time.Location
}

// The zones in use reach from UTC-12 to UTC+14.
const (
	westmost = 12 * 60 * 60
	eastmost = 14 * 60 * 60
)

// Span returns what a wall clock's reading t, whose location is ignored, says:
// a moment of the span of that precision (time.Minute: any second of the
// minute) in the clock's zone.
func (c Clock) Span(t time.Time, precision time.Duration) Span {
	first := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC).Unix()
	last := first + int64(max(precision/time.Second, 1)) - 1
	if c.Zone == nil {
		return Between(first-eastmost, last+westmost)
	}
	// Around the readings the zone has one offset from UTC, or two: where
	// clocks are set back some readings come twice, where they are set forward
	// some never do.
	const day = 24 * 60 * 60
	before, after := c.offset(first-day), c.offset(last+day)
	if before == after {
		return Between(first-before, last-before)
	}
	lo, hi := first-before, last-before // of a reading that never comes
	if c.offset(lo) != before && c.offset(first-after) == after {
		lo = first - after
	}
	if c.offset(last-after) == after {
		hi = last - after
	}
	return Between(min(lo, hi), hi)
}

// offset is by how many seconds the zone is ahead of UTC at a moment.
func (c Clock) offset(moment int64) int64 {
	_, seconds := time.Unix(moment, 0).In(c.Zone).Zone()
	return int64(seconds)
}

// ValidName reports whether s can be the name of an entry: one segment of a
// path, that is not empty, "." or "..", and has neither slash nor NUL.
func ValidName(s string) bool {
	return s != "" && s != "." && s != ".." && strings.IndexByte(s, '/') < 0 && strings.IndexByte(s, 0) < 0
}
