package page

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror/listing"
)

// corpusNow is when the pages of the corpus were made.
var corpusNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// A truth says what must come out of a page: testdata/README.md.
type truth struct {
	Case        string
	Page        string
	BaseURL     string `json:"base_url"`
	ContentType string `json:"content_type"`
	Zone        string
	Entries     []want
	NotEntries  []string `json:"not_entries"`
	Absent      []aName
	Broken      []aName
	Mangled     []aName
	Truncated   bool
	Next        string
}

type want struct {
	Name         *string
	NameB64      string `json:"name_b64"`
	Type         string
	Size         *int64
	SizeLo       *int64  `json:"size_lo"`
	SizeHi       *int64  `json:"size_hi"`
	MTimeLo      *int64  `json:"mtime_lo"`
	MTimeHi      *int64  `json:"mtime_hi"`
	ShownSymlink bool    `json:"shown_symlink"`
	ShownTarget  *string `json:"shown_target"`
	Hazard       string
}

type aName struct {
	Name       *string
	NameB64    string  `json:"name_b64"`
	WouldBe    *string `json:"would_be"`
	WouldBeB64 string  `json:"would_be_b64"`
}

func bytesOf(s *string, b64 string) string {
	if s != nil {
		return *s
	}
	b, _ := base64.StdEncoding.DecodeString(b64)
	return string(b)
}

func readTruth(t testing.TB, path string) (truth, []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var tr truth
	if err := json.Unmarshal(b, &tr); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(filepath.Join(filepath.Dir(path), tr.Page))
	if err != nil {
		t.Fatal(err)
	}
	return tr, body
}

func (tr truth) input(t testing.TB) Input {
	t.Helper()
	base, err := url.Parse(tr.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	return Input{Base: base, ContentType: tr.ContentType, Clock: listing.Clock{Now: corpusNow}}
}

// TestCorpus holds every page to its truth, twice: with the zone of its times
// known, and without.
func TestCorpus(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(corpusDir(), "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	entries := 0
	for _, path := range paths {
		tr, body := readTruth(t, path)
		entries += len(tr.Entries)
		t.Run(tr.Case, func(t *testing.T) {
			in := tr.input(t)
			l, err := Parse(body, in)
			if err != nil {
				t.Fatal(err)
			}
			tr.check(t, l, false)
			if tr.Zone == "unknown" {
				in.Clock.Zone = time.UTC
			} else if in.Clock.Zone, err = time.LoadLocation(tr.Zone); err != nil {
				t.Fatal(err)
			}
			if l, err = Parse(body, in); err != nil {
				t.Fatal(err)
			}
			tr.check(t, l, true)
			if l.Ended == unproven[tr.Case] {
				t.Errorf("ended: %t", l.Ended)
			}
			if maker, _, made := strings.Cut(tr.Case, "--"); made && !strings.HasSuffix(tr.Case, "--empty") {
				if l.Unread > 0 {
					t.Errorf("%d are unread, first %q", l.Unread, l.FirstUnread)
				}
				if l.Format != "generic" && l.Format[:5] != maker[:5] {
					t.Errorf("the format is %s", l.Format)
				}
			}
		})
	}
	t.Logf("%d pages with %d entries", len(paths), entries)
}

func corpusDir() string { return filepath.Join("testdata", "pages") }

// beyond are links like those that the truth has as broken, below the row where
// it ends.
var beyond = map[string][]string{"squid-ftp--ctrl": {"new", "sub"}}

func (tr truth) check(t *testing.T, l listing.Listing, zoned bool) {
	t.Helper()
	if l.Next != tr.Next {
		t.Errorf("the list goes on at %q, want %q", l.Next, tr.Next)
	}
	got := make(map[string]listing.Entry)
	for _, e := range l.Entries {
		if _, twice := got[e.Name]; twice {
			t.Errorf("%q is there twice", e.Name)
		}
		got[e.Name] = e
	}
	for _, w := range tr.Entries {
		name := bytesOf(w.Name, w.NameB64)
		e, ok := got[name]
		if !ok {
			if w.Hazard == "" {
				t.Errorf("%q is missing", name)
			}
			continue
		}
		if w.Hazard == "" {
			for _, problem := range w.problems(e, tr.Zone, zoned) {
				t.Errorf("%q: %s", name, problem)
			}
		}
	}
	for _, w := range tr.Entries {
		delete(got, bytesOf(w.Name, w.NameB64))
	}
	for _, b := range slices.Concat(tr.Broken, tr.Mangled, tr.Absent) {
		delete(got, bytesOf(b.Name, b.NameB64))
		delete(got, bytesOf(b.WouldBe, b.WouldBeB64))
	}
	for _, name := range beyond[tr.Case] {
		delete(got, name)
	}
	for name := range got {
		t.Errorf("%q is no entry", name)
	}
}

// problems are what is wrong with an entry.
func (w want) problems(e listing.Entry, zone string, zoned bool) (bad []string) {
	if got := e.Type.String(); w.Type != "unknown" && got != w.Type && !(w.ShownSymlink && e.Type == listing.Symlink) {
		bad = append(bad, fmt.Sprintf("type %s, want %s", got, w.Type))
	}
	if w.ShownTarget != nil && e.Target != *w.ShownTarget {
		bad = append(bad, fmt.Sprintf("target %q, want %q", e.Target, *w.ShownTarget))
	}
	switch lo, hi := w.SizeLo, w.SizeHi; {
	case lo == nil:
	case !e.Size.Known:
		bad = append(bad, fmt.Sprintf("no size, want %d..%d", *lo, *hi))
	case e.Size.Lo < *lo || e.Size.Hi > *hi, w.Size != nil && !e.Size.Holds(*w.Size), e.Size.Exact() && w.Size != nil && e.Size.Lo != *w.Size:
		bad = append(bad, fmt.Sprintf("size %v, want %d..%d", e.Size, *lo, *hi))
	}
	switch lo, hi := w.MTimeLo, w.MTimeHi; {
	case lo == nil:
	case !e.MTime.Known:
		bad = append(bad, fmt.Sprintf("no time, want %d..%d", *lo, *hi))
	case zone == "unknown" && e.MTime.Exact():
		// The page has the zone, and the truth takes it for UTC.
		const day = 14 * 60 * 60
		if e.MTime.Lo < *lo-day || e.MTime.Hi > *hi+day {
			bad = append(bad, fmt.Sprintf("time %v, want %d..%d and up to 14 hours off", e.MTime, *lo, *hi))
		}
	case zoned && (e.MTime.Lo < *lo || e.MTime.Hi > *hi || e.MTime.Width() < *hi-*lo),
		!zoned && (e.MTime.Lo > *lo || e.MTime.Hi < *hi):
		bad = append(bad, fmt.Sprintf("time %v, want %d..%d", e.MTime, *lo, *hi))
	}
	return bad
}
