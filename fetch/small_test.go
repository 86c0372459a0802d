package fetch

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror"
	"mirror/internal/origin"
)

// TestFirstBytesWaitForNoDisk: so does a client of a larger file, of its first bytes. The
// others it has from the part, which is made meanwhile; of one that is given up, it has
// no more.
func TestFirstBytesWaitForNoDisk(t *testing.T) {
	const size, first, end = 1 << 20, 1000, 500_000
	want := origin.Bytes(1, size)
	for _, given := range []string{"", "up before there is a part", "up afterwards"} {
		t.Run("given "+given, func(t *testing.T) {
			s := newSite(t, "", origin.New(t))
			e := s.engine()
			p := e.placeOf("m/a.iso")
			lock, err := e.tree.Locks.TryLock("m/a.iso")
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Unlock()
			tr := newTransfer(e, p, lock, nil)
			meta := mirror.Meta{Size: size, ETag: `"1"`}
			tr.show(e.sources[p.m][0], meta, want[:first])

			f, err := tr.open(s.ctx())
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			got := make([]byte, end)
			if n, err := f.Read(got); n != first || err != nil {
				t.Fatalf("%d bytes, %v", n, err)
			}
			if given == "up before there is a part" {
				tr.update(func(s *state) { s.restart(state{}) })
			} else {
				if err := tr.restart(); err != nil {
					t.Fatal(err)
				}
				tr.started(e.sources[p.m][0], meta)
				defer tr.release()
				tr.rowDue = false // there is nobody else
				for _, piece := range [][]byte{want[:first], want[first:end]} {
					if err := tr.part.Append(piece); err != nil {
						t.Fatal(err)
					}
					tr.appended(len(piece))
				}
			}
			if given == "up afterwards" {
				tr.forget()
			}
			_, err = io.ReadFull(f, got[first:])
			if given != "" {
				if !errors.Is(err, mirror.ErrChanged) {
					t.Errorf("the error is %v", err)
				}
				return
			}
			if err != nil || !bytes.Equal(got, want[:end]) {
				t.Errorf("other bytes, or %v", err)
			}
			if v := f.grow.visible(); v != end {
				t.Errorf("%d bytes are visible, want %d", v, end)
			}
		})
	}
}

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
