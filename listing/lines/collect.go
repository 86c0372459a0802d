package lines

import (
	"fmt"
	"strings"

	"mirror/listing"
)

// maxUnread is how much of a line that was not understood is kept, in bytes.
const maxUnread = 200

// verdict is what a line turned out to be.
type verdict uint8

const (
	unread  verdict = iota // it looks like an entry, and was not understood
	nothing                // a headline, a sum, "." or "..": no entry, and none missed
	entry
	begins // the listing begins here: what came before is no part of it
)

// excerpt is what is kept of a line that was not understood.
func excerpt(line []byte) string {
	return strings.ToValidUTF8(string(line[:min(len(line), maxUnread)]), "\uFFFD")
}

// collector gathers the entries of one directory.
type collector struct {
	entries []listing.Entry
	names   map[string]int // where each name is in entries
	max     int

	unread      int
	firstUnread string
}

func newCollector(maxEntries int) *collector {
	return &collector{names: make(map[string]int), max: maxEntries}
}

// judge is v, the verdict of a dialect, but for names that are none: "." and
// ".." belong to most listings, anything else is not to be believed.
func judge(e listing.Entry, v verdict) verdict {
	switch {
	case v != entry || listing.ValidName(e.Name):
		return v
	case e.Name == "." || e.Name == "..":
		return nothing
	}
	return unread
}

// take files what line was read as. The first of two entries of one name counts.
func (c *collector) take(line []byte, e listing.Entry, v verdict) error {
	switch judge(e, v) {
	case nothing:
		return nil
	case begins:
		*c = *newCollector(c.max)
		return nil
	case unread:
		if c.unread++; c.unread == 1 {
			c.firstUnread = excerpt(line)
		}
		return nil
	}
	if _, twice := c.names[e.Name]; twice {
		return nil
	}
	if len(c.entries) >= c.max {
		return fmt.Errorf("%w: more than %d entries", ErrTooLarge, c.max)
	}
	c.names[e.Name] = len(c.entries)
	c.entries = append(c.entries, e)
	return nil
}

func (c *collector) listing(format string, ended bool) listing.Listing {
	return listing.Listing{
		Format: format, Entries: c.entries, Ended: ended,
		Unread: c.unread, FirstUnread: c.firstUnread,
	}
}
