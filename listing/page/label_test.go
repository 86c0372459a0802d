package page

import (
	"fmt"
	"html"
	"net/url"
	"testing"

	"mirror/listing"
)

// deceptive are names that look like what stands beside names.
var deceptive = []string{
	"1.2M", "31m", "1234", "5 KB", "(1.2 MB, 2024-05-17)", "report 2024-11-12 10:00", "report 2024-11-12 10:00.txt", "2024-11-12", "12-Nov-2024 10:00  5K",
	"backup-20240102.tar", "Nov 12 2024", "-", "--", "<dir>", "[DIR]", "folder", "-rw-r--r-- 1 root 5 Nov 12 2024", "→ x", "-> 1.2M", "a -> 5K", "latin1-\xe9 2024-11-12", "→2024-11-12.tar", "bell\a[31m",
}

// shownAs are ways to show a name that tell nothing else.
var shownAs = []struct{ name, row string }{
	{"a line", `<pre><a href="%[1]s">%[2]s</a>` + "\n</pre>"},
	{"a line, the name behind", `<pre><a href="%[1]s"><img src="i.png"></a> %[2]s` + "\n</pre>"},
	{"a line, the name before", `<pre>%[2]s  <a href="%[1]s">Download</a>` + "\n</pre>"},
	{"a line of its own", `<pre><a href="%[1]s">Download</a>` + "\n%[2]s\n</pre>"},
	{"an item", `<ul><li><a href="%[1]s">%[2]s</a></li></ul>`},
	{"an item, the name behind", `<ul><li><a href="%[1]s">Download</a> %[2]s</li></ul>`},
	{"an item, in pieces", `<ul><li><a href="%[1]s"><i>%[3]s</i>&#8203;<i>%[4]s</i></a></li></ul>`},
	{"an item, in three pieces", `<ul><li><a href="%[1]s"><i>%[3]s</i><u>\u{200B}</u><u>\u{7}</u><i>%[4]s</i></a></li></ul>`},
	{"an item, cut short", `<ul><li><a href="%[1]s"><i>%[3]s</i><b>%[5]s..&gt;</b></a></li></ul>`},
	{"an item, in another charset", `<ul><li><a href="%[1]s"><i>description</i> <b>é%[2]s</b></a></li></ul>`},
	{"a table, the name in another charset", `<table><tr><td>%[2]sé</td><td><a href="%[1]s">Download</a></td></tr></table>`},
	{"a table", `<table><tr><td><a href="%[1]s">%[2]s</a></td><td></td></tr></table>`},
	{"a table, in pieces", `<table><tr><th>Name</th><th>Size</th></tr><tr><td><a href="%[1]s"><i>%[3]s</i><i>\x1B</i>%[4]s</a></td><td></td></tr></table>`},
	{"a table, the name in another cell", `<table><tr><td>%[2]s</td><td><a href="%[1]s">Download</a></td></tr></table>`},
	{"a table, the name in a cell of two", `<table><tr><td><img> x %[2]s</td><td><a href="%[1]s">Download</a></td></tr></table>`},
	{"a table, linked twice", `<table><tr><td><a href="%[1]s">Show</a></td><td><a href="%[1]s">%[2]s</a></td></tr></table>`},
	{"sections", `<div><div><a href="%[1]s">%[2]s</a></div><div>x</div></div>`},
	{"sections, the name in another", `<div><div><a href="%[1]s">Download</a></div><div>%[2]s</div></div>`},
}

// TestNamesAreNoFacts: no size, time, mode, type or target comes from a name,
// wherever it is shown.
func TestNamesAreNoFacts(t *testing.T) {
	for _, way := range shownAs {
		for _, name := range deceptive {
			half := len(name) / 2
			body := fmt.Sprintf("<html><body>"+way.row+"</body></html>", "./"+url.PathEscape(name), html.EscapeString(name),
				html.EscapeString(name[:half]), html.EscapeString(name[half:]), html.EscapeString(name[half:max(half, len(name)-1)]))
			l, err := Parse([]byte(body), Input{Base: onePub, Clock: listing.Clock{Now: corpusNow}})
			if err != nil {
				t.Errorf("%s, %q: %v", way.name, name, err)
				continue
			}
			if want := (listing.Entry{Name: name, Type: listing.File}); len(l.Entries) != 1 || l.Entries[0] != want {
				t.Errorf("%s, %q: %+v of\n%s", way.name, name, l.Entries, body)
			}
		}
	}
}
