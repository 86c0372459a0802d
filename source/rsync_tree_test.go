package source

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/listing"
)

// oddNames are names that are patterns, options or comments to somebody.
var oddNames = []string{
	"a", "-rf", "--delete", "a b", "[1]", "1", "*", "?", "#c", ";c", "~", "{x,y}", "a\nb", `a\#012b`,
	"\xff\xfe", "ü", `<&>"'`, strings.Repeat("n", 250), "x -> y",
}

// TestRsyncList holds a listing to what is on the disk.
func TestRsyncList(t *testing.T) {
	d := newRsyncDaemon(t)
	for i, name := range oddNames {
		d.set("dir/"+name, origin.File{Seed: uint64(i), Size: int64(i), ModTime: origin.Epoch.Add(time.Duration(i) * time.Hour)})
	}
	dir := filepath.Join(d.dir, "dir")
	for _, err := range []error{
		os.Chmod(filepath.Join(dir, "a"), 0o751|os.ModeSetuid),
		os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "hard 1")),
		os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "hard 2")),
		os.Symlink("../x -> y", filepath.Join(dir, "soft")),
		os.Symlink("dir", filepath.Join(d.dir, "link")),
		os.MkdirAll(filepath.Join(dir, "sub", "deeper"), 0o755),
		os.Mkdir(filepath.Join(d.dir, "empty"), 0o755),
		syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644),
		os.Chtimes(dir, origin.Epoch, origin.Epoch),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for below, path := range map[string]mirror.Name{"": "dir", "dir/": "", "link/": ""} {
		l, err := d.source(below, nil).List(t.Context(), path, nil)
		if err != nil || !l.Ended || l.Unread > 0 || !l.Meta.ModTime.Equal(origin.Epoch) {
			t.Fatalf("%+v, %v", l, err)
		}
		compareToDisk(t, l.Entries, dir, len(oddNames)+5)
	}

	r := d.source("", nil)
	if l, err := r.List(t.Context(), "empty", nil); err != nil || len(l.Entries) != 0 || !l.Ended {
		t.Errorf("empty: %+v, %v", l, err)
	}
	for _, path := range []mirror.Name{"nope", "dir/a", "[d]ir", "dir*"} {
		if l, err := r.List(t.Context(), path, nil); !errors.Is(err, mirror.ErrNotFound) {
			t.Errorf("%s: %+v, %v", path, l, err)
		}
	}
}

// compareToDisk looks at the n entries of what TestRsyncList has made.
func compareToDisk(t *testing.T, entries []listing.Entry, dir string, n int) {
	t.Helper()
	found := make(map[string]listing.Entry)
	for _, e := range entries {
		found[e.Name] = e
		fi, err := os.Lstat(filepath.Join(dir, e.Name))
		if err != nil {
			t.Errorf("%q is not there: %v", e.Name, err)
			continue
		}
		bits, known := e.Mode.Bits()
		if !known || fi.Mode().Perm() != os.FileMode(bits&0o777) || e.MTime != listing.Exactly(fi.ModTime().Unix()) {
			t.Errorf("%q is %v, %+v", e.Name, fi, e)
		}
		if fi.Mode().IsRegular() && (e.Type != listing.File || e.Size != listing.Exactly(fi.Size())) {
			t.Errorf("%q is %v, %+v", e.Name, fi, e)
		}
	}
	if len(entries) != n || len(found) != n {
		t.Errorf("%d entries, %d names, want %d", len(entries), len(found), n)
	}
	if bits, _ := found["a"].Mode.Bits(); bits != 0o4751 {
		t.Errorf("the mode is %o", bits)
	}
	for name, want := range map[string]listing.Type{"soft": listing.Symlink, "sub": listing.Dir, "fifo": listing.Other} {
		if e := found[name]; e.Type != want || e.Size.Known {
			t.Errorf("%+v, want a %v", e, want)
		}
	}
	if e := found["soft"]; e.Target != "../x -> y" {
		t.Errorf("the link's target is %q", e.Target)
	}
	group := found["a"].HardLink
	if group == "" || group != found["hard 1"].HardLink || group != found["hard 2"].HardLink || found["1"].HardLink != "" {
		t.Errorf("hard links: %q, %+v, %+v", group, found["hard 1"], found["1"])
	}
}

