package store

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"mirror"
)

// TestQuarantine: names of any length go, and a second file of one takes the place
// of the first.
func TestQuarantine(t *testing.T) {
	tree, docroot, _ := newTree(t)
	for _, name := range []mirror.Name{"a", "d/" + mirror.Name(strings.Repeat("n", 255))} {
		if err := os.MkdirAll(docroot+"/d", 0o755); err != nil {
			t.Fatal(err)
		}
		var at string
		for _, text := range []string{"first", "second"} {
			if err := os.WriteFile(docroot+"/"+string(name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			path, err := tree.Quarantine(name)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := os.ReadFile(path); err != nil || string(b) != text || at != "" && path != at {
				t.Errorf("%s holds %q, %v; want %q", path, b, err, text)
			}
			at = path
			if _, err := os.Lstat(docroot + "/" + string(name)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("it is still there: %v", err)
			}
		}
	}
	if _, err := tree.Quarantine("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
	if err := tree.SweepBad(time.Now()); err != nil {
		t.Fatal(err)
	}
	if list, err := fs.ReadDir(tree.state.FS(), badDir); err != nil || len(list) != 2 {
		t.Errorf("a sweep left %d files, %v", len(list), err)
	}
}
