package handler

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

func TestETag(t *testing.T) {
	old := time.Date(2024, 11, 12, 10, 0, 0, 123456789, time.UTC)
	now := time.Now()
	for _, c := range []struct {
		meta          mirror.Meta
		nginx, apache string
	}{
		{mirror.Meta{ModTime: old, Size: 0x1234}, `"67332720-1234"`, `"1234-626b447c1ea40"`},
		{mirror.Meta{ModTime: time.Unix(0, 0), Size: 0}, `"0-0"`, `"0-0"`},
		{mirror.Meta{ModTime: time.Unix(-1, 0), Size: 1}, "", ""},
		{mirror.Meta{ModTime: old, Size: -1}, "", ""},
		{mirror.Meta{Size: 1}, "", ""},
		{mirror.Meta{ModTime: now.Add(time.Hour).Truncate(time.Second), Size: 1}, "*", ""}, // weak in Apache
		{mirror.Meta{ModTime: now, Size: 1}, "*", ""},
	} {
		for kind, want := range map[ETag]string{ETagNone: "", ETagNginx: c.nginx, ETagApache: c.apache} {
			if got := kind.of(c.meta); got != want && !(want == "*" && got != "") {
				t.Errorf("kind %d of %v, %d bytes: %s, not %s", kind, c.meta.ModTime, c.meta.Size, got, want)
			}
		}
	}
}

// TestETagOfSendfile: the tag goes with the file's path, and where there is none,
// mod_xsendfile is not asked.
func TestETagOfSendfile(t *testing.T) {
	r := newRig(t, "")
	r.put("m/a.deb", "x")
	if err := os.Chtimes(filepath.Join(r.conf.Docroot, "m/a.deb"), origin.Epoch, origin.Epoch); err != nil {
		t.Fatal(err)
	}
	front := Front{Handover: HandoverSendfile, ETag: ETagApache}
	resp := r.ask(front, "GET", "/m/a.deb")
	tag := resp.Header.Get("ETag")
	if resp.Header.Get("X-Sendfile") == "" || !strings.HasPrefix(tag, `"1-`) {
		t.Errorf("an old file: %v", resp.Header)
	}
	for header, want := range map[string]int{tag: 304, `"x", W/` + tag: 304, `"x"`: 200} {
		if resp := r.ask(front, "GET", "/m/a.deb", "If-None-Match", header); resp.StatusCode != want {
			t.Errorf("If-None-Match %s: %d, not %d", header, resp.StatusCode, want)
		}
	}
	r.o.Set("/new.deb", origin.File{Body: []byte("y"), ModTime: time.Now().Add(time.Hour)})
	r.ask(front, "GET", "/m/new.deb")
	resp = r.ask(front, "GET", "/m/new.deb")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("X-Sendfile") != "" || resp.Header.Get("ETag") != "" || string(body(t, resp)) != "y" {
		t.Errorf("a file of the future: %d %v", resp.StatusCode, resp.Header)
	}
}
