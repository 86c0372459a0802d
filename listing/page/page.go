// Package page reads the directory pages of web servers: HTML, JSON and XML.
//
// A page is recognised by what it is made of, not by the server's name: rows
// with a link to something directly below the page, and beside it, under
// headings or not, a size and a time. So it reads pages of servers that it has
// never seen. What a row does not say is not guessed:
//
//   - "7.5M" is any size from 7.4M to 7.6M, "Nov 12 2024" any second of that
//     day, and a time without a zone is what [listing.Clock] makes of it.
//   - A link with a slash at its end, or beside the icon or the word of a
//     directory, is a directory; one without is shown as a file, or by its
//     row's class="symlink" or an arrow behind its name as a symbolic link.
//   - Names are the bytes that the links have, percent-decoded; never the text
//     that is shown, which servers cut short, and which is read for nothing
//     else, whatever a name looks like.
//
// A page ended, as [listing.Listing] has it, when its <html> or <body> did, or
// the root of its JSON or XML. Of pages that never end these, the table, list or
// preformatted text with the entries must have ended, and every section that
// began. One that shows neither a size nor a time must also have headings, or be a
// known server's, or have the title of a listing and a link to the directory above;
// an empty list in JSON proves nothing. Whether the transfer was whole is for its protocol to tell.
package page

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"mirror/listing"
)

// Input is what is known of a page besides its bytes.
type Input struct {
	Base        *url.URL // the address of the page; links start from there; nil: the root of some host
	ContentType string   // as it was sent, or ""
	As          string   // "html", "json" or "xml"; "": what it looks like
	Clock       listing.Clock
}

// Parse reads a page. It fails only where the body is no listing at all.
func Parse(body []byte, in Input) (listing.Listing, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	form, err := form(body, in)
	if err != nil {
		return listing.Listing{}, err
	}
	switch form {
	case "json":
		return parseJSON(body, in)
	case "xml":
		return parseXML(body, in)
	}
	l, err := parseHTML(body, in)
	if b := in.Base; len(l.Entries) == 0 && b != nil && !strings.HasSuffix(b.Path, "/") {
		// Some servers show a directory at its address without a slash.
		in.Base = b.JoinPath("/")
		if below, err := parseHTML(body, in); err == nil && len(below.Entries) > 0 {
			return below, nil
		}
	}
	return l, err
}

// form is what kind of page it is: by what was asked for, or by how it begins;
// the Content-Type is often wrong.
func form(body []byte, in Input) (string, error) {
	start := bytes.TrimLeft(body, " \t\r\n")
	switch {
	case in.As == "html" || in.As == "json" || in.As == "xml":
		return in.As, nil
	case in.As != "":
		return "", fmt.Errorf("a page is html, json or xml, not %q", in.As)
	case len(start) == 0:
		return "", errors.New("the page is empty")
	case start[0] == '{' || start[0] == '[':
		return "json", nil
	case strings.Contains(in.ContentType, "json"):
		return "", fmt.Errorf("this page is no listing: it was sent as %s, and begins with %q", in.ContentType, start[:min(len(start), 16)])
	case start[0] != '<':
		if !bytes.Contains(start[:min(len(start), sniffed)], []byte("<")) {
			return "", fmt.Errorf("this is no page of a directory: it begins with %q, and has no tags", start[:min(len(start), 16)])
		}
	case !looksHTML(start):
		return "xml", nil
	}
	return "html", nil
}

// sniffed is how much of a page is looked at to tell what it is; a style sheet
// may go before the first tag.
const sniffed = 16 << 10

func looksHTML(start []byte) bool {
	head := bytes.ToLower(start[:min(len(start), 1<<10)])
	if bytes.HasPrefix(head, []byte("<!doctype")) || bytes.Contains(head, []byte("<html")) {
		return true
	}
	if bytes.HasPrefix(head, []byte("<?xml")) {
		return false
	}
	tag := head[1:]
	if end := bytes.IndexAny(tag, " \t\r\n>/"); end >= 0 {
		tag = tag[:end]
	}
	return xmlRoots[string(tag)] == ""
}

// errNoListing is for a page that is of another kind: a login form, say.
func errNoListing(title string) error {
	if !utf8.ValidString(title) || title == "" {
		return errors.New("this page lists no directory: it has no link to anything directly below it, and no sign of being a listing")
	}
	return fmt.Errorf("this page, %q, lists no directory: it has no link to anything directly below it, and no sign of being a listing", clip(title))
}

