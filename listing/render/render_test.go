package render

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"testing"
	"time"

	"mirror/listing"
)

// noon is a second of a minute of a day.
var noon = time.Date(2024, 11, 12, 10, 0, 23, 0, time.UTC).Unix()

// names are those that formats get wrong.
var names = []string{
	"plain.txt", "a b", " leading", "trailing ", "  two  spaces  ", "-dash", "--help", "~tilde", "...", "..a", ".hidden",
	"<b>&amp;\"'", "&#65;", "--><script>alert(1)<!--", "<img src=x onerror=alert(1)>", "]]>", "100%", "%41", "%2e%2e", "%2F", "#hash", "q?x=1", ";semi",
	"?C=N;O=D", "a+b", "a=b,c@d!$^`{}|[]~", "back\\slash", "\\#041", "\\#04", "\\#08x9", "\\n", "\\", "*", "[a-z]",
	"a:b", "http:evil", "javascript:alert(1)", "mailto:a@b", "C:",
	"new\nline", "\n", "cr\rname", "crlf\r\n", "tab\tname", "\t", "bell\a\b\f\v\x1b[31m\x7f", "nel\u0085", "ls\u2028ps\u2029",
	"umlaut-ü", "директория", "日本語", "nfd-e\u0301", "emoji-👩\u200d💻", "rtl-\u202etxt.exe", "\ufeffbom", "\ufffd", "\u00a0",
	"latin1-\xe9", "\xff\xfe", "\xc3", "cut-\xe6\x97", "\xed\xa0\x80",
	"a -> b", "a -> b -> c", " -> ", "a ->", "-> a", "->", "Parent Directory", "total 0", ".:", "size",
	"2024-01-01 00:00", "-rw-r--r-- 1 root root 5 Jan  1  2020 fake", "a\n-rw-r--r-- 1 ? ? 5 2024-11-12 10:00 fake",
	string(bytes.Repeat([]byte("l"), 255)),
}

// fileNamed is a row of which all is known.
func fileNamed(name string) Row {
	return Row{State: Here, Entry: listing.Entry{Name: name, Type: listing.File,
		Size: listing.Exactly(1234), MTime: listing.Exactly(noon), Mode: listing.Perm(0o644)}}
}

// allNames has every name as a file, a directory and a link.
func allNames() *Page {
	p := &Page{Base: "/m/", Path: "dir"}
	for i, name := range names {
		r := fileNamed(name)
		switch i % 3 {
		case 1:
			r.Type, r.Size, r.State = listing.Dir, listing.Span{}, Upstream
		case 2:
			r.Type, r.Size, r.Target = listing.Symlink, listing.Span{}, "../"+names[i-1]+" -> x"
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}

// written is what a renderer writes.
func written(t *testing.T, render func(io.Writer, *Page) error, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := render(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTotals(t *testing.T) {
	file := func(size listing.Span, s State) Row {
		return Row{Entry: listing.Entry{Type: listing.File, Size: size}, State: s}
	}
	var none listing.Span
	for _, c := range []struct {
		rows []Row
		want string
	}{
		{nil, "0 directories, 0 files"},
		{[]Row{{Entry: listing.Entry{Type: listing.Dir}}}, "1 directory, 0 files"},
		{[]Row{file(listing.Exactly(1500), Here)}, `1 file, <b data-size="1500" title="1,500 bytes">1.5 KiB</b> (1 here)`},
		{[]Row{file(listing.Exactly(5), Here), file(none, Arriving)},
			`2 files, at least <b data-size="5" title="5 bytes">5 B</b> (1 here, 1 arriving)`},
		{[]Row{file(none, Upstream)}, "1 file, of unknown size (0 here)"},
		{[]Row{file(listing.Between(1000, 2000), Upstream), file(listing.Exactly(10), Upstream)},
			`2 files, <b data-size="1010..2010" title="between 1,010 and 2,010 bytes">≈ 1 KiB</b>`},
		{[]Row{{Entry: listing.Entry{Type: listing.Symlink}}, file(listing.Exactly(1), Here)},
			`2 files, <b data-size="1" title="1 bytes">`},
		{[]Row{file(listing.Exactly(math.MaxInt64), Here), file(listing.Exactly(1), Here)},
			`<b data-size="9223372036854775807" title="9,223,372,036,854,775,807 bytes">8.0 EiB`},
	} {
		page := written(t, HTML, &Page{Base: "/", Rows: c.rows})
		if !bytes.Contains([]byte(page), []byte(c.want)) {
			t.Errorf("%+v: the page has no %q", c.rows, c.want)
		}
	}
}

// failing takes so many bytes.
type failing struct{ left int }

var errFull = errors.New("full")

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

// TestWriteErrors: a client that went away ends the rendering.
func TestWriteErrors(t *testing.T) {
	p := many(2000)
	for name, render := range renderers {
		size := len(written(t, render, p))
		for _, n := range []int{0, chunk + chunk/2, size - 1} {
			if err := render(&failing{n}, p); !errors.Is(err, errFull) {
				t.Errorf("%s to a writer of %d bytes: %v", name, n, err)
			}
		}
		if err := render(&failing{size}, p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var renderers = map[string]func(io.Writer, *Page) error{"HTML": HTML, "JSON": JSON, "LsLR": LsLR, "Rsync": Rsync}

// many is a page of n rows as pools have them.
func many(n int) *Page {
	p := &Page{Base: "/m/", Path: "pool", Upstream: "one.example"}
	for i := range n {
		r := fileNamed(fmt.Sprintf("package-%d_1.%d-%d_amd64.deb", i, i%40, i%7))
		r.Size = listing.Exactly(int64(i) * 7919 % 100_000_000)
		r.MTime = listing.Exactly(noon - int64(i)*7211%100_000_000)
		r.State = State(i % 3)
		r.Done = r.Size.Lo / 2
		if i%50 == 0 {
			r.Type, r.Size = listing.Dir, listing.Span{}
		}
		p.Rows = append(p.Rows, r)
	}
	return p
}

func BenchmarkRender(b *testing.B) {
	p := many(100_000)
	for name, render := range renderers {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := render(io.Discard, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
