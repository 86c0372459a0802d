package fetch

import (
	"fmt"
	"os"
	"testing"
	"time"

	"mirror/internal/origin"
)

// TestImpossibleTimes: a time that no file can be given is no date. The file has that of
// its last write, and is ours as any other: it is a hit, and a reader resumes nothing by
// such a time.
func TestImpossibleTimes(t *testing.T) {
	for _, year := range []int{1601, 1901, 2262, 9999} {
		for _, size := range []int64{1000, 300_000} { // a small one comes from memory
			t.Run(fmt.Sprint(year, " ", size), func(t *testing.T) {
				o := origin.New(t)
				o.Set("/a", origin.File{Seed: 1, Size: size, ETag: origin.NoETag, ModTime: time.Date(year, 12, 1, 0, 0, 0, 0, time.UTC)})
				s := newSite(t, "", o)
				e := s.engine()
				before := time.Now().Add(-time.Minute)
				f, err := e.Open(s.ctx(), "m/a")
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if f.Meta.LastModified != "" || !f.Meta.ModTime.IsZero() {
					t.Errorf("a client is told of %v, %q", f.Meta.ModTime, f.Meta.LastModified)
				}
				s.settle(e)
				fi, err := os.Stat(s.path("m/a"))
				if err != nil {
					t.Fatal(err)
				}
				if at := fi.ModTime(); at.Before(before) || at.After(time.Now().Add(time.Minute)) {
					t.Errorf("the file is of %v", at)
				}
				if !e.Owns(s.ctx(), "m/a") {
					t.Error("it is not ours")
				}
				if _, err := s.get(e, "m/a"); err != nil || o.Count("/a", "") != 1 {
					t.Errorf("%v, and the upstream was asked %d times", err, o.Count("/a", ""))
				}
			})
		}
	}
}

// TestImpossibleTimesInListings: nor is it one in a listing.
func TestImpossibleTimesInListings(t *testing.T) {
	o := origin.New(t)
	o.Set("/d/", origin.File{ContentType: "application/json", Body: []byte(`[
{ "name":"good", "type":"file", "mtime":"Tue, 12 Nov 2024 10:21:00 GMT", "size":10 },
{ "name":"late", "type":"file", "mtime":"Fri, 31 Dec 9999 23:59:59 GMT", "size":10 },
{ "name":"early", "type":"file", "mtime":"Mon, 01 Jan 1601 00:00:00 GMT", "size":10 }
]`)})
	s := newSite(t, "", o)
	d, err := s.engine().List(s.ctx(), "m/d")
	if err != nil || len(d.Entries) != 3 {
		t.Fatalf("%+v, %v", d, err)
	}
	for _, entry := range d.Entries {
		if known := entry.Name == "good"; entry.MTime.Known != known || !entry.Size.Exact() {
			t.Errorf("%+v", entry)
		}
	}
}

// TestFarTimes: what a file system makes of a time that it cannot hold is what the record
// says of the file. (In most it is the time; with inodes of 128 bytes, ext4 ends in 2038.)
func TestFarTimes(t *testing.T) {
	for _, year := range []int{1902, 1969, 2040, 2261} {
		o := origin.New(t)
		o.Set("/a", origin.File{Seed: 1, Size: 1000, ModTime: time.Date(year, 6, 1, 0, 0, 1, 0, time.UTC)})
		s := newSite(t, "", o)
		e := s.engine()
		for range 2 {
			if _, err := s.get(e, "m/a"); err != nil {
				t.Fatal(err)
			}
			s.settle(e)
		}
		fi, err := os.Stat(s.path("m/a"))
		if err != nil || fi.ModTime().Year() != year && fi.ModTime().Year() != 2038 {
			t.Errorf("%d: %v, %v", year, fi.ModTime(), err)
		}
		if n := o.Count("/a", ""); n != 1 || !e.Owns(s.ctx(), "m/a") {
			t.Errorf("%d: asked %d times, or the file is not ours", year, n)
		}
	}
}
