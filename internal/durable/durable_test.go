package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func places(t *testing.T) (from, to Place, read func(Place) string) {
	t.Helper()
	open := func() *os.File {
		d, err := os.Open(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}
	from, to = Place{open(), "a"}, Place{open(), "b"}
	if err := os.WriteFile(filepath.Join(from.Dir.Name(), "a"), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	return from, to, func(p Place) string {
		b, err := os.ReadFile(filepath.Join(p.Dir.Name(), p.Name))
		if err != nil {
			return ""
		}
		return string(b)
	}
}

func TestRenameToFreeName(t *testing.T) {
	from, to, read := places(t)
	if err := Rename(from, to); err != nil {
		t.Fatal(err)
	}
	if err := SyncDir(to.Dir); err != nil {
		t.Fatal(err)
	}
	if read(from) != "" || read(to) != "new" {
		t.Fatalf("from %q, to %q", read(from), read(to))
	}
}

func TestRenameKeepsWhatIsThere(t *testing.T) {
	from, to, read := places(t)
	if err := os.WriteFile(filepath.Join(to.Dir.Name(), "b"), []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Rename(from, to); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("error %v, want fs.ErrExist", err)
	}
	if read(from) != "new" || read(to) != "theirs" {
		t.Fatalf("from %q, to %q", read(from), read(to))
	}
	if err := Replace(from, to); err != nil {
		t.Fatal(err)
	}
	if read(to) != "new" {
		t.Fatalf("after Replace: %q", read(to))
	}
}
