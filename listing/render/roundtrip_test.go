package render

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"mirror/listing"
	"mirror/listing/lines"
	"mirror/listing/page"
)

// parsers are our own, of packages page and lines. A sibling mirror may have
// this one for its upstream.
var parsers = map[string]func(t *testing.T, text string) listing.Listing{
	"HTML": parsePage("text/html; charset=utf-8"),
	"JSON": parsePage("application/json"),
	"LsLR": func(t *testing.T, text string) listing.Listing {
		var l listing.Listing
		tree, err := lines.ReadTree(strings.NewReader(text), lines.Options{Clock: utc}, func(dir string, entries []listing.Entry) error {
			if dir != "" {
				t.Errorf("there is a directory %q", dir)
			}
			l.Entries = append(l.Entries, entries...)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		l.Unread, l.FirstUnread, l.Ended = tree.Unread, tree.FirstUnread, tree.Ended
		return l
	},
	"Rsync": func(t *testing.T, text string) listing.Listing {
		l, err := lines.ParseRsync(strings.NewReader(text), lines.Options{Clock: utc})
		if err != nil {
			t.Fatal(err)
		}
		return l
	},
}

var utc = listing.Clock{Zone: time.UTC, Now: time.Unix(noon, 0)}

func parsePage(contentType string) func(t *testing.T, text string) listing.Listing {
	return func(t *testing.T, text string) listing.Listing {
		base := &url.URL{Scheme: "http", Host: "one.example", Path: "/m/dir/"}
		l, err := page.Parse([]byte(text), page.Input{Base: base, ContentType: contentType, Clock: utc})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}

// beyond are the names that a parser does not read, and does not say so: those
// that are escaped, in a format that others do not escape.
var beyond = map[string]func(r Row) bool{
	"JSON": func(r Row) bool { return !utf8.ValidString(r.Name) },
	"LsLR": func(r Row) bool { return strings.Contains(string(appendNames(nil, &r.Entry, noControl)), `\#`) },
}

// TestOurOwnParsers: what our own parsers read of our own listings is right,
// and all of it is there.
func TestOurOwnParsers(t *testing.T) {
	for format, parse := range parsers {
		t.Run(format, func(t *testing.T) {
			pages := []*Page{allNames(), many(1500)}
			if format == "HTML" || format == "JSON" { // in the others, lines with a "?" are not read
				pages = append(pages, typical())
			}
			for _, p := range pages {
				p.Base, p.Path = "/m/", "dir"
				if beyond := beyond[format]; beyond != nil {
					p.Rows = slices.DeleteFunc(p.Rows, beyond)
				}
				compare(t, parse(t, written(t, renderers[format], p)), p.Rows)
			}
		})
	}
}

// compare compares what was read with what was written. A page shows anything
// but a directory as a file, and of odd targets only a likeness.
func compare(t *testing.T, l listing.Listing, rows []Row) {
	t.Helper()
	if l.Unread > 0 || !l.Ended || len(l.Entries) != len(rows) {
		t.Errorf("%d entries of %d, ended: %v, unread: %d, the first %q",
			len(l.Entries), len(rows), l.Ended, l.Unread, l.FirstUnread)
	}
	read := make(map[string]listing.Entry)
	for _, e := range l.Entries {
		read[e.Name] = e
	}
	for _, r := range rows {
		e, ok := read[r.Name]
		switch {
		case !ok:
			t.Errorf("%q is missing", r.Name)
		case !within(e.Size, r.Size) || !within(e.MTime, r.MTime):
			t.Errorf("%q has size %v and mtime %v, want %v and %v", r.Name, e.Size, e.MTime, r.Size, r.MTime)
		case r.MTime.Exact() && e.MTime != r.MTime:
			t.Errorf("%q has mtime %v, want %v", r.Name, e.MTime, r.MTime)
		case e.Target != "" && e.Target != r.Target && shows(r.Target):
			t.Errorf("%q leads to %q, want %q", r.Name, e.Target, r.Target)
		case e.Type != r.Type && (e.Type == listing.Dir || r.Type == listing.Dir || e.Type != listing.File):
			t.Errorf("%q is a %v, want %v", r.Name, e.Type, r.Type)
		}
	}
}

// within reports whether what was read says no more than what was written.
func within(read, wrote listing.Span) bool {
	return !read.Known || wrote.Known && read.Lo <= wrote.Lo && wrote.Hi <= read.Hi
}
