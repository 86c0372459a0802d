package lines

import (
	"bytes"
	"strings"
	"time"

	"mirror/listing"
)

// vmsLine is a line of VMS, or one of the two that a long name takes:
//
//	NAME.TXT;1      118/126      12-NOV-2024 10:20:30  [GROUP,OWNER]  (RWED,RWED,RE,)
//	A_VERY_LONG_NAME.TXT;1
//	                118/126      12-NOV-2024 10:20:30  [GROUP,OWNER]  (RWED,RWED,RE,)
//
// The columns behind the name come in any order. Names are told without the
// version: a server gives the newest for such a name, and lists it first.
func vmsLine(h *habits, line []byte) (e listing.Entry, v verdict) {
	f := h.fields.split(line)
	at := 0
	name, isName := vmsName(f.word(0))
	switch {
	case f.n == 0:
		return e, nothing
	case isName && f.n == 1:
		h.pending = name
		return e, nothing // for now
	case isName:
		at = 1
	case h.pending != "":
		name = h.pending
	default:
		return e, vmsOther(f)
	}
	h.pending = ""
	e.Type = listing.File
	if base, isDir := strings.CutSuffix(name, ".DIR"); isDir {
		e.Type, name = listing.Dir, base
	}
	e.Name = name
	if !h.vmsColumns(f, at, &e) {
		return e, unread
	}
	return e, entry
}

// vmsName cuts the version off; ok is false for what has none.
func vmsName(w []byte) (name string, ok bool) {
	base, version, ok := bytes.Cut(w, []byte{';'})
	return string(base), ok && len(base) > 0 && digits(version)
}

func vmsOther(f *fields) verdict {
	if f.is(0, "Directory") || f.is(0, "Total") || f.is(0, "Grand") {
		return nothing
	}
	return unread
}

// vmsColumns reads what stands behind the name, each column by its looks.
func (h *habits) vmsColumns(f *fields, at int, e *listing.Entry) bool {
	text := f.from(at)
	if text[0] == '%' || bytes.HasPrefix(text, []byte("no privilege")) || bytes.HasPrefix(text, []byte("insufficient privilege")) {
		return true // the file is there, and what the other columns say is secret
	}
	d, dateSeen := dated{}, false
	owners := 0
	for ; at < f.n; at++ {
		w := f.word(at)
		switch {
		case w[0] == '[':
			if owners++; !vmsOwner(w) {
				return false
			}
		case w[0] == '(':
			if !vmsProtection(w) {
				return false
			}
		case !dateSeen && bytes.Count(w, []byte{'-'}) == 2:
			if d, dateSeen = h.joined(f, at); !dateSeen || len(w) < 10 {
				return false
			}
			at += d.words - 1
		case vmsSize(w, e):
		default:
			// An owner without brackets; before the date it is something else.
			if owners++; !dateSeen || owners > 1 || len(bytes.Trim(w, vmsLetters)) > 0 || string(w) == "AM" || string(w) == "PM" {
				return false
			}
		}
	}
	if !dateSeen {
		return false
	}
	d.precision = max(d.precision, time.Second)
	var ok bool
	e.MTime, ok = d.span(h.clock)
	return ok
}

// vmsSize reads blocks of 512 bytes, used and perhaps allocated, or "2KB". The
// last block is not full, and a transfer changes the ends of lines: the bytes
// are at most so many.
func vmsSize(w []byte, e *listing.Entry) bool {
	used, allocated, both := bytes.Cut(w, []byte{'/'})
	if both && !digits(allocated) {
		return false
	}
	unit := int64(512)
	if kilo, ok := bytes.CutSuffix(used, []byte("KB")); ok {
		used, unit = kilo, 1024
	}
	blocks, ok := number(used)
	if !ok || blocks > 1<<40 {
		return false
	}
	setSize(e, listing.Between(0, blocks*unit))
	return true
}

const vmsLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$"

// vmsOwner reports whether w is [GROUP,OWNER], or the part of it that fitted.
func vmsOwner(w []byte) bool {
	return len(bytes.Trim(w, vmsLetters+"[],")) == 0 && bytes.IndexByte(w, '-') < 0
}

// vmsProtection reports whether w is (RWED,RWED,RE,).
func vmsProtection(w []byte) bool {
	return w[len(w)-1] == ')' && len(bytes.Trim(w, "(RWED,)")) == 0
}