// TestRsyncOddFiles fetches what is no file, or one under an odd name.
func TestRsyncOddFiles(t *testing.T) {
	d := newRsyncDaemon(t)
	for i, name := range oddNames {
		d.set("dir/"+name, origin.File{Seed: uint64(i), Size: int64(100 + i)})
	}
	for _, err := range []error{
		os.Symlink("nowhere", filepath.Join(d.dir, "dangling")),
		os.Symlink("dir", filepath.Join(d.dir, "link")),
		os.Symlink("dir/a", filepath.Join(d.dir, "to a")),
		syscall.Mkfifo(filepath.Join(d.dir, "fifo"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r := d.source("", nil)
	for i, name := range oddNames {
		body := origin.Bytes(uint64(i), int64(100+i))
		newAttempt(t, mirror.Name("dir/"+name), nil).succeeds(r, body)
		newAttempt(t, mirror.Name("link/"+name), nil).succeeds(r, body)
		newAttempt(t, mirror.Name("no/"+name), nil).upstreamFails(r, mirror.ErrNotFound)
	}
	newAttempt(t, "to a", nil).succeeds(r, origin.Bytes(0, 100))
	newAttempt(t, "dir", nil).upstreamFails(r, mirror.ErrIsDirectory)
	newAttempt(t, "dir/a/b", nil).upstreamFails(r, mirror.ErrNotFound)
	newAttempt(t, "fifo", nil).upstreamFails(r, mirror.ErrBroken)
	newAttempt(t, "dangling", nil).upstreamFails(r, mirror.ErrNotFound)
}

// TestRsyncWalk: a tree in one go, and hard links between its directories.
func TestRsyncWalk(t *testing.T) {
	d := newRsyncDaemon(t)
	want := map[string]bool{"": true, "a": true, "a/b": true, "a/b/c": true, "a-b": true}
	for _, path := range []string{"a/b/c/1", "a/b/2", "a-b/3", "a/4", "5"} {
		d.set("top/"+path, origin.File{Seed: 1, Size: 1})
		want[path] = true
	}
	if err := os.Link(filepath.Join(d.dir, "top/5"), filepath.Join(d.dir, "top/a/six")); err != nil {
		t.Fatal(err)
	}
	want["a/six"] = true
	seen := map[string]bool{"": true}
	links := make(map[string]string)
	r := d.source("", nil)
	ended, unread, err := r.Walk(t.Context(), "top", func(parent string, e listing.Entry) error {
		path := strings.TrimPrefix(parent+"/"+e.Name, "/")
		if !seen[parent] || seen[path] || !want[path] {
			t.Errorf("%q comes too early, twice, or should not", path)
		}
		seen[path] = true
		links[path] = e.HardLink
		return nil
	})
	if err != nil || !ended || unread > 0 || len(seen) != len(want) {
		t.Errorf("%v, %v, %d; seen are %v", ended, err, unread, seen)
	}
	if links["5"] == "" || links["5"] != links["a/six"] || links["a/4"] != "" {
		t.Errorf("hard links: %v", links)
	}
	objection := errors.New("enough")
	if _, _, err := r.Walk(t.Context(), "top", func(string, listing.Entry) error { return objection }); err != objection {
		t.Errorf("the error became %v", err)
	}
	if _, _, err := r.Walk(t.Context(), "nope", func(string, listing.Entry) error { return nil }); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("error %v, want that it is not there", err)
	}
}

// TestRsyncPartlyUnreadable: a listing that the daemon could not make whole says
// so, though it is not an error.
func TestRsyncPartlyUnreadable(t *testing.T) {
	d := newRsyncDaemon(t, unprivileged()...)
	d.set("top/a", origin.File{Seed: 1, Size: 10})
	d.set("top/closed/b", origin.File{Seed: 1, Size: 10})
	d.makeReadable()
	if err := os.Chmod(filepath.Join(d.dir, "top/closed"), 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 { // its owner is the daemon
		if err := os.Chmod(filepath.Join(d.dir, "top/closed"), 0); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	ended, _, err := d.source("", nil).Walk(t.Context(), "top", func(string, listing.Entry) error { n++; return nil })
	if err != nil || ended || n != 2 {
		t.Errorf("ended %v with %d entries, %v", ended, n, err)
	}
	if l, err := d.source("", nil).List(t.Context(), "top", nil); err != nil || !l.Ended || len(l.Entries) != 2 {
		t.Errorf("%+v, %v", l, err)
	}
	if l, err := d.source("", nil).List(t.Context(), "top/closed", nil); !errors.Is(err, mirror.ErrRefused) {
		t.Errorf("%+v, %v", l, err)
	}
}
