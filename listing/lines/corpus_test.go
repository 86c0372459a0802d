package lines

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror/listing"
)

// blob is a string that JSON has as it is or, where it is no UTF-8, in base64.
type blob struct{ plain, b64 *string }

func (b blob) String() string {
	if b.b64 != nil {
		raw, err := base64.StdEncoding.DecodeString(*b.b64)
		if err != nil {
			panic(err)
		}
		return string(raw)
	}
	if b.plain == nil {
		return ""
	}
	return *b.plain
}

// wanted is an entry as the truth has it; see testdata/README.md.
type wanted struct {
	Name    *string  `json:"name"`
	NameB64 *string  `json:"name_b64"`
	NamesOK []string `json:"names_ok"`
	Type    *string  `json:"type"`
	Size    *float64 `json:"size"`
	SizeLo  *int64   `json:"size_lo"`
	SizeHi  *int64   `json:"size_hi"`
	Target  *string  `json:"target"`
	Lo      *int64   `json:"mtime_lo"`
	Hi      *int64   `json:"mtime_hi"`
	Alt     []int64  `json:"mtime_alt"`
	Hazard  string   `json:"hazard"`
	// Facts are those of MLSD: some servers tell of a link what its target is.
	Facts map[string]string `json:"facts"`
}

func (w wanted) name() string { return blob{w.Name, w.NameB64}.String() }

// faults compares what was read with what was to be read.
func (w wanted) faults(e listing.Entry, zoneKnown bool) (faults []string) {
	if names := append(w.NamesOK, w.name()); !contains(names, e.Name) {
		faults = append(faults, "name")
	}
	if shown := w.Facts["type"]; shown != "" && shown != *w.Type {
		w.Type, w.Target = &shown, nil
	}
	if w.Type != nil && *w.Type != e.Type.String() {
		faults = append(faults, "type "+e.Type.String())
	}
	if w.Target != nil && *w.Target != e.Target {
		faults = append(faults, "target "+e.Target)
	}
	switch s := e.Size; {
	case w.SizeLo != nil:
		if !s.Known || s.Lo < *w.SizeLo || s.Hi > *w.SizeHi || s.Exact() && *w.SizeLo != *w.SizeHi {
			faults = append(faults, "rounded size")
		}
	case w.SizeHi != nil:
		if s.Exact() || s.Known && s.Hi > *w.SizeHi {
			faults = append(faults, "size in blocks")
		}
	case w.Size != nil && *w.Size < 1<<62:
		if s != listing.Exactly(int64(*w.Size)) {
			faults = append(faults, "size")
		}
	}
	got, inside := e.MTime, func(lo, hi int64) bool { return e.MTime == listing.Between(lo, hi) }
	if !zoneKnown {
		inside = func(lo, hi int64) bool { return got.Known && got.Lo <= lo && got.Hi >= hi }
	}
	switch {
	case w.Lo == nil && got.Known && w.Hazard == "":
		faults = append(faults, "a time out of nothing")
	case w.Lo != nil && !inside(*w.Lo, *w.Hi) && !(len(w.Alt) == 2 && inside(w.Alt[0], w.Alt[1])):
		faults = append(faults, "time")
	}
	return faults
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

func parse(t *testing.T, cmd, text string, o Options) listing.Listing {
	t.Helper()
	read := ParseList
	switch {
	case strings.HasPrefix(cmd, "MLSD"):
		read = ParseMLSD
	case strings.HasPrefix(cmd, "NLST"):
		read = ParseNames
	}
	l, err := read(strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range l.Entries {
		if !listing.ValidName(e.Name) {
			t.Errorf("%q yields the name %q", text, e.Name)
		}
	}
	return l
}

func truth[T any](t *testing.T, file string) (v T) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

func zone(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestLines reads single lines of many systems, as other projects' tests have
// them: of "must" lines all have to be right, of "should" lines 95 %.
func TestLines(t *testing.T) {
	files, _ := filepath.Glob("testdata/lines-*.json")
	right, all := map[string]int{}, map[string]int{}
	for _, file := range files {
		c := truth[struct {
			Cmd   string
			Now   *time.Time
			Lines []struct {
				Line    *string
				LineB64 *string `json:"line_b64"`
				Level   string
				Family  string
				Want    *wanted
			}
		}](t, file)
		o := Options{Clock: listing.Clock{Zone: time.UTC}}
		if c.Now != nil {
			o.Clock.Now = *c.Now
		}
		for _, l := range c.Lines {
			text := blob{l.Line, l.LineB64}.String()
			if l.Family == "dos-bad" {
				// Bad because it is among those of IIS.
				text = "11-12-24  10:20AM  1 a\r\n11-12-24  10:20AM  2 a\r\n" + text
			}
			entries := parse(t, c.Cmd, text, o).Entries
			if l.Family == "dos-bad" {
				entries = entries[1:]
			}
			var faults []string
			switch {
			case len(entries) > 1:
				faults = []string{"more than one entry"}
			case l.Want == nil && len(entries) > 0:
				faults = []string{"an entry out of nothing"}
			case l.Want != nil && len(entries) == 0:
				faults = []string{"no entry"}
			case l.Want != nil:
				faults = l.Want.faults(entries[0], true)
			}
			all[l.Level]++
			if len(faults) == 0 {
				right[l.Level]++
			} else if l.Level != "may" {
				t.Logf("%s: %s %q: %v: %+v", filepath.Base(file), l.Level, text, faults, entries)
			}
		}
	}
	t.Logf("right: %d of %d must lines, %d of %d should lines, %d of %d may lines",
		right["must"], all["must"], right["should"], all["should"], right["may"], all["may"])
	if right["must"] < all["must"] || 100*right["should"] < 95*all["should"] || all["must"] == 0 {
		t.Error("too few are right")
	}
}

// TestLists reads whole lists of real servers.
func TestLists(t *testing.T) {
	files, _ := filepath.Glob("testdata/*--*.json")
	if len(files) == 0 {
		t.Fatal("no test data")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			c := truth[struct {
				Cmd, Zone, Raw string
				At             time.Time `json:"captured_at"`
				Entries        []wanted
				Other          []struct{ Line int } `json:"other_lines"`
			}](t, file)
			raw, err := os.ReadFile(filepath.Join("testdata", c.Raw))
			if err != nil {
				t.Fatal(err)
			}
			o := Options{Clock: listing.Clock{Now: c.At, Zone: zone(t, c.Zone)}}
			testList(t, c.Cmd, string(raw), o, c.Entries)
			o.Clock.Zone = nil
			testList(t, c.Cmd, string(raw), o, c.Entries)
			testList(t, c.Cmd, string(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))), o, c.Entries)
		})
	}
}

