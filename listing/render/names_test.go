package render

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"mirror/listing"
)

// TestNames: every format keeps every name, and what it leads to, for those who
// read it by the letter.
func TestNames(t *testing.T) {
	p := allNames()
	for _, r := range p.Rows {
		if !listing.ValidName(r.Name) {
			t.Errorf("%q is no name", r.Name)
		}
	}
	for name, read := range readers {
		got, err := read(p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got) != len(p.Rows) {
			t.Errorf("%s has %d entries, want %d", name, len(got), len(p.Rows))
			continue
		}
		for i, r := range p.Rows {
			if want := (named{r.Name, r.Type, r.Target}); got[i] != want && !(name == "HTML" && got[i].onlyLike(want)) {
				t.Errorf("%s has %+v, want %+v", name, got[i], want)
			}
		}
	}
}

// named is what a format says of an entry besides numbers.
type named struct {
	name   string
	kind   listing.Type
	target string
}

// onlyLike reports whether two differ in nothing but odd bytes of the target,
// which a page shows and does not link.
func (n named) onlyLike(want named) bool {
	return n.name == want.name && n.kind == want.kind && !legible(want.target)
}

// readers read each format strictly: what is not as it must be is an error.
var readers = map[string]func(p *Page) ([]named, error){
	"HTML": readHTML, "JSON": readJSON, "Object": readObjects, "LsLR": readLs, "Rsync": readRsync, "Line": readLines,
}

// rendered is what a renderer writes.
func rendered(p *Page, format string) string {
	var b strings.Builder
	if err := renderers[format](&b, p); err != nil {
		panic(err) // a Builder takes all
	}
	return b.String()
}

// readHTML reads the rows of a page, and refuses any element that a name could
// have brought in.
func readHTML(p *Page) (list []named, err error) {
	doc, err := html.Parse(strings.NewReader(rendered(p, "HTML")))
	if err != nil {
		return nil, err
	}
	body := find(doc, func(n *html.Node) bool { return attr(n, "id") == "rows" })
	if body == nil {
		return nil, fmt.Errorf("there is no body of rows")
	}
	for tr := range body.ChildNodes() {
		if tr.Type == html.TextNode && strings.TrimSpace(tr.Data) == "" {
			continue
		}
		th := tr.FirstChild
		a := th.FirstChild
		if tr.Data != "tr" || th.Data != "th" || a.Data != "a" {
			return nil, fmt.Errorf("%s %s %s is no row", tr.Data, th.Data, a.Data)
		}
		for n := range tr.Descendants() {
			if n.Type == html.ElementNode && !strings.Contains(" th td a i span time progress ", " "+n.Data+" ") {
				return nil, fmt.Errorf("there is an element %q", n.Data)
			}
		}
		var e named
		href := attr(a, "href")
		switch kind, _, _ := strings.Cut(attr(tr, "class"), " "); kind {
		case "dir":
			e.kind = listing.Dir
			if !strings.HasSuffix(href, "/") {
				return nil, fmt.Errorf("the link %s is to no directory", href)
			}
			href = strings.TrimSuffix(href, "/")
		case "symlink":
			e.kind = listing.Symlink
			if span := a.NextSibling; span != nil {
				e.target = strings.TrimPrefix(text(span.NextSibling), "→ ")
			}
		case "file":
			e.kind = listing.File
		}
		if e.name, err = url.PathUnescape(href); err != nil {
			return nil, err
		}
		if strings.ContainsAny(href, "/:?#\\") {
			return nil, fmt.Errorf("the link %s leads elsewhere", href)
		}
		list = append(list, e)
	}
	return list, nil
}

