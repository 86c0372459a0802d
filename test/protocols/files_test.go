package protocols

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// everyFile asks what each file is, fetches it, and gets it once more from a mirror
// whose upstream is down.
func everyFile(t *testing.T, u *upstream) {
	s := u.mirror(t)
	var all []*node
	for i := range tree {
		n := &tree[i]
		if n.dir || n.link != "" || n.sparse {
			continue
		}
		if n.base() == "new\nline" && u.is("ftp", "ftps") { // no command can have it
			if a := s.get(n.path); a.status != http.StatusBadGateway {
				t.Errorf("%q: status %d: %s", n.path, a.status, a.body)
			}
			continue
		}
		all = append(all, n)
	}
	for _, n := range all {
		wantHead(t, s, n)
		if s.isPublished(n.path) || s.part() > 0 {
			t.Errorf("%q: HEAD has fetched something", n.path)
		}
	}
	for _, n := range all {
		s.wantWhole(n)
	}
	for _, n := range all {
		u.wantPublished(t, s, n)
	}
	u.down()
	for _, n := range all {
		s.wantWhole(n)
		wantHead(t, s, n)
	}
	if s.part() > 0 {
		t.Error("parts are left behind")
	}
	if strings.Contains(s.said(), "level=ERROR") {
		t.Error("there are errors in the log")
	}
}

func wantHead(t *testing.T, s *site, n *node) {
	t.Helper()
	a := s.ask("HEAD", n.path, "")
	if n.size == 0 && a.length < 0 {
		a.length = 0 // Apache, asked for its head, leaves out the length of an empty file
	}
	if modified := n.mtime.UTC().Format(http.TimeFormat); a.status != 200 || a.length != n.size || a.header.Get("Last-Modified") != modified {
		t.Errorf("HEAD of %q: %d, length %d, %s; it has %d, %s", n.path, a.status, a.length, a.header.Get("Last-Modified"), n.size, modified)
	}
}

// wantPublished looks at what is in the docroot.
func (u *upstream) wantPublished(t *testing.T, s *site, n *node) {
	t.Helper()
	fi := s.published(n.path)
	if want := n.mtime.Truncate(u.fileTime); fi.Mode() != 0o644 || fi.Size() != n.size || !fi.ModTime().Equal(want) {
		t.Errorf("%q: %s, %d bytes, %s; want -rw-r--r--, %d, %s", n.path, fi.Mode(), fi.Size(), fi.ModTime().UTC(), n.size, want)
	}
	f, err := os.Open(filepath.Join(s.docroot, "m", n.path))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := origin.Check(f, n.seed, n.size); err != nil {
		t.Errorf("%q: %v", n.path, err)
	}
}

// links are made where they stay inside, and what they lead to is fetched once, at
// its place. Of others there is the content, or an error, but never a link.
func links(t *testing.T, u *upstream) {
	s := u.mirror(t)
	for _, dir := range []string{"tree", "tree/links"} {
		s.list(t, dir) // a client waits two seconds for links: a busy machine's first listing may take longer
	}
	for path, of := range map[string]string{
		"tree/links/inside":                    "tree/links/real",
		"tree/links/again":                     "tree/links/real",
		"tree/links/down/c/d/e/f/g/h/i/j/file": "tree/deep/a/b/c/d/e/f/g/h/i/j/file",
	} {
		n := *find(of)
		place := n.path
		n.path = path
		wantHead(t, s, &n)
		s.wantWhole(&n)
		if !u.linked {
			place = path // it cannot be told from a file
		}
		s.published(place)
	}
	for _, path := range []string{"tree/links/inside", "tree/links/again", "tree/links/down"} {
		fi, err := os.Lstat(filepath.Join(s.docroot, "m", path))
		if err != nil || fi.Mode()&fs.ModeSymlink != 0 != u.linked {
			t.Errorf("%s: %v, %v", path, fi.Mode(), err)
		}
	}
	if u.linked {
		s.fetchedOnce(t, "tree/links/real")
	}
	if list := s.list(t, "tree/links/down"); len(list) != 1 || list["c"] == nil || list["c"].Type != "directory" {
		t.Errorf("the directory that a link leads to has %v", list)
	}
	for path, of := range map[string]node{
		"tree/links/dangling": {seed: 0, size: -1},
		"tree/links/absolute": *find("tree/sizes/one"),
		"tree/links/escaping": {seed: 1, size: 10},
	} {
		a := s.get(path)
		switch {
		case a.status == 200 && a.err == nil:
			if err := origin.Check(bytes.NewReader(a.body), of.seed, of.size); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		case a.status != 404 && a.status != 502: // some servers refuse to look
			t.Errorf("%s: %d, %q", path, a.status, a.body)
		}
		fi, err := os.Lstat(filepath.Join(s.docroot, "m", path))
		if err == nil && fi.Mode()&fs.ModeSymlink != 0 && path != "tree/links/dangling" {
			t.Errorf("%s has become a link", path)
		}
	}
}