// TestLocales reads what ls of GNU prints of one directory in many languages and
// character sets (testdata/locales/README.md).
func TestLocales(t *testing.T) {
	c := truth[struct {
		At      time.Time `json:"captured_at"`
		Entries []wanted
	}](t, "testdata/locales/truth.json")
	files, _ := filepath.Glob("testdata/locales/*.list")
	if len(files) == 0 {
		t.Fatal("no test data")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			testList(t, "LIST", string(raw), Options{Clock: listing.Clock{Now: c.At, Zone: time.UTC}}, c.Entries)
			testList(t, "LIST", string(raw), Options{Clock: listing.Clock{Now: c.At}}, c.Entries)
		})
	}
}

// testList holds what is read of text to want.
func testList(t *testing.T, cmd, text string, o Options, want []wanted) {
	t.Helper()
	l := parse(t, cmd, text, o)
	found := make(map[string]listing.Entry)
	for _, e := range l.Entries {
		found[e.Name] = e
	}
	hazards := 0
	for _, w := range want {
		e, ok := found[w.name()]
		delete(found, w.name())
		if w.Hazard != "" {
			hazards += 1 + strings.Count(w.name(), "\n")
			if !ok {
				t.Logf("missed %q (%s)", w.name(), w.Hazard)
			}
			continue
		}
		if strings.HasPrefix(cmd, "NLST") {
			w.Type, w.Size, w.Target, w.Lo = nil, nil, nil, nil
		}
		if !ok {
			t.Errorf("missed %q", w.name())
		} else if faults := w.faults(e, o.Clock.Zone != nil || l.Format == "mlsd"); faults != nil {
			t.Errorf("%q: wrong %v: %+v", w.name(), faults, e)
		}
	}
	if len(found) > hazards {
		t.Errorf("invented %v", found)
	}
	if hazards == 0 && l.Unread > 0 {
		t.Errorf("%d lines unread, the first is %q", l.Unread, l.FirstUnread)
	}
	if !l.Ended {
		t.Error("not ended")
	}
}
