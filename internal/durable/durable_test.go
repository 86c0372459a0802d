package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
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

// ways are Rename as it is, and as it is where the kernel answers EINVAL: two
// flags that contradict each other are as good as one that it does not know.
var ways = map[string]func(from, to Place) error{
	"renameat2": Rename,
	"link and unlink": func(from, to Place) error {
		return rename(from, to, unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE)
	},
}

func TestRenameToFreeName(t *testing.T) {
	for name, rename := range ways {
		t.Run(name, func(t *testing.T) {
			from, to, read := places(t)
			if err := rename(from, to); err != nil {
				t.Fatal(err)
			}
			if err := SyncDir(to.Dir); err != nil {
				t.Fatal(err)
			}
			if read(from) != "" || read(to) != "new" {
				t.Fatalf("from %q, to %q", read(from), read(to))
			}
		})
	}
}

func TestRenameKeepsWhatIsThere(t *testing.T) {
	for name, rename := range ways {
		t.Run(name, func(t *testing.T) {
			from, to, read := places(t)
			if err := os.WriteFile(filepath.Join(to.Dir.Name(), "b"), []byte("theirs"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := rename(from, to); !errors.Is(err, fs.ErrExist) {
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
		})
	}
}

func TestRenameOfNothing(t *testing.T) {
	for name, rename := range ways {
		t.Run(name, func(t *testing.T) {
			from, to, read := places(t)
			from.Name = "none"
			if err := rename(from, to); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("error %v, want fs.ErrNotExist", err)
			}
			if read(to) != "" {
				t.Fatalf("to %q", read(to))
			}
		})
	}
}

// TestContradictionIsEINVAL: else the fallback is not what is tested.
func TestContradictionIsEINVAL(t *testing.T) {
	from, to, _ := places(t)
	if err := renameat2(from, to, unix.RENAME_NOREPLACE|unix.RENAME_EXCHANGE); !errors.Is(err, unix.EINVAL) {
		t.Fatalf("error %v, want EINVAL", err)
	}
}
