package page

import (
	"bytes"
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"mirror/listing"
)

// FormatKeys is the Format of lists of an object store that were asked for
// without a delimiter: their entries are named by whole keys below the prefix,
// with slashes. None begins with one, and no segment is "." or "..", but some
// may be empty.
const FormatKeys = "s3-keys"

// Continue is the address of the rest of an object store's list, of which base
// is the first part's, and next its Listing.Next.
func Continue(base *url.URL, next string) *url.URL {
	u := *base
	q := u.Query()
	if q.Get("list-type") == "2" {
		q.Set("continuation-token", next)
	} else {
		q.Set("marker", next)
	}
	u.RawQuery = q.Encode()
	return &u
}

// Listings as XML are a root with an element for each entry, which has what
// there is to say in attributes or in elements of its own:
//
//	<list>
//	<file mtime="2023-03-23T02:50:50Z" size="60">a.txt</file>
//	</list>
//
//	<ListBucketResult><Prefix>pool/</Prefix><Delimiter>/</Delimiter>
//	<Contents><Key>pool/a.deb</Key><LastModified>2026-11-22T07:31:53.858Z</LastModified><Size>13</Size></Contents>
//	<CommonPrefixes><Prefix>pool/main/</Prefix></CommonPrefixes>
//	</ListBucketResult>

// xmlRoots are the roots of listings, in small letters, and their formats.
var xmlRoots = map[string]string{
	"list":             "nginx-xml",
	"listbucketresult": "s3",
}

// xmlEntries are the elements that are entries, and of what type.
var xmlEntries = map[string]listing.Type{
	"file": listing.File, "directory": listing.Dir, "other": listing.Other,
	"contents": listing.File, "commonprefixes": listing.Dir,
}

// An xmlPage is a listing as XML. The tokenizer is HTML's: it takes names with
// bytes that are no UTF-8 and with control characters, which servers write.
type xmlPage struct {
	entries
	root  string
	depth int

	// Of the whole list.
	prefix, delimiter, next, marker, lastKey string
	truncated, escaped                       bool

	inside string // the entry's element that is open, or ""
	entry  found
	key    string
	text   []byte // of the innermost element
	parts  []part
}

// A part is an entry whose name is known when the whole list is read: the
// prefix and the delimiter may come last.
type part struct {
	found
	key string
}

func parseXML(body []byte, in Input) (listing.Listing, error) {
	n := bytes.Count(body, []byte("</")) / 4
	p := &xmlPage{entries: newEntries(n), parts: make([]part, 0, min(n, maxRoom))}
	z := html.NewTokenizer(bytes.NewReader(body))
	z.AllowCDATA(true)
	ended := false
	for !ended {
		switch z.Next() {
		case html.ErrorToken:
			return p.listing(in, false)
		case html.TextToken:
			p.text = append(p.text, textOf(z.Raw())...)
		case html.StartTagToken:
			p.start(z)
		case html.SelfClosingTagToken:
			p.start(z)
			ended = p.end(z)
		case html.EndTagToken:
			ended = p.end(z)
		}
	}
	return p.listing(in, true)
}

func (p *xmlPage) start(z *html.Tokenizer) {
	raw, more := z.TagName()
	name := local(raw)
	z.NextIsNotRawText()
	p.text = p.text[:0]
	if p.depth++; p.depth == 1 {
		p.root = name
		return
	}
	if typ, ok := xmlEntries[name]; ok && p.inside == "" {
		p.inside, p.key = name, ""
		p.entry = found{listing.Entry{Type: typ}, find{evidence: described}}
	}
	for more {
		var key, value []byte
		key, value, more = z.TagAttr()
		p.tell(string(key), string(value))
	}
}

// end takes an end tag in; it reports whether the root has ended.
func (p *xmlPage) end(z *html.Tokenizer) bool {
	raw, _ := z.TagName()
	name := local(raw)
	text := string(p.text)
	p.text = p.text[:0]
	p.depth--
	switch {
	case name == p.inside && name != "":
		if p.key == "" {
			p.key = text
		}
		p.inside = ""
		p.parts = append(p.parts, part{p.entry, p.key})
		p.lastKey = p.key
	case name != "":
		p.tell(name, text)
	}
	return p.depth <= 0
}

