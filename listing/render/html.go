package render

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"sync"

	"mirror/listing"
)

// The page's style and script are constants, so that the policy can name them.
var (
	//go:embed page.css
	style string
	//go:embed page.js
	script string
)

// Policy returns the Content-Security-Policy that the page of HTML works under:
// its own style and script, its icon, and nothing else.
func Policy() string { return policy() }

var policy = sync.OnceValue(func() string {
	return "default-src 'none'; style-src '" + digest(style) + "'; script-src '" + digest(script) +
		"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
})

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// icon keeps browsers from asking the mirror, and so its upstream, for one.
const icon = `data:image/svg+xml,` +
	`%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E` +
	`%3Cpath fill='%232f6fb0' d='M1 3h5l2 2h7v9H1z'/%3E%3C/svg%3E`

// HTML writes the page for people. Each row is one line:
//
//	<tr class="file here"><th scope="row"><a href="a%20b">a b</a></th>
//	<td data-size="1234" title="1,234 bytes">1.2 KiB</td>
//	<td><time datetime="2024-11-12T10:00:23Z">2024-11-12 10:00:23</time></td><td>here</td></tr>
//
// A size between two has "lo..hi" as its data-size, and a time between two as its
// data-time, in seconds since 1970; the time of a minute or a day is a time
// element that says no more.
// The name is in href, escaped; the text that is shown may be a likeness of it.
func HTML(w io.Writer, p *Page) error {
	return stream(w, appendHead(nil, p), p.Rows, appendRow, foot)
}

// long is how many rows a browser lays out in no time that can be felt; page.css
// says what is different beyond it.
const long = 1000

const foot = "</tbody>\n</table>\n</main>\n" +
	"<footer>This directory as <a href=\"?format=json\">JSON</a>, <a href=\"?format=ls-lR\">ls-lR</a>" +
	" or <a href=\"?format=rsync\">rsync</a> list.</footer>\n" +
	"</body>\n</html>\n"

