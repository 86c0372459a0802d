package fetch

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror/internal/origin"
)

// TestSmallFileWaitsForNoDisk: a client of a small file has it although no part can be
// made, of one request; nothing is published, and the log says why.
func TestSmallFileWaitsForNoDisk(t *testing.T) {
	o := origin.New(t)
	o.Set("/a.deb", origin.File{Seed: 1, Size: 4096})
	s := newSite(t, "", o)
	e := s.engine()
	parts := filepath.Join(s.conf.State, "part")
	if err := os.Remove(parts); err != nil {
		t.Fatal(err)
	}
	got, err := s.get(e, "m/a.deb")
	if err != nil || !bytes.Equal(got, origin.Bytes(1, 4096)) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	s.settle(e)
	if files := s.docFiles(); len(files) != 0 {
		t.Errorf("in the docroot: %v", files)
	}
	if n := o.Count("/a.deb", "GET"); n != 1 {
		t.Errorf("the upstream was asked %d times", n)
	}
	if !strings.Contains(s.log.String(), "a file of ours vanished") {
		t.Errorf("the log does not say what is wrong: %s", s.log)
	}
}
