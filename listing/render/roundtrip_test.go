package render

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

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

// TestOurOwnParsers: what our own parsers read of our own listings is right,
// and all of it is there.
func TestOurOwnParsers(t *testing.T) {
	for _, p := range []*Page{allNames(), many(1500), typical(), uneven()} {
		p.Base, p.Path = "/m/", "dir"
		comparePage(t, p)
		compareExactly(t, p)
	}
}

// comparePage compares what is read of a page with what was written. It shows
// what is neither a directory nor a link as a file, and of odd targets a likeness,
// which is none. Of directories it has no sizes, and of odd times nothing.
func comparePage(t *testing.T, p *Page) {
	t.Helper()
	l, rows := parsers["HTML"](t, written(t, HTML, p)), p.Rows
	if l.Unread > 0 || !l.Ended || len(l.Entries) != len(rows) {
		t.Errorf("%d entries of %d, ended: %v, unread: %d, the first %q",
			len(l.Entries), len(rows), l.Ended, l.Unread, l.FirstUnread)
	}
	read := make(map[string]listing.Entry)
	for _, e := range l.Entries {
		read[e.Name] = e
	}
	for _, r := range rows {
		want := listing.Entry{Name: r.Name, Type: listing.File}
		if r.Type == listing.Dir || r.Type == listing.Symlink {
			want.Type = r.Type
		}
		if r.Type != listing.Dir {
			want.Size = r.Size
		}
		if precisionOf(r.MTime) > unknown {
			want.MTime = r.MTime
		}
		if legible(r.Target) {
			want.Target = r.Target
		}
		if e, ok := read[r.Name]; !ok {
			t.Errorf("%q is missing", r.Name)
		} else if e != want {
			t.Errorf("read %+v, want %+v", e, want)
		}
	}
}

// compareExactly: of the formats for programs, our own parsers read all that
// they can say, and nothing else.
func compareExactly(t *testing.T, p *Page) {
	t.Helper()
	for _, format := range []string{"JSON", "LsLR", "Rsync"} {
		text := written(t, renderers[format], p)
		l := parsers[format](t, text)
		if len(l.Entries) != len(p.Rows) || l.Unread > 0 || !l.Ended {
			t.Fatalf("%s: %d of %d, unread: %d, the first %q", format, len(l.Entries), len(p.Rows), l.Unread, l.FirstUnread)
		}
		for i, e := range l.Entries {
			want := sayable(format, p.Rows[i].Entry)
			// The last digit of a rounded size may be off by one.
			if !want.Size.Exact() && e.Size.Known == want.Size.Known && within(e.Size, want.Size) {
				e.Size = want.Size
			}
			if e != want {
				t.Errorf("%s: read %+v, want %+v of\n%s", format, e, want, text)
			}
		}
	}
}

// sayable is what a format can say of an entry.
func sayable(format string, e listing.Entry) listing.Entry {
	e.Type = kind(&e)
	if format == "JSON" {
		return e
	}
	e.HardLink = "" // ls-lR has how many there are
	if e.Type == listing.Other {
		e.Type = listing.Unknown // both are "?"
	}
	if _, short := rounded(e.Size); e.Type == listing.Dir || e.Type == listing.Symlink ||
		!e.Size.Exact() && (format == "Rsync" || !short) {
		e.Size = listing.Span{}
	}
	if precisionOf(e.MTime) <= between {
		e.MTime = listing.Span{}
	}
	return e
}

// uneven has entries of which this or that is not known, or not exactly.
func uneven() *Page {
	minute, day := noon/60*60, noon/86400*86400
	p := &Page{}
	for _, size := range []listing.Span{{}, listing.Exactly(5), listing.Between(7_759_463, 7_969_177)} {
		for _, mtime := range []listing.Span{{}, listing.Exactly(noon), listing.Between(minute, minute+59),
			listing.Between(day, day+86399), listing.Between(day, noon)} {
			for _, mode := range []listing.Mode{0, listing.Perm(0), listing.Perm(0o7644)} {
				for _, kind := range []listing.Type{listing.Unknown, listing.File, listing.Dir, listing.Symlink, listing.Other} {
					name := fmt.Sprintf("%d Nov 12 10:00 -> \n ? ", len(p.Rows))
					e := listing.Entry{Name: name, Type: kind, Size: size, MTime: mtime, Mode: mode}
					if kind == listing.Symlink && len(p.Rows)%2 > 0 {
						e.Target = "? -> " + name
					}
					if kind != listing.Unknown && kind != listing.File {
						e.Size = listing.Span{}
					}
					p.Rows = append(p.Rows, Row{Entry: e})
				}
			}
		}
	}
	return p
}

// within reports whether what was read says no more than what was written.
func within(read, wrote listing.Span) bool {
	return !read.Known || wrote.Known && read.Lo <= wrote.Lo && wrote.Hi <= read.Hi
}
