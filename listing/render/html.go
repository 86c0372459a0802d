package render

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"io"
	"strings"
	"sync"

	"mirror/listing"
)

// The page's style and script are constants, so that the policy can name them.
var (
	//go:embed page.html
	skeleton string
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

// HTML writes the page for people: page.html with a line for each row, as
// appendRow draws it.
func HTML(w io.Writer, p *Page) error {
	head, foot, _ := strings.Cut(skeleton, "{{rows}}")
	var b []byte
	for {
		text, rest, more := strings.Cut(head, "{{")
		b = append(b, text...)
		if !more {
			return stream(w, b, p.Rows, appendRow, foot)
		}
		var name string
		name, head, _ = strings.Cut(rest, "}}")
		b = parts[name](b, p)
	}
}

// parts append what is in page.html in the place of "{{name}}".
var parts = map[string]func([]byte, *Page) []byte{
	"title":  func(b []byte, p *Page) []byte { return appendText(b, p.path(), "", "") },
	"path":   func(b []byte, p *Page) []byte { return appendShown(b, p.path()) },
	"icon":   func(b []byte, _ *Page) []byte { return append(b, icon...) },
	"style":  func(b []byte, _ *Page) []byte { return append(b, style...) },
	"script": func(b []byte, _ *Page) []byte { return append(b, script...) },
	"crumbs": appendCrumbs,
	"stale":  appendStale,
	"totals": appendTotals,
	"empty":  appendEmpty,
	"long":   appendLong,
	"up":     appendUp,
}

// path is the URL path of the page, but for its escapes.
func (p *Page) path() string {
	if p.Path == "" {
		return p.Base
	}
	return p.Base + p.Path + "/"
}

// icon keeps browsers from asking the mirror, and so its upstream, for one.
const icon = `data:image/svg+xml,` +
	`%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E` +
	`%3Cpath fill='%232f6fb0' d='M1 3h5l2 2h7v9H1z'/%3E%3C/svg%3E`

// appendShown is appendText where elements may be.
func appendShown(b []byte, s string) []byte { return appendText(b, s, "<i>", "</i>") }

// appendCrumbs appends the way here, a link for each directory above.
func appendCrumbs(b []byte, p *Page) []byte {
	names := []string{strings.TrimSuffix(p.Base, "/")}
	if p.Path != "" {
		names = append(names, strings.Split(p.Path, "/")...)
	}
	for i, name := range names {
		b = append(b, `<li><a href="`...)
		if up := len(names) - 1 - i; up > 0 {
			b = append(b, strings.Repeat("../", up)...)
		} else {
			b = append(b, `./" aria-current="page`...)
		}
		b = append(b, `">`...)
		b = appendShown(b, name)
		b = append(b, "/</a></li>"...)
	}
	return b
}

func appendStale(b []byte, p *Page) []byte {
	if p.Stale.IsZero() {
		return b
	}
	b = append(b, `<p class="stale" role="status"><strong>This list may be out of date.</strong> `...)
	if p.Upstream == "" {
		b = append(b, "The upstream"...)
	} else {
		b = appendShown(b, p.Upstream)
	}
	b = append(b, " has not confirmed it since "...)
	b = appendTime(b, p.Stale.Unix(), `<time datetime="2006-01-02T15:04:05Z">2006-01-02 15:04:05</time>`)
	return append(b, " UTC. What is here can be had all the same.</p>\n"...)
}

// appendTotals appends, say, "2 directories, 12 files, at least 1.2 GiB (3 here)".
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
			b = appendTotal(append(b, ", at least "...), listing.Exactly(t.size.Lo))
		default:
			b = appendTotal(append(b, ", "...), t.size)
		}
		b = append(appendGrouped(append(b, " ("...), int64(t.here)), " here"...)
		if t.arriving > 0 {
			b = append(appendGrouped(append(b, ", "...), int64(t.arriving)), " arriving"...)
		}
		b = append(b, ')')
	}
	if p.Upstream != "" {
		b = appendShown(append(b, " from "...), p.Upstream)
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

func appendEmpty(b []byte, p *Page) []byte {
	if len(p.Rows) > 0 {
		return b
	}
	return append(b, `<p class="empty">This directory is empty.</p>`+"\n"...)
}

// long is how many rows a browser lays out in no time that can be felt; page.css
// says what is different beyond it.
const long = 1000

func appendLong(b []byte, p *Page) []byte {
	if len(p.Rows) <= long {
		return b
	}
	return append(b, ` class="long"`...)
}

func appendUp(b []byte, p *Page) []byte {
	if p.Path == "" {
		return b
	}
	return append(b, "<tbody>\n"+
		`<tr class="up"><th scope="row"><a href="../">Parent directory</a></th><td></td><td></td><td></td></tr>`+
		"\n</tbody>\n"...)
}