// local is an element's name without its name space.
func local(name []byte) string {
	return string(name[bytes.IndexByte(name, ':')+1:])
}

// tell takes in what an attribute or an element says.
func (p *xmlPage) tell(name, value string) {
	switch name {
	case "key":
		p.key = value
	case "prefix":
		if p.inside != "" {
			p.key = value
		} else {
			p.prefix = value
		}
	case "size":
		if size, rest, ok := readSize(value, 1); ok && rest == "" {
			p.entry.Size = size
		}
	case "mtime", "lastmodified":
		p.entry.time, _, _ = dateIn(value)
	case "delimiter":
		p.delimiter = value
	case "istruncated":
		p.truncated = value == "true"
	case "nextcontinuationtoken":
		p.next = value
	case "nextmarker":
		p.marker = value
	case "encodingtype":
		p.escaped = value == "url"
	}
}

// listing gives the entries their names.
func (p *xmlPage) listing(in Input, ended bool) (listing.Listing, error) {
	format, ok := xmlRoots[p.root]
	if !ok {
		return listing.Listing{}, fmt.Errorf("this XML is no listing: its root is %q", p.root[:min(len(p.root), 40)])
	}
	keys := format == "s3" && p.delimiter != "/"
	if p.escaped {
		p.prefix = unescapeKey(p.prefix)
	}
	p.prefix = p.prefix[:strings.LastIndexByte(p.prefix, '/')+1]
	for i := range p.parts {
		p.named(&p.parts[i], keys)
	}
	l := p.finish(in.Clock)
	if l.Format = format; keys {
		l.Format = FormatKeys
	}
	if p.truncated {
		l.Next = cmp.Or(p.next, p.marker, p.lastKey)
	}
	l.Ended = ended && p.truncated == (l.Next != "")
	return l, nil
}

// named adds an entry by its key.
func (p *xmlPage) named(e *part, keys bool) {
	name := e.key
	if p.escaped {
		name = unescapeKey(name)
	}
	name, below := strings.CutPrefix(name, p.prefix)
	if !below {
		p.misread(name)
		return
	}
	isDir := strings.HasSuffix(name, "/")
	switch {
	case name == "" || isDir && e.Type == listing.File && !keys: // the marker of a directory
		return
	case isDir:
		e.Type = listing.Dir
	}
	if !keys {
		name = strings.TrimSuffix(name, "/")
	}
	e.Name = name
	if keys {
		p.addKey(e.found)
	} else {
		p.add(e.found)
	}
}

// unescapeKey undoes the encoding that a list was asked for.
func unescapeKey(key string) string { return unescape(strings.ReplaceAll(key, "+", " ")) }

// textOf is what a piece of text means.
func textOf(raw []byte) []byte {
	if data, ok := bytes.CutPrefix(raw, []byte("<![CDATA[")); ok {
		return bytes.TrimSuffix(data, []byte("]]>"))
	}
	return unescapeXML(raw)
}

// unescapeXML undoes the five entities of XML and numbers.
func unescapeXML(b []byte) []byte {
	i := bytes.IndexByte(b, '&')
	if i < 0 {
		return b
	}
	out := bytes.Clone(b[:i])
	for b = b[i:]; len(b) > 0; {
		end := bytes.IndexByte(b[:min(len(b), 12)], ';')
		if b[0] != '&' || end < 0 {
			out = append(out, b[0])
			b = b[1:]
			continue
		}
		switch entity := string(b[1:end]); entity {
		case "amp":
			out = append(out, '&')
		case "lt":
			out = append(out, '<')
		case "gt":
			out = append(out, '>')
		case "quot":
			out = append(out, '"')
		case "apos":
			out = append(out, '\'')
		default:
			digits, base := strings.TrimPrefix(entity, "#"), 10
			if hex, ok := strings.CutPrefix(strings.ToLower(digits), "x"); ok {
				digits, base = hex, 16
			}
			n, err := strconv.ParseUint(digits, base, 31)
			if err != nil || entity[0] != '#' {
				out = append(out, b[:end+1]...)
			} else {
				out = utf8.AppendRune(out, rune(n))
			}
		}
		b = b[end+1:]
	}
	return out
}
