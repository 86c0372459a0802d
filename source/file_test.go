package source

import (
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/listing"
)

// fileUpstream is a directory.
type fileUpstream struct {
	*File
	t        *testing.T
	dir, tmp string
}

func startFile(t *testing.T) fileUpstream {
	dir := t.TempDir()
	f := NewFile(&url.URL{Scheme: "file", Path: dir + "/"})
	return fileUpstream{f, t, dir, t.TempDir()}
}

func (u fileUpstream) Set(path mirror.Name, f origin.File) { place(u.t, u.dir, u.tmp, path, f) }

// Break is a disk with a bad block.
func (u fileUpstream) Break(_ mirror.Name, n int64) {
	u.reading = func(_ mirror.Name, r io.Reader) io.Reader {
		u.reading = nil
		bad := &os.PathError{Op: "read", Path: "the disk", Err: syscall.EIO}
		return io.MultiReader(io.LimitReader(r, n), failing{bad})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// TestFile holds File to the contract of Source.
func TestFile(t *testing.T) {
	testSource(t, func(t *testing.T) upstream { return startFile(t) })
}

// make puts the things of these tests into the upstream's directory.
func (u fileUpstream) make(errs ...error) {
	u.t.Helper()
	if err := errors.Join(errs...); err != nil {
		u.t.Fatal(err)
	}
}

func TestFileKinds(t *testing.T) {
	u := startFile(t)
	outside := filepath.Join(t.TempDir(), "secret")
	u.Set("pool/a", origin.File{Body: []byte("inside")})
	u.make(
		os.WriteFile(outside, []byte("outside"), 0o644),
		os.Symlink("pool/a", u.dir+"/link"),
		os.Symlink("pool", u.dir+"/linked"),
		os.Symlink("loop", u.dir+"/loop"),
		os.Symlink("nowhere", u.dir+"/dangling"),
		os.Symlink(outside, u.dir+"/absolute"),
		os.Symlink("../../../../../../../../../../../.."+outside, u.dir+"/relative"),
		syscall.Mkfifo(u.dir+"/fifo", 0o644),
	)
	for path, want := range map[mirror.Name]error{
		"link":        nil,
		"linked/a":    nil,
		"pool":        mirror.ErrIsDirectory,
		"linked":      mirror.ErrIsDirectory,
		"pool/a/b":    mirror.ErrNotFound,
		"dangling":    mirror.ErrNotFound,
		"none/a":      mirror.ErrNotFound,
		"loop":        mirror.ErrBroken,
		"absolute":    mirror.ErrBroken,
		"relative":    mirror.ErrBroken,
		"../secret":   mirror.ErrBroken,
		"fifo":        mirror.ErrRefused,
		"pool/../a\n": mirror.ErrNotFound,
	} {
		_, err := u.Stat(t.Context(), path)
		if !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", path, err, want)
		}
		if want != nil {
			newAttempt(t, path, nil).upstreamFails(u, want)
		} else {
			newAttempt(t, path, nil).succeeds(u, []byte("inside"))
		}
	}
	// A disk that is not mounted says nothing of what is on it.
	u.dir += "/none"
	u.File = NewFile(&url.URL{Scheme: "file", Path: u.dir + "/"})
	newAttempt(t, "a", nil).upstreamFails(u, mirror.ErrBroken)
	if _, err := u.List(t.Context(), "", nil); !errors.Is(err, mirror.ErrBroken) {
		t.Errorf("List: %v", err)
	}
}

// TestFileWrittenTo: a file that is written to while it is copied is no
// version.
func TestFileWrittenTo(t *testing.T) {
	for name, write := range map[string]func(*os.File) error{
		"another byte": func(f *os.File) error { _, err := f.WriteAt([]byte("x"), 0); return err },
		"longer":       func(f *os.File) error { _, err := f.WriteAt([]byte("x"), size); return err },
		"shorter":      func(f *os.File) error { return f.Truncate(1000) },
	} {
		u := startFile(t)
		u.Set("a", origin.File{Seed: 1, Size: size})
		a := newAttempt(t, "a", nil)
		a.Start = func(mirror.Meta) (*os.File, error) {
			f, err := os.OpenFile(u.dir+"/a", os.O_WRONLY, 0)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			return a.file, write(f)
		}
		if _, err := u.Fetch(t.Context(), a.Request); !errors.Is(err, mirror.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFileReplaced: an open file stays what it was.
func TestFileReplaced(t *testing.T) {
	u := startFile(t)
	u.Set("a", origin.File{Seed: 1, Size: size})
	a := newAttempt(t, "a", nil)
	start := a.Start
	a.Start = func(m mirror.Meta) (*os.File, error) {
		u.Set("a", origin.File{Seed: 2, Size: size + 1})
		return start(m)
	}
	a.succeeds(u, origin.Bytes(1, size))
}

// TestFileBadBlock: what a disk does not give is missing for whoever relays it.
func TestFileBadBlock(t *testing.T) {
	u := startFile(t)
	u.Set("a #1", origin.File{Seed: 1, Size: size})
	meta, err := u.Stat(t.Context(), "a #1")
	if err != nil {
		t.Fatal(err)
	}
	u.Break("a #1", 1000)
	body, err := u.Range(t.Context(), "a #1", 0, size-1, meta)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(body)
	if want := "file://" + u.dir + "/a%20%231"; u.URL("a #1") != want || !errors.Is(err, mirror.ErrBroken) || !strings.Contains(err.Error(), want) {
		t.Errorf("%d bytes, error %v", len(got), err)
	}
}

// TestPartTooLong: a part that has more than the file it is of is no part of it.
func TestPartTooLong(t *testing.T) {
	u := startFile(t)
	u.Set("a", origin.File{Seed: 1, Size: size})
	meta, err := u.Stat(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	a := newAttempt(t, "a", origin.Bytes(1, size+1))
	a.Have, a.SameUpstream = meta, true
	a.upstreamFails(u, mirror.ErrChanged)
}

func TestFileYoung(t *testing.T) {
	u := startFile(t)
	now := time.Now()
	u.Set("young", origin.File{ModTime: now.Add(time.Minute - settledAfter)})
	u.Set("old", origin.File{ModTime: now.Add(-time.Minute - settledAfter)})
	for path, want := range map[mirror.Name]bool{"young": false, "old": true} {
		if m, err := u.Stat(t.Context(), path); err != nil || m.Pinned() != want {
			t.Errorf("%s: pinned: %v, %v", path, m.Pinned(), err)
		}
	}
}

func TestFileList(t *testing.T) {
	u := startFile(t)
	u.Set("d/a\xff\nb", origin.File{Size: 5 << 10, Seed: 1})
	u.Set("d/sub/b", origin.File{})
	u.make(
		os.Link(u.dir+"/d/a\xff\nb", u.dir+"/d/also a"),
		os.Symlink("../../elsewhere", u.dir+"/d/link"),
		syscall.Mkfifo(u.dir+"/d/fifo", 0o644),
		os.Chmod(u.dir+"/d/sub", 0o750|os.ModeSetgid),
		os.Chtimes(u.dir+"/d/sub", origin.Epoch, origin.Epoch),
		os.Chtimes(u.dir+"/d/fifo", origin.Epoch, origin.Epoch),
		os.Chtimes(u.dir+"/d", origin.Epoch, origin.Epoch),
	)
	got, err := u.List(t.Context(), "d", nil)
	if err != nil || !got.Ended || got.Unread > 0 || !got.Meta.ModTime.Equal(origin.Epoch) {
		t.Errorf("%+v, %v", got, err)
	}
	then := listing.Exactly(origin.Epoch.Unix())
	group := got.Entries[slices.IndexFunc(got.Entries, func(e listing.Entry) bool { return e.Name == "also a" })].HardLink
	want := []listing.Entry{
		{Name: "also a", Type: listing.File, Size: listing.Exactly(5 << 10), MTime: then, Mode: listing.Perm(0o644), HardLink: group},
		{Name: "a\xff\nb", Type: listing.File, Size: listing.Exactly(5 << 10), MTime: then, Mode: listing.Perm(0o644), HardLink: group},
		{Name: "fifo", Type: listing.Other, MTime: then, Mode: listing.Perm(0o644)},
		{Name: "link", Type: listing.Symlink, Mode: listing.Perm(0o777), Target: "../../elsewhere"},
		{Name: "sub", Type: listing.Dir, MTime: then, Mode: listing.Perm(0o2750)},
	}
	slices.SortFunc(got.Entries, func(a, b listing.Entry) int { return strings.Compare(a.Name, b.Name) })
	for i := range got.Entries {
		if got.Entries[i].Type == listing.Symlink {
			got.Entries[i].MTime = listing.Span{}
		}
	}
	if !slices.Equal(got.Entries, want) || group == "" {
		t.Errorf("got  %+v\nwant %+v", got.Entries, want)
	}
	for dir, want := range map[mirror.Name]error{"": nil, "none": mirror.ErrNotFound, "d/also a": mirror.ErrNotFound, "d/link": mirror.ErrBroken} {
		if _, err := u.List(t.Context(), dir, nil); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", dir, err, want)
		}
	}
}
