package index

import (
	"reflect"
	"testing"
)

func TestListings(t *testing.T) {
	x := open(t, t.TempDir())
	ctx := t.Context()
	if _, ok, err := x.Listing(ctx, "debian"); ok || err != nil {
		t.Fatalf("there is one already: %v", err)
	}
	one := Listing{
		Name: "debian\xff", Upstream: "rsync://one.example/debian/", Format: "rsync", ModTime: at(1e9),
		ETag: `"v1"`, LastModified: "Sun, 09 Sep 2001 01:46:40 GMT", Checked: at(2e9),
		Ended: true, Unread: 3, Entries: []byte{1, 0, 255},
	}
	two := Listing{Name: "", Entries: []byte{}}
	must(t, x.PutListings(ctx, one, two))
	for _, want := range []Listing{one, two} {
		got, ok, err := x.Listing(ctx, want.Name)
		if got.Entries == nil {
			got.Entries = []byte{}
		}
		if !ok || err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v, %v\nwant %+v", got, ok, err, want)
		}
	}
	must(t, x.TouchListing(ctx, one.Name, at(3e9)))
	must(t, x.TouchListing(ctx, "none", at(3e9)))
	if got, _, _ := x.Listing(ctx, one.Name); !got.Checked.Equal(at(3e9)) || got.ETag != one.ETag {
		t.Errorf("touched: %+v", got)
	}
	must(t, x.DeleteListing(ctx, one.Name))
	if _, ok, err := x.Listing(ctx, one.Name); ok || err != nil {
		t.Errorf("deleted: %v, %v", ok, err)
	}
}

func TestDropListings(t *testing.T) {
	for _, prefix := range []string{"", "a/"} {
		x := open(t, t.TempDir())
		var all []Listing
		for _, name := range []string{"a/1", "a/2", "a/3", "b"} {
			all = append(all, Listing{Name: name, Format: "f", ETag: "old", Entries: []byte{}})
		}
		all[1].ETag, all[2].Format = "new", "other"
		must(t, x.PutListings(t.Context(), all...))
		must(t, x.DropListings(t.Context(), prefix, "f", "new"))
		for name, want := range map[string]bool{"a/1": false, "a/2": true, "a/3": true, "b": prefix != ""} {
			if _, ok, err := x.Listing(t.Context(), name); ok != want || err != nil {
				t.Errorf("%q: %s: %v, %v, want %v", prefix, name, ok, err, want)
			}
		}
	}
}

func TestLinks(t *testing.T) {
	x := open(t, t.TempDir())
	link := Record{Name: "a/link", Upstream: "rsync://one.example/a/link", Target: "../b", Fetched: at(1e9), Checked: at(1e9)}
	must(t, x.Publish(t.Context(), []Record{link}))
	link.Ours = true
	expectFile(t, x, "a/link", &link)
	link.Target = "../c"
	must(t, x.Publish(t.Context(), []Record{link}))
	expectFile(t, x, "a/link", &link)
	must(t, x.Remove(t.Context(), "a/link"))
	expectFile(t, x, "a/link", nil)
}
