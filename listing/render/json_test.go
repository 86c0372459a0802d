package render

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"mirror/listing"
)

// TestJSONIsNginx: of what nginx knows, JSON writes what nginx wrote, byte for
// byte, but for the state, which is ours.
func TestJSONIsNginx(t *testing.T) {
	cases, err := filepath.Glob("testdata/nginx-*.json")
	if err != nil || len(cases) == 0 {
		t.Fatalf("there are no cases (%v)", err)
	}
	for _, file := range cases {
		wrote, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		// nginx writes names that are not UTF-8 as they are, which is no JSON.
		lines := slices.DeleteFunc(strings.Split(string(wrote), "\r\n"), func(l string) bool { return !utf8.ValidString(l) })
		want := strings.Join(lines, "\r\n")

		var entries []struct {
			Name, Type, MTime string
			Size              *int64
		}
		if err := json.Unmarshal([]byte(want), &entries); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		p := &Page{Base: "/"}
		for _, e := range entries {
			r := Row{Entry: listing.Entry{Name: e.Name,
				Type: map[string]listing.Type{"file": listing.File, "directory": listing.Dir, "other": listing.Other}[e.Type]}}
			at, err := time.Parse(http.TimeFormat, e.MTime)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			r.MTime = listing.Exactly(at.Unix())
			if e.Size != nil {
				r.Size = listing.Exactly(*e.Size)
			}
			p.Rows = append(p.Rows, r)
		}
		if got := strings.ReplaceAll(written(t, JSON, p), `, "state":"upstream" }`, " }"); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
		}
	}
}

// TestJSON: what is not known exactly is never in one of nginx's fields.
func TestJSON(t *testing.T) {
	file := func(change func(*Row)) Row {
		r := fileNamed("a")
		if change != nil {
			change(&r)
		}
		return r
	}
	for _, c := range []struct {
		row           Row
		page, objects string
	}{
		{file(nil),
			`{ "name":"a", "type":"file", "mtime":"Tue, 12 Nov 2024 10:00:23 GMT", "size":1234, "mode":"0644", "state":"here" }`,
			`{"name":"a","type":"file","size_lo":1234,"size_hi":1234,"mtime_lo":1731405623,"mtime_hi":1731405623,"mode":"0644"}`},
		{file(func(r *Row) { r.Size, r.MTime = listing.Between(1, 2), listing.Between(noon, noon+1) }),
			`{ "name":"a", "type":"file", "mtime_lo":1731405623, "mtime_hi":1731405624, "size_lo":1, "size_hi":2, "mode":"0644", "state":"here" }`,
			`{"name":"a","type":"file","size_lo":1,"size_hi":2,"mtime_lo":1731405623,"mtime_hi":1731405624,"mode":"0644"}`},
		{Row{Entry: listing.Entry{Name: "\xff\""}},
			`{ "name_b64":"/yI=", "state":"upstream" }`,
			`{"name_b64":"/yI=","type":"unknown"}`},
		{Row{Entry: listing.Entry{Name: "a", Size: listing.Exactly(0)}, State: Arriving, Done: 7},
			`{ "name":"a", "type":"file", "size":0, "state":"arriving", "arrived":7 }`,
			`{"name":"a","type":"unknown","size_lo":0,"size_hi":0}`},
		{Row{Entry: listing.Entry{Name: "d", Type: listing.Dir, Mode: listing.Perm(0o7755)}},
			`{ "name":"d", "type":"directory", "mode":"7755" }`,
			`{"name":"d","type":"dir","mode":"7755"}`},
		{Row{Entry: listing.Entry{Name: "l", Type: listing.Symlink, Target: "x/\xe9"}},
			`{ "name":"l", "type":"other", "symlink":true, "target_b64":"eC/p", "state":"upstream" }`,
			`{"name":"l","type":"symlink","target_b64":"eC/p"}`},
		{Row{Entry: listing.Entry{Name: "p", Type: listing.Other, HardLink: "7"}},
			`{ "name":"p", "type":"other", "hardlink":"7", "state":"upstream" }`,
			`{"name":"p","type":"other","hardlink":"7"}`},
		{Row{Entry: listing.Entry{Name: "y", Type: listing.Dir, MTime: listing.Exactly(1 << 40)}}, // the year 36812
			`{ "name":"y", "type":"directory", "mtime_lo":1099511627776, "mtime_hi":1099511627776 }`,
			`{"name":"y","type":"dir","mtime_lo":1099511627776,"mtime_hi":1099511627776}`},
	} {
		if got := written(t, JSON, &Page{Rows: []Row{c.row}}); got != "[\r\n"+c.page+"\r\n]" {
			t.Errorf("the page has\n%s, want\n%s", got, c.page)
		}
		if got := string(Object(nil, &c.row.Entry)); got != c.objects {
			t.Errorf("the object is\n%s, want\n%s", got, c.objects)
		}
	}
}

// TestObjects: what comes before and after an Object's own fields.
func TestObjects(t *testing.T) {
	arriving := Row{Entry: listing.Entry{Name: "a", Type: listing.File}, State: Arriving, Done: 7}
	dir := Row{Entry: listing.Entry{Name: "d", Type: listing.Dir}}
	for _, c := range []struct{ got, want string }{
		{string(RowObject(nil, &arriving)), `{"name":"a","type":"file","state":"arriving","arrived":7}`},
		{string(RowObject(nil, &dir)), `{"name":"d","type":"dir"}`},
		{string(TreeObject(nil, "", &dir.Entry)), `{"dir":"","name":"d","type":"dir"}`},
		{string(TreeObject(nil, "a/\xff", &dir.Entry)), `{"dir_b64":"YS//","name":"d","type":"dir"}`},
	} {
		if c.got != c.want {
			t.Errorf("the object is\n%s, want\n%s", c.got, c.want)
		}
	}
}