// ranges are answered without the whole of a file.
func ranges(t *testing.T, u *upstream) {
	s := u.mirror(t, "keep_going = false")
	wantHead(t, s, find("tree/sizes/huge"))
	for _, first := range []int64{0, 3*gib + 12345, huge - 1000} {
		a := s.get("tree/sizes/huge", "Range", fmt.Sprintf("bytes=%d-%d", first, first+999))
		if a.status != http.StatusPartialContent || a.err != nil || !bytes.Equal(a.body, make([]byte, 1000)) {
			t.Errorf("from %d on: %d, %d bytes, %v", first, a.status, len(a.body), a.err)
		}
		if got, want := a.header.Get("Content-Range"), fmt.Sprintf("bytes %d-%d/%d", first, first+999, int64(huge)); got != want {
			t.Errorf("Content-Range %q, not %q", got, want)
		}
	}
	if s.isPublished("tree/sizes/huge") {
		t.Error("all of it was fetched")
	}
	n := find("tree/sizes/5m")
	for _, when := range []string{"missing", "here"} {
		a := s.get(n.path, "Range", "bytes=2000000-2099999")
		if a.status != http.StatusPartialContent || a.err != nil {
			t.Errorf("%s: %d, %v", when, a.status, a.err)
		}
		if err := origin.CheckRange(bytes.NewReader(a.body), n.seed, 2000000, 100000); err != nil {
			t.Errorf("%s: %v", when, err)
		}
		s.wantWhole(n)
		s.published(n.path)
	}
}

// crowd: twenty clients are one transfer.
func crowd(t *testing.T, u *upstream) {
	s := u.mirror(t)
	n := find("tree/sizes/5m")
	u.hold(64 * kib) // until all of them are there
	var clients, begun sync.WaitGroup
	for range 20 {
		begun.Add(1)
		clients.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 2*server.Patience)
			defer cancel()
			response, err := s.open(ctx, "GET", n.path, "")
			begun.Done()
			if err != nil {
				t.Error(err)
				return
			}
			if err := read(response).whole(n); err != nil {
				t.Error(err)
			}
		})
	}
	if u.line != nil {
		// Their headers come with what the first of them has brought.
		begun.Wait()
		u.line.release()
	}
	clients.Wait()
	u.wantPublished(t, s, n)
	u.wantPassed(t, n.size)
	s.fetchedOnce(t, n.path)
}

// fetchedOnce looks into the log, whose line comes last.
func (s *site) fetchedOnce(t *testing.T, path string) {
	t.Helper()
	var fetches []string
	server.Eventually(t, path+" is logged", func() bool { fetches = s.lines(path, "fetch: published"); return len(fetches) > 0 })
	if len(fetches) > 1 {
		t.Errorf("%s was fetched %d times", path, len(fetches))
	}
}

// hold is line.hold, where there is a line.
func (u *upstream) hold(n int64) {
	if u.line != nil {
		u.line.hold(n)
	}
}

// wantPassed fails if more bytes than these, and some for protocol and listings,
// came over the line.
func (u *upstream) wantPassed(t *testing.T, n int64) {
	t.Helper()
	if u.line == nil {
		return
	}
	if got, _ := u.line.count(); got < n || got > n+192*kib {
		t.Errorf("%d bytes came over the line, not about %d", got, n)
	}
}

// readSome takes n bytes of an answer, which has to come.
func readSome(t *testing.T, r io.Reader, n int64) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatalf("reading the first %d bytes: %v", n, err)
	}
	return b
}