// A found entry is one that a page has, and how it was found.
type found struct {
	listing.Entry
	find
}

// A find is when an entry was changed, as the page writes it, and how much
// speaks for it.
type find struct {
	time     reading
	evidence evidence
	hint     bool // an icon or a class says that it is a directory
}

// evidence is what makes a link an entry.
type evidence uint8

const (
	mentioned evidence = iota // a sentence links to something below the page
	linked                    // a row of its own has the link
	named                     // and shows its name
	described                 // and has a size or a time beside it
)

// entries collects what a page has, each name once.
type entries struct {
	list        []listing.Entry
	finds       []find // of the same entries
	byName      map[string]int32
	unread      int
	firstUnread string
}

// maxRoom bounds what is allotted before anything is read.
const maxRoom = 1 << 17

// maxEntries bounds what a page can make us hold: some 200 bytes each. More count
// as unread.
const maxEntries = 500_000

// newEntries has room for about n entries.
func newEntries(n int) entries {
	n = min(n, maxRoom)
	return entries{list: make([]listing.Entry, 0, n), finds: make([]find, 0, n), byName: make(map[string]int32, n)}
}

// add takes an entry in. Of a name that comes twice the better evidence holds,
// and the first of equals; the other fills in what it lacks.
func (e *entries) add(f found) {
	if !listing.ValidName(f.Name) {
		e.misread(f.Name)
		return
	}
	e.put(f)
}

// addKey takes in an entry named by a whole key.
func (e *entries) addKey(f found) {
	if strings.HasPrefix(f.Name, "/") {
		e.misread(f.Name)
		return
	}
	for segment := range strings.SplitSeq(f.Name, "/") {
		if segment != "" && !listing.ValidName(segment) {
			e.misread(f.Name)
			return
		}
	}
	e.put(f)
}

func (e *entries) put(f found) {
	i, twice := e.byName[f.Name]
	if !twice && len(e.list) == maxEntries {
		e.misread(f.Name)
		return
	}
	if !twice {
		e.byName[f.Name] = int32(len(e.list))
		e.list, e.finds = append(e.list, f.Entry), append(e.finds, f.find)
		return
	}
	first := found{e.list[i], e.finds[i]}
	if f.evidence > first.evidence {
		first, f = f, first
	}
	if first.Type == f.Type {
		if !first.Size.Known {
			first.Size = f.Size
		}
		if first.time.precise == unread && !first.MTime.Known {
			first.time, first.MTime = f.time, f.MTime
		}
	}
	e.list[i], e.finds[i] = first.Entry, first.find
}

// described reports whether some entry has a size or a time.
func (e *entries) described() bool {
	return slices.ContainsFunc(e.finds, func(f find) bool { return f.evidence == described })
}

// misread counts what looks like an entry and is not understood.
func (e *entries) misread(what string) {
	if e.unread++; e.unread > 1 {
		return
	}
	if e.firstUnread = strings.ToValidUTF8(clip(what), "?"); what == "" {
		e.firstUnread = "an entry without a name"
	}
}

// finish makes the listing. Where some rows show names, sentences are about the
// directory, and where some have sizes or times, so are rows that show neither
// these nor their names. Whether their links are entries is not known, which
// counts as unread.
func (e *entries) finish(clock listing.Clock) listing.Listing {
	var best evidence
	hints := 0
	for i := range e.finds {
		best = max(best, e.finds[i].evidence)
		if e.finds[i].hint {
			hints++
		}
	}
	o := orderIn(e.finds)
	kept := e.list[:0]
	for i, entry := range e.list {
		f := &e.finds[i]
		if f.evidence == mentioned && best > linked || f.evidence == linked && best == described {
			e.misread(entry.Name)
			continue
		}
		if shown := f.time.span(clock, o); !entry.MTime.Known || shown.Known && !overlap(shown, entry.MTime) {
			entry.MTime = shown
		}
		switch {
		case !f.hint || entry.Type != listing.File:
		case hints < len(e.list): // these tell some from others
			entry.Type, entry.Size = listing.Dir, listing.Span{}
		case !entry.Size.Known:
			entry.Type = listing.Unknown
		}
		kept = append(kept, entry)
	}
	return listing.Listing{Entries: kept, Unread: e.unread, FirstUnread: e.firstUnread}
}
