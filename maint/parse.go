package maint

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"mirror/listing"
	"mirror/listing/lines"
	"mirror/listing/page"
)

// Saved is what is known of a listing that somebody kept in a file, besides its
// bytes.
type Saved struct {
	As          string   // one of Forms
	Base        *url.URL // of a page: its address; nil: the root of some host
	ContentType string   // of a page: as it was sent, or ""
	Clock       listing.Clock
}

// Forms are what a listing can be read as: "auto" finds out; "ftp" is what LIST
// answers, "ls-lR" a list of a whole tree, in any format and packed or not.
var Forms = []string{"auto", "html", "json", "xml", "ftp", "mlsd", "nlst", "rsync", "ls-lR"}

// Part is some of a listing's entries, of one directory.
type Part struct {
	Tree    bool   // the listing is of a whole tree
	Dir     string // the directory's path below the tree's root; "" is the root
	Entries []listing.Entry
}

// Summary is what is said of a listing besides its entries, as in
// listing.Listing.
type Summary struct {
	Format      string
	Entries     int
	Ended       bool
	Unread      int
	FirstUnread string
	Next        string
}

const (
	// headSize is how much of a listing is looked at to tell what it is, in bytes:
	// rsync lists thousands of files of the top before the first one below.
	headSize = 1 << 20
	// maxSavedPage is how long a page may be: as long as of an upstream.
	maxSavedPage = 64 << 20
)

// Parse reads a listing as it would be read from an upstream, and hands its
// entries to each: those of a tree as they come, however many there are. An
// error of each ends the reading and is returned. Entries that come before any
// other error are right.
func (s Saved) Parse(r io.Reader, each func(Part) error) (Summary, error) {
	in := bufio.NewReaderSize(r, headSize)
	head, err := in.Peek(headSize)
	if len(head) == 0 && err != io.EOF { // else an error comes again when it is read
		return Summary{}, fmt.Errorf("it cannot be read: %w", reason(err))
	}
	o := lines.Options{Clock: s.Clock}
	switch form := s.form(head); form {
	case "ftp":
		return gather(lines.ParseList, in, o, each)
	case "mlsd":
		return gather(lines.ParseMLSD, in, o, each)
	case "nlst":
		return gather(lines.ParseNames, in, o, each)
	case "rsync":
		if isDeep(head) {
			return readTree(in, o, each)
		}
		return gather(lines.ParseRsync, in, o, each)
	case "ls-lR":
		return readTree(in, o, each)
	case "":
		if len(head) == 0 {
			return Summary{}, errors.New("it is empty, as is an empty directory of FTP: read it with --as ftp")
		}
		sum, err := s.page(in, form, each)
		if err != nil {
			err = fmt.Errorf("no line of it is FTP's or rsync's, and %w", err)
		}
		return sum, err
	case "page":
		return s.page(in, "", each)
	default:
		return s.page(in, form, each)
	}
}

// form is one of Forms, "page" for any page, or "" where nothing speaks for
// anything. A page may have lines that FTP servers print.
func (s Saved) form(head []byte) string {
	if s.As != "auto" {
		return s.As
	}
	for _, kind := range []string{"html", "json", "xml"} {
		if strings.Contains(s.ContentType, kind) {
			return "page"
		}
	}
	if beginsPage(head) {
		return "page"
	}
	return lines.Detect(head)
}

// beginsPage reports whether head begins HTML, XML or JSON.
func beginsPage(head []byte) bool {
	const space = " \t\r\n"
	start := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), space)
	if len(start) == 0 {
		return false
	}
	switch start[0] {
	case '<', '{':
		return true
	case '[': // not as of a list of a tree, whose sections have names: [Version]
		value := bytes.TrimLeft(start[1:], space)
		return len(value) > 0 && bytes.IndexByte([]byte("{[]\""), value[0]) >= 0
	}
	return false
}

// isDeep reports whether a list of rsync's is of more than one directory.
func isDeep(head []byte) bool {
	errDeep := errors.New("deep")
	_, err := lines.ReadTree(bytes.NewReader(head), lines.Options{}, func(dir string, _ []listing.Entry) error {
		if dir != "" {
			return errDeep
		}
		return nil
	})
	return err == errDeep
}

// gather reads the lines of one directory.
func gather(parse func(io.Reader, lines.Options) (listing.Listing, error), r io.Reader, o lines.Options, each func(Part) error) (Summary, error) {
	l, err := parse(r, o)
	if err == nil && len(l.Entries) == 0 && l.Unread > 0 {
		return summaryOf(l), fmt.Errorf("this is no listing: no line of it is an entry; the first that was not understood is %q", l.FirstUnread)
	}
	return handOver(l, err, each)
}

func (s Saved) page(r io.Reader, as string, each func(Part) error) (Summary, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxSavedPage+1))
	if err != nil {
		return Summary{}, fmt.Errorf("it cannot be read: %w", reason(err))
	}
	if len(body) > maxSavedPage {
		return Summary{}, fmt.Errorf("the page has more than %d MiB, which is more than is read from an upstream", maxSavedPage>>20)
	}
	l, err := page.Parse(body, page.Input{Base: s.Base, ContentType: s.ContentType, As: as, Clock: s.Clock})
	return handOver(l, err, each)
}

// handOver gives away what was read of one directory before parsing ended.
func handOver(l listing.Listing, parsing error, each func(Part) error) (Summary, error) {
	if len(l.Entries) > 0 {
		if err := each(Part{Entries: l.Entries}); err != nil {
			return Summary{}, err
		}
	}
	return summaryOf(l), parsing
}

func summaryOf(l listing.Listing) Summary {
	return Summary{
		Format: l.Format, Entries: len(l.Entries), Ended: l.Ended,
		Unread: l.Unread, FirstUnread: l.FirstUnread, Next: l.Next,
	}
}

func readTree(r io.Reader, o lines.Options, each func(Part) error) (Summary, error) {
	t, err := lines.ReadTree(r, o, func(dir string, entries []listing.Entry) error {
		return each(Part{Tree: true, Dir: dir, Entries: entries})
	})
	return Summary{Format: t.Format, Entries: t.Entries, Ended: t.Ended, Unread: t.Unread, FirstUnread: t.FirstUnread}, err
}
