package maint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"mirror/listing"
)

// TestSavedForms: what a listing is, is seen by its beginning.
func TestSavedForms(t *testing.T) {
	const ls = "-rw-r--r-- 1 a b 5 Nov 12 2023 f\n"
	for _, c := range []struct{ name, text, contentType, want string }{
		{"a page", "<html><pre>\n" + ls, "", "page"},
		{"a page behind a byte order mark", "\ufeff \n<html>", "", "page"},
		{"what was sent as a page", ls, "text/html; charset=utf-8", "page"},
		{"an object", `{"entries":[]}`, "", "page"},
		{"an array", `[ {"name":"f"} ]`, "", "page"},
		{"a tree that begins like an array", "[Version]\n2\n[Files]\n1731406830\td\t4096\tlinux\n[End]\n", "", "ls-lR"},
		{"LIST", ls, "text/plain", "ftp"},
		{"prose", "It was a dark and stormy night.\n", "", ""},
	} {
		if got := (Saved{As: "auto", ContentType: c.contentType}).form([]byte(c.text)); got != c.want {
			t.Errorf("%s is read as %q, want %q", c.name, got, c.want)
		}
	}
}

// endless is a tree of a directory after the other, of n entries each.
func endless(dirs, n int) io.Reader {
	left := 0
	var b bytes.Buffer
	return readerFunc(func(p []byte) (int, error) {
		if b.Len() == 0 {
			if left == dirs {
				return 0, io.EOF
			}
			left++
			fmt.Fprintf(&b, "./d%d:\ntotal 8\n", left)
			for i := range n {
				fmt.Fprintf(&b, "-rw-r--r-- 1 a b 5 Nov 12 2023 f%d\n", i)
			}
			b.WriteByte('\n')
		}
		return b.Read(p)
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestSavedTreeStreams: the entries of a tree are handed over while it is read,
// and an error of who gets them ends the reading.
func TestSavedTreeStreams(t *testing.T) {
	enough := errors.New("enough")
	seen := 0
	_, err := Saved{As: "auto"}.Parse(endless(1<<30, 100), func(p Part) error {
		if !p.Tree || p.Dir == "" {
			t.Fatalf("%+v is no directory of a tree", p)
		}
		if seen += len(p.Entries); seen >= 10_000 {
			return enough
		}
		return nil
	})
	if err != enough {
		t.Errorf("after %d entries: %v", seen, err)
	}
}

// TestSavedTrouble: what is right before something goes wrong is handed over.
func TestSavedTrouble(t *testing.T) {
	broken := errors.New("the disk is broken")
	var list strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&list, "-rw-r--r-- 1 a b 5 Nov 12 2023 %d\n", i)
	}
	thenBreaks := func() io.Reader { return io.MultiReader(strings.NewReader(list.String()), iotest.ErrReader(broken)) }
	for _, c := range []struct {
		name, as string
		in       io.Reader
		entries  int
		want     string
	}{
		{"a disk that breaks at once", "auto", iotest.ErrReader(broken), 0, "it cannot be read: the disk is broken"},
		{"a disk that breaks in a list", "ftp", thenBreaks(), 5000, "the disk is broken"},
		{"a disk that breaks in a page", "html", thenBreaks(), 0, "it cannot be read: the disk is broken"},
		{"a page without an end", "html", readerFunc(func(p []byte) (int, error) { return len(p), nil }), 0, "the page has more than 64 MiB"},
		{"a list of NULs without an end", "ftp", readerFunc(func(p []byte) (int, error) { clear(p); return len(p), nil }), 0, "the listing is too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := 0
			_, err := Saved{As: c.as}.Parse(c.in, func(p Part) error {
				got += len(p.Entries)
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), c.want) || got != c.entries {
				t.Errorf("%d entries and %v, want %d and %s", got, err, c.entries, c.want)
			}
		})
	}
}

// FuzzSaved: nothing that is saved breaks the reading, and no name leads
// elsewhere.
func FuzzSaved(f *testing.F) {
	for _, text := range []string{
		"-rw-r--r-- 1 a b 5 Nov 12 2023 f\n", "type=file;size=5; f\r\n", "<a href=\"f\">f</a>", `[{"name":"f"}]`,
		".:\ntotal 4\n-rw-r--r-- 1 a b 5 Nov 12 2023 ../f\n", "drwxr-xr-x 4096 2024/11/12 10:20:30 .\n",
		"<ListBucketResult><Contents><Key>../a</Key></Contents></ListBucketResult>",
	} {
		for i := range Forms {
			f.Add(uint8(i), text)
		}
	}
	f.Fuzz(func(t *testing.T, form uint8, text string) {
		s := Saved{As: Forms[int(form)%len(Forms)], Clock: listing.Clock{Now: time.Unix(0, 0)}}
		var sum Summary
		n := 0
		sum, err := s.Parse(strings.NewReader(text), func(p Part) error {
			for _, e := range p.Entries {
				for part := range strings.SplitSeq(e.Name+"/"+p.Dir, "/") {
					if part == ".." || part == "." || strings.IndexByte(part, 0) >= 0 {
						t.Errorf("%q in %q", e.Name, p.Dir)
					}
				}
				n++
			}
			return nil
		})
		if err == nil && n != sum.Entries {
			t.Errorf("%d entries, but %d were told", n, sum.Entries)
		}
	})
}
