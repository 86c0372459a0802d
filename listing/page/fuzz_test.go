package page

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror/listing"
)

// FuzzParse holds whatever Parse makes of a body to the contract of Listing.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"fix-*.html", "*--ctrl.*", "*--special.*", "s3-*.xml", "*--empty.body"} {
		paths, _ := filepath.Glob(filepath.Join(corpusDir(), pattern))
		for _, path := range paths {
			body, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			if len(body) < 16<<10 && filepath.Ext(path) != ".json" {
				f.Add(body, "http://one.example/pub/")
			}
		}
	}
	for _, c := range likenesses {
		f.Add([]byte(c.page), "http://one.example/pub/")
	}
	f.Fuzz(func(t *testing.T, body []byte, address string) {
		base, err := url.Parse(address)
		if err != nil {
			return
		}
		for _, as := range []string{"", "html", "json", "xml"} {
			l, err := Parse(body, Input{Base: base, As: as, Clock: listing.Clock{Now: corpusNow}})
			if err == nil {
				hold(t, l)
			} else if len(err.Error()) > 4*maxText {
				t.Errorf("a long error: %v", err)
			}
		}
	})
}

// hold checks what always holds of a listing.
func hold(t *testing.T, l listing.Listing) {
	t.Helper()
	seen := make(map[string]bool)
	for _, e := range l.Entries {
		if !listing.ValidName(e.Name) && (l.Format != FormatKeys || strings.HasPrefix(e.Name, "/") || strings.Contains("/"+e.Name+"/", "/../")) {
			t.Errorf("%s: %q is no name", l.Format, e.Name)
		}
		if seen[e.Name] {
			t.Errorf("%q is there twice", e.Name)
		}
		seen[e.Name] = true
		if e.Size.Known && (e.Size.Lo < 0 || e.Size.Lo > e.Size.Hi) || e.MTime.Known && e.MTime.Lo > e.MTime.Hi {
			t.Errorf("%q: size %v, time %v", e.Name, e.Size, e.MTime)
		}
		if e.Target != "" && e.Type != listing.Symlink {
			t.Errorf("%q is no link, and points to %q", e.Name, e.Target)
		}
	}
	if l.Format == "" || (l.Unread > 0) != (l.FirstUnread != "") {
		t.Errorf("format %q, %d unread, first %q", l.Format, l.Unread, l.FirstUnread)
	}
}
