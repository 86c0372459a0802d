package store

import (
	"os"
	"testing"
)

func TestScratch(t *testing.T) {
	tree, _, state := newTree(t)
	for name, make := range map[string]func() (*os.File, error){"without a name": tree.Scratch, "unlinked": tree.unlinked} {
		f, err := make()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer f.Close()
		var b [4]byte
		if _, err := f.Write([]byte("text")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := f.ReadAt(b[:], 0); err != nil || string(b[:]) != "text" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
		if _, err := f.WriteAt([]byte("n"), 1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := f.ReadAt(b[:], 0); err != nil || string(b[:]) != "tnxt" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if list, err := os.ReadDir(state + "/part"); err != nil || len(list) > 0 {
		t.Errorf("left: %v, %v", list, err)
	}
}