func find(n *html.Node, is func(*html.Node) bool) *html.Node {
	for d := range n.Descendants() {
		if is(d) {
			return d
		}
	}
	return nil
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// fields are those of both JSON formats.
type fields struct {
	Name      *string
	NameB64   *[]byte `json:"name_b64"`
	Type      string
	Mtime     *string
	Size      *int64
	SizeLo    *int64 `json:"size_lo"`
	SizeHi    *int64 `json:"size_hi"`
	MtimeLo   *int64 `json:"mtime_lo"`
	MtimeHi   *int64 `json:"mtime_hi"`
	Mode      string
	Symlink   bool
	Target    string
	TargetB64 []byte `json:"target_b64"`
	Hardlink  string
	State     string
	Arrived   *int64
}

func (f *fields) named(types map[string]listing.Type) (named, error) {
	e := named{target: f.Target + string(f.TargetB64)}
	switch {
	case f.Name != nil && f.NameB64 == nil:
		e.name = *f.Name
	case f.Name == nil && f.NameB64 != nil:
		e.name = string(*f.NameB64)
	default:
		return e, fmt.Errorf("%+v has not one name", f)
	}
	e.kind = types[f.Type]
	if f.Symlink {
		e.kind = listing.Symlink
	}
	return e, nil
}

func readJSON(p *Page) (list []named, err error) {
	d := json.NewDecoder(strings.NewReader(rendered(p, "JSON")))
	d.DisallowUnknownFields()
	var all []fields
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	for _, f := range all {
		e, err := f.named(map[string]listing.Type{"file": listing.File, "directory": listing.Dir, "other": listing.Other})
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

func readObjects(p *Page) (list []named, err error) {
	for i := range p.Rows {
		var f fields
		d := json.NewDecoder(strings.NewReader(string(Object(nil, &p.Rows[i].Entry))))
		d.DisallowUnknownFields()
		if err := d.Decode(&f); err != nil {
			return nil, err
		}
		e, err := f.named(map[string]listing.Type{"file": listing.File, "dir": listing.Dir, "symlink": listing.Symlink,
			"other": listing.Other, "unknown": listing.Unknown})
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

var (
	mode   = `([-dl?])(?:[r-][w-][xsS-][r-][w-][xsS-][r-][w-][xtT-]|\?{9})`
	lsLine = regexp.MustCompile(`^` + mode + ` (?:\d+|\?) \? \? +(?:-?\d+|[\d.]+[KMGTPE]|\?) ` +
		`(?:\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d\.000000000 \+0000)?|[A-Z][a-z]{2} [ \d]\d  \d{4}|\?) ([^\n]*)\n`)
	rsyncLine = regexp.MustCompile(`^` + mode + ` (?: *-?\d+| {10}\?) ` +
		`[\d?]{4}/[\d?]{2}/[\d?]{2} [\d?]{2}:[\d?]{2}:[\d?]{2} ([\t -~]*)\n`)
	ownLine = regexp.MustCompile(`^` + mode + ` +(?:-?\d+|[\d.]+[KMGTPE]|[-?]) ` +
		`(?:\d{4}-\d\d-\d\d(?: {10}|\.\.\d\d-\d\d {3}| \d\d:\d\d {4}| \d\d:\d\d:\d\d )|- {19})` +
		`(?:here {5}|arriving |upstream |\d% {7}|\d\d% {6}|100% {5}| {9})([^\n]*)\n`)
)

func readLs(p *Page) ([]named, error) {
	s, ok := strings.CutPrefix(rendered(p, "LsLR"), ".:\n")
	if !ok {
		return nil, fmt.Errorf("it begins with %.10q", s)
	}
	return readText(s, lsLine)
}

func readRsync(p *Page) ([]named, error) { return readText(rendered(p, "Rsync"), rsyncLine) }

func readLines(p *Page) ([]named, error) {
	var b []byte
	for i := range p.Rows {
		b = append(Line(b, &p.Rows[i]), '\n')
	}
	return readText(string(b), ownLine)
}

func readText(s string, line *regexp.Regexp) (list []named, err error) {
	for s != "" {
		m := line.FindStringSubmatch(s)
		if m == nil {
			return nil, fmt.Errorf("%.100q is no line", s)
		}
		s = s[len(m[0]):]
		e := named{name: m[2], kind: map[string]listing.Type{"-": listing.File, "d": listing.Dir, "l": listing.Symlink}[m[1]]}
		if e.kind == listing.Symlink {
			e.name, e.target, _ = strings.Cut(e.name, " -> ")
		}
		e.name, e.target = unescaped(e.name), unescaped(e.target)
		list = append(list, e)
	}
	return list, nil
}

var escape = regexp.MustCompile(`\\#[0-7]{3}`)

func unescaped(s string) string {
	return escape.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(e[2:], 8, 8)
		if err != nil {
			return e
		}
		return string([]byte{byte(n)})
	})
}

// TestText: what cannot be seen is written out, and all that can be is as it is.
func TestText(t *testing.T) {
	for in, want := range map[string]string{
		`a<b>&"'c`: "a&lt;b&gt;&amp;&#34;'c", "ü\u00a0日\u200d": "ü\u00a0日\u200d", "a\tb\xff": `a[\u{9}]b[\xFF]`,
		"\u202e\u2028\u009b\ufeff": `[\u{202E}][\u{2028}][\u{9B}][\u{FEFF}]`, "\ufffd\xed\xa0\x80": "\ufffd[\\xED][\\xA0][\\x80]",
	} {
		if got := string(appendText(nil, in, "[", "]")); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
	}
}

// FuzzNames: no name and no number breaks a format.
func FuzzNames(f *testing.F) {
	for i, name := range names {
		f.Add(name, names[len(names)-1-i], uint8(i), int64(i), int64(i*i), noon, noon+int64(i), uint16(i*97))
	}
	f.Add("a", "", uint8(1), int64(-1<<63), int64(1<<63-1), int64(-1<<63), int64(1<<63-1), uint16(0))
	f.Add("a\r->", "", uint8(1), int64(0), int64(0), noon, noon, uint16(0))
	f.Add("\x1d\x920", "0", uint8(2), int64(0), int64(0), noon, noon, uint16(0))
	f.Fuzz(func(t *testing.T, name, target string, kind uint8, sizeLo, sizeHi, mtimeLo, mtimeHi int64, bits uint16) {
		if !listing.ValidName(name) || strings.IndexByte(target, 0) >= 0 || sizeLo > sizeHi || mtimeLo > mtimeHi {
			return
		}
		r := Row{State: State(bits % 3), Done: sizeLo, Entry: listing.Entry{
			Name: name, Type: []listing.Type{listing.File, listing.Dir, listing.Symlink}[kind%3],
			MTime: listing.Between(mtimeLo, mtimeHi), Mode: listing.Perm(bits)}}
		switch r.Type {
		case listing.File:
			r.Size = listing.Between(sizeLo, sizeHi)
		case listing.Symlink:
			r.Target = target
		}
		p := &Page{Base: "/", Path: name, Upstream: target, Rows: []Row{r}}
		for format, read := range readers {
			got, err := read(p)
			if err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			if want := (named{name, r.Type, r.Target}); len(got) != 1 || got[0] != want && !(format == "HTML" && got[0].onlyLike(want)) {
				t.Fatalf("%s has %+v, want %+v", format, got, want)
			}
		}
		if sizeLo >= 0 && len(name)+len(target) < 4<<10 { // beyond, no file is
			compareExactly(t, p)
		}
		if sizeLo >= 0 && len(name) < 256 { // beyond, no file's name is
			comparePage(t, p)
		}
	})
}
