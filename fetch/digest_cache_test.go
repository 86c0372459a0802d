package fetch

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"os"
	"testing"

	"mirror"
	"mirror/internal/origin"
	"mirror/store"
	"mirror/store/index"
)

// TestDigestIsOfTheFile: what is remembered of a file is not taken for another's that
// came to its name, even of the same size and time, and nothing is remembered that the
// record says of the file before.
func TestDigestIsOfTheFile(t *testing.T) {
	const name mirror.Name = "m/a.deb"
	o := origin.New(t)
	old, next := origin.Bytes(1, 1000), origin.Bytes(2, 1000)
	o.Set("/a.deb", origin.File{Body: old})
	s := newSite(t, "", o)
	e := s.engine()
	if _, err := s.get(e, name); err != nil {
		t.Fatal(err)
	}
	s.settle(e)
	want := func(when string, content []byte, remembered bool) os.FileInfo {
		t.Helper()
		f, err := e.Open(s.ctx(), name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		sum := sha256.Sum256(content)
		for range 2 {
			if got := f.SHA256(s.ctx()); !bytes.Equal(got, sum[:]) {
				t.Errorf("%s: %x instead of %x", when, got, sum)
			}
		}
		if got := e.digests.get(name, identityOf(f.info)) != nil; got != remembered {
			t.Errorf("%s: remembered: %v", when, got)
		}
		return f.info
	}
	fi := want("as it was fetched", old, true)

	replacement := s.path("m/next")
	if err := errors.Join(os.WriteFile(replacement, next, 0o644), os.Chtimes(replacement, fi.ModTime(), fi.ModTime()), os.Rename(replacement, s.path(name))); err != nil {
		t.Fatal(err)
	}
	fi = want("until the record is of the next version", old, false)

	rec, _, err := e.index.File(s.ctx(), string(name))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(next)
	rec.Digest, rec.Inode = sum[:], store.Inode(fi)
	if err := e.index.Publish(s.ctx(), []index.Record{rec}); err != nil {
		t.Fatal(err)
	}
	want("after that", next, true)

	if err := os.Chmod(s.path(name), 0o640); err != nil {
		t.Fatal(err)
	}
	f, err := e.Open(s.ctx(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if e.digests.get(name, identityOf(f.info)) != nil {
		t.Error("somebody has touched the file, and it is remembered")
	}
}

// TestDigestsAreBounded: however many files are asked for.
func TestDigestsAreBounded(t *testing.T) {
	var d digestCache
	for i := range 3 * mostDigests {
		name := mirror.Name([]byte{byte(i), byte(i >> 8), byte(i >> 16)})
		d.put(name, identity{ino: uint64(i)}, []byte{1})
		if d.get(name, identity{ino: uint64(i)}) == nil {
			t.Fatal(i)
		}
	}
	if len(d.of) > mostDigests {
		t.Error(len(d.of))
	}
}
