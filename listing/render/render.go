// Package render writes a directory for those who look at it: a page for
// people (HTML), data for programs (JSON, Object and its kin), and the two texts that tools
// of this trade read (LsLR, Rsync) besides the lines of mirrorctl (Line).
//
// Nothing is invented on the way out either. A field that a format has and that
// is not known exactly is left out, or is "?" where it cannot be. Every format
// keeps every name, whatever bytes it has; each one's own way is with its code.
package render

import (
	"io"
	"math"
	"time"

	"mirror/listing"
)

// Page is one directory of the mirror.
type Page struct {
	// Base is the URL path at which the docroot is served: "/", "/debian/".
	Base string
	// Path is the directory's path below Base, as bytes, not as a URL, without
	// slashes around it: "" for the docroot, "pool/main".
	Path string
	// Rows are shown in this order.
	Rows []Row
	// Upstream is the host that the listing is from, for people; "" is not shown.
	Upstream string
	// Stale is since when the listing could not be confirmed; zero: it is fresh.
	Stale time.Time
}

// Row is an entry, and how much of it the mirror has.
type Row struct {
	listing.Entry
	State State
	Done  int64 // bytes that have arrived, while it is Arriving
}

// State is where a file's bytes are.
type State uint8

// The states. Directories have none.
const (
	Upstream   State = iota // only upstream; comes when it is first asked for
	Arriving                // being fetched
	Here                    // whole, in the docroot
	Unmirrored              // of no mirror: there is nothing to tell. Only of Line's rows
)

var stateNames = [...]string{"upstream", "arriving", "here", ""}

func (s State) String() string { return stateNames[s] }

// kind is the entry's type, or what follows from the rest of it: only files
// have sizes.
func kind(e *listing.Entry) listing.Type {
	if e.Type == listing.Unknown && e.Size.Known {
		return listing.File
	}
	return e.Type
}

// totals is the sum of a page.
type totals struct {
	dirs, files, here, arriving int
	size                        listing.Span // of all files whose size is known
	unknown                     bool         // there are others
}

func (p *Page) totals() totals {
	t := totals{size: listing.Exactly(0)}
	for i := range p.Rows {
		r := &p.Rows[i]
		if r.Type == listing.Dir {
			t.dirs++
			continue
		}
		t.files++
		switch r.State {
		case Here:
			t.here++
		case Arriving:
			t.arriving++
		}
		switch {
		case r.Size.Known:
			t.size.Lo = saturated(t.size.Lo, r.Size.Lo)
			t.size.Hi = saturated(t.size.Hi, r.Size.Hi)
		case r.Type == listing.File || r.Type == listing.Unknown:
			t.unknown = true
		}
	}
	return t
}

// saturated is a+b, or the nearest number where that is none: an upstream may
// say anything of its files' sizes.
func saturated(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}

// chunk is how many bytes are gathered before they are written: enough that
// writing costs nothing, and little beside the rows themselves.
const chunk = 64 << 10

// stream writes begin, what row appends for each of rows, and end.
func stream(w io.Writer, begin []byte, rows []Row, row func([]byte, *Row) []byte, end string) error {
	b := begin
	for i := range rows {
		b = row(b, &rows[i])
		if len(b) >= chunk {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	_, err := w.Write(append(b, end...))
	return err
}