func appendHead(b []byte, p *Page) []byte {
	path := p.Base + p.Path
	if p.Path != "" {
		path += "/"
	}
	b = append(b, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Index of "...)
	b = appendText(b, path, "", "")
	b = append(b, "</title>\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"...)
	b = append(b, "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\""+icon+"\">\n"...)
	b = append(append(append(b, "<style>"...), style...), "</style>\n"...)
	b = append(append(append(b, "<script type=\"module\">"...), script...), "</script>\n</head>\n<body>\n"...)
	b = append(b, "<a class=\"skip\" href=\"#list\">Skip to the list</a>\n<header>\n<h1 class=\"unseen\">Index of "...)
	b = appendText(b, path, "<i>", "</i>")
	b = append(b, "</h1>\n"...)
	b = appendCrumbs(b, p)
	b = appendStale(b, p)
	b = append(b, "<div class=\"bar\">\n<p>"...)
	b = appendTotals(b, p)
	b = append(b, "</p>\n<search hidden><label>Filter <input type=\"search\" autocomplete=\"off\" spellcheck=\"false\"></label>"+
		"<output></output></search>\n</div>\n</header>\n<main id=\"list\" tabindex=\"-1\">\n"...)
	if len(p.Rows) == 0 {
		b = append(b, "<p class=\"empty\">This directory is empty.</p>\n"...)
	}
	b = append(b, "<table"...)
	if len(p.Rows) > long {
		b = append(b, " class=\"long\""...)
	}
	b = append(b, ">\n<caption class=\"unseen\">Contents of "...)
	b = appendText(b, path, "<i>", "</i>")
	b = append(b, "</caption>\n<thead>\n<tr><th scope=\"col\">Name</th><th scope=\"col\">Size</th>"+
		"<th scope=\"col\">Modified (UTC)</th><th scope=\"col\">Where</th></tr>\n</thead>\n"...)
	if p.Path != "" {
		b = append(b, "<tbody>\n<tr class=\"up\"><th scope=\"row\"><a href=\"../\">Parent directory</a></th>"+
			"<td></td><td></td><td></td></tr>\n</tbody>\n"...)
	}
	return append(b, "<tbody id=\"rows\">\n"...)
}

// appendCrumbs appends the way here, a link for each directory above.
func appendCrumbs(b []byte, p *Page) []byte {
	names := []string{strings.TrimSuffix(p.Base, "/")}
	if p.Path != "" {
		names = append(names, strings.Split(p.Path, "/")...)
	}
	b = append(b, "<nav aria-label=\"Breadcrumb\"><ol>"...)
	for i, name := range names {
		if up := len(names) - 1 - i; up > 0 {
			b = append(b, "<li><a href=\""...)
			b = append(b, strings.Repeat("../", up)...)
			b = append(b, "\">"...)
		} else {
			b = append(b, "<li><a aria-current=\"page\" href=\"./\">"...)
		}
		b = appendText(b, name, "<i>", "</i>")
		b = append(b, "/</a></li>"...)
	}
	return append(b, "</ol></nav>\n"...)
}

func appendStale(b []byte, p *Page) []byte {
	if p.Stale.IsZero() {
		return b
	}
	b = append(b, "<p class=\"stale\" role=\"status\"><strong>This list may be out of date.</strong> "...)
	if p.Upstream == "" {
		b = append(b, "The upstream"...)
	} else {
		b = appendText(b, p.Upstream, "<i>", "</i>")
	}
	b = append(b, " has not confirmed it since <time datetime=\""...)
	b = appendTime(b, p.Stale.Unix(), "2006-01-02T15:04:05Z\">2006-01-02 15:04:05")
	return append(b, "</time> UTC. What is here can be had all the same.</p>\n"...)
}

// appendTotals appends, say, "2 directories, 12 files, at least 1.2 GiB".
func appendTotals(b []byte, p *Page) []byte {
	t := p.totals()
	b = appendCount(b, t.dirs, "directory", "directories")
	b = append(b, ", "...)
	b = appendCount(b, t.files, "file", "files")
	if t.files > 0 {
		switch {
		case t.unknown && t.size.Hi == 0:
			b = append(b, ", of unknown size"...)
		case t.unknown:
			b = append(b, ", at least "...)
			b = appendTotal(b, listing.Exactly(t.size.Lo))
		default:
			b = append(b, ", "...)
			b = appendTotal(b, t.size)
		}
		b = append(b, " <span>("...)
		b = appendGrouped(b, int64(t.here))
		b = append(b, " here"...)
		if t.arriving > 0 {
			b = append(b, ", "...)
			b = appendGrouped(b, int64(t.arriving))
			b = append(b, " arriving"...)
		}
		b = append(b, ")</span>"...)
	}
	if p.Upstream != "" {
		b = append(b, " <span>from "...)
		b = appendText(b, p.Upstream, "<i>", "</i>")
		b = append(b, "</span>"...)
	}
	return b
}

func appendTotal(b []byte, s listing.Span) []byte {
	b = appendExactly(append(b, "<b"...), s)
	return append(appendSize(append(b, '>'), s), "</b>"...)
}

func appendCount(b []byte, n int, one, more string) []byte {
	b = append(appendGrouped(b, int64(n)), ' ')
	if n == 1 {
		return append(b, one...)
	}
	return append(b, more...)
}

func appendRow(b []byte, r *Row) []byte {
	k := kind(&r.Entry)
	b = append(b, "<tr class=\""...)
	b = append(b, k.String()...)
	if k != listing.Dir {
		b = append(append(b, ' '), r.State.String()...)
	}
	b = append(b, "\"><th scope=\"row\"><a href=\""...)
	b = appendHref(b, r.Name)
	if k == listing.Dir {
		b = append(b, '/')
	}
	b = append(b, "\">"...)
	b = appendText(b, r.Name, "<i>", "</i>")
	if k == listing.Dir {
		b = append(b, '/')
	}
	b = append(b, "</a>"...)
	if k == listing.Symlink && r.Target != "" {
		b = append(b, " <span>→ "...)
		b = appendText(b, r.Target, "<i>", "</i>")
		b = append(b, "</span>"...)
	}
	b = append(b, "</th><td"...)
	if r.Size.Known {
		b = appendExactly(b, r.Size)
		b = appendSize(append(b, '>'), r.Size)
	} else if k == listing.File || k == listing.Unknown {
		b = append(b, ">–"...)
	} else {
		b = append(b, '>')
	}
	b = append(b, "</td><td"...)
	b = appendWhen(b, r.MTime)
	b = append(b, "</td><td>"...)
	if k != listing.Dir {
		b = appendState(b, r)
	}
	return append(b, "</td></tr>\n"...)
}

// appendExactly appends the attributes that say in full what a size is.
func appendExactly(b []byte, s listing.Span) []byte {
	b = append(b, " data-size=\""...)
	b = strconv.AppendInt(b, s.Lo, 10)
	if s.Exact() {
		b = append(b, "\" title=\""...)
		return append(appendGrouped(b, s.Lo), " bytes\""...)
	}
	b = append(b, ".."...)
	b = strconv.AppendInt(b, s.Hi, 10)
	b = append(b, "\" title=\"between "...)
	b = append(appendGrouped(b, s.Lo), " and "...)
	return append(appendGrouped(b, s.Hi), " bytes\""...)
}

// appendSize appends a size in short.
func appendSize(b []byte, s listing.Span) []byte {
	a := short(s.Lo)
	if !s.Exact() {
		b = append(b, "≈ "...)
		var ok bool
		if a, ok = rounded(s); !ok {
			a = short(s.Lo/2 + s.Hi/2)
		}
	}
	return append(a.append(b), unitOf(a)...)
}

func unitOf(a approx) string {
	if a.unit == 0 {
		return " B"
	}
	return " " + units[a.unit:a.unit+1] + "iB"
}

// appendWhen appends a time as exactly as it is known, after the ">" of its cell.
func appendWhen(b []byte, s listing.Span) []byte {
	switch precisionOf(s) {
	case second:
		return appendTime(b, s.Lo, "><time datetime=\"2006-01-02T15:04:05Z\">2006-01-02 15:04:05</time>")
	case minute:
		return appendTime(b, s.Lo, "><time datetime=\"2006-01-02T15:04Z\">2006-01-02 15:04</time>")
	case day:
		return appendTime(b, s.Lo, "><time datetime=\"2006-01-02\">2006-01-02</time>")
	case between:
		b = append(b, " data-time=\""...)
		b = strconv.AppendInt(b, s.Lo, 10)
		b = append(b, ".."...)
		b = strconv.AppendInt(b, s.Hi, 10)
		b = appendTime(b, s.Lo, "\" title=\"between 2006-01-02 15:04:05 and ")
		b = appendTime(b, s.Hi, "2006-01-02 15:04:05\">")
		b = appendTime(b, s.Lo, "2006‑01‑02 – ") // hyphens at which no line breaks
		return appendTime(b, s.Hi, "2006‑01‑02")
	}
	return append(b, ">–"...)
}

func appendState(b []byte, r *Row) []byte {
	if r.State != Arriving {
		return append(b, r.State.String()...)
	}
	if percent, ok := r.percent(); ok {
		b = append(b, "<progress max=\"100\" value=\""...)
		b = strconv.AppendInt(b, percent, 10)
		b = append(b, "\" aria-label=\"arriving\"></progress> "...)
		b = strconv.AppendInt(b, percent, 10)
		return append(b, " %"...)
	}
	b = append(b, "<progress aria-label=\"arriving\" title=\""...)
	b = appendGrouped(b, r.Done)
	return append(b, " bytes so far\"></progress> arriving"...)
}

// percent is how much of a file has arrived, if that can be said.
func (r *Row) percent() (int64, bool) {
	if !r.Size.Exact() || r.Done < 0 || r.Done > r.Size.Lo || r.Size.Lo == 0 {
		return 0, false
	}
	return int64(100 * float64(r.Done) / float64(r.Size.Lo)), true
}
