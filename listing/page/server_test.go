package page

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mirror/listing"
)

// TestFileServer reads what Go's own server makes of names that are hard to
// write as links.
func TestFileServer(t *testing.T) {
	dir := t.TempDir()
	want := []string{
		" leading", "trailing ", "a b", "a\nb", "a\tb", "%41", "%2F", "a%", "a?b", "?C=N;O=D", "a#b", "<b>", "\"q\"", "'", `back\slash`,
		"colon:name", "http:x", "javascript:alert(1)", "...", "..x", ".hidden", "~", "latin1-\xe9", "日本語", "1.2K", "2024-05-17 13:24", "-", "[DIR]", "Parent Directory", "index of",
	}
	for _, name := range want {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "d?%"), 0o700); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	base, _ := url.Parse(server.URL + "/")
	resp, err := http.Get(base.String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Parse(body, Input{Base: base, ContentType: resp.Header.Get("Content-Type")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range l.Entries {
		if e.Name != "d?%" {
			got = append(got, e.Name)
		} else if e.Type != listing.Dir {
			t.Errorf("%q is a %s", e.Name, e.Type)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if len(l.Entries) != len(want)+1 || !l.Ended || l.Unread > 0 {
		t.Errorf("%d entries, ended %t, %d unread, first %q", len(l.Entries), l.Ended, l.Unread, l.FirstUnread)
	}
}
