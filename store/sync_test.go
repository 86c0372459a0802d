package store

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mirror"
)

// TestSyncIsShared: many files take one sync, unless that cannot tell of
// failures, has failed, or was dear a short while ago.
func TestSyncIsShared(t *testing.T) {
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	closed, err := os.Open(dir.Name())
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	later := func(s *syncer) *syncer { s.notUntil.Store(time.Now().Add(time.Minute).UnixNano()); return s }
	for name, c := range map[string]struct {
		s    *syncer
		dir  *os.File
		n    int
		want int64
	}{
		"many":                 {&syncer{shares: true}, dir, shareFrom, 0},
		"few":                  {&syncer{shares: true}, dir, shareFrom - 1, shareFrom - 1},
		"none":                 {&syncer{shares: true}, dir, 0, 0},
		"another file system":  {&syncer{}, dir, 100, 100},
		"dear lately":          {later(&syncer{shares: true}), dir, 100, 100},
		"the shared one fails": {&syncer{shares: true}, closed, 100, 100},
	} {
		var got atomic.Int64
		seen := make([]atomic.Bool, c.n)
		c.s.sync(c.dir, c.n, func(i int) {
			if seen[i].Swap(true) {
				t.Errorf("%s: file %d is synced twice", name, i)
			}
			got.Add(1)
		})
		if got.Load() != c.want {
			t.Errorf("%s: %d files were synced for themselves, want %d", name, got.Load(), c.want)
		}
	}
	// proc is no file system of files on a disk.
	if newSyncer("/proc").shares || newSyncer(dir.Name()+"/none").shares {
		t.Error("a sync is shared where nobody knows what it does")
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir.Name(), &st); err != nil {
		t.Fatal(err)
	}
	if got := newSyncer(dir.Name()).shares; got != sharing[int64(st.Type)] {
		t.Errorf("on file system %#x: shared %v", st.Type, got)
	}
}

// TestSyncAndPublishMany: what one file suffers is its own error.
func TestSyncAndPublishMany(t *testing.T) {
	tree, docroot, _ := newTree(t)
	if err := os.WriteFile(docroot+"/taken", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var items []*Publication
	for _, name := range []mirror.Name{"a/1", "a/2", "b/1", "b/2", "c/d/1", "taken/below", "e/1", "f/1", "g/1", "h/1"} {
		p, err := tree.NewPart(name)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		items = append(items, &Publication{Part: p})
	}
	tree.Sync(items)
	tree.Publish(items)
	for _, it := range items {
		bad := it.Part.Name == "taken/below"
		if bad != errors.Is(it.Err, mirror.ErrForeign) || !bad && it.Err != nil {
			t.Errorf("%s: %v", it.Part.Name, it.Err)
		}
		if _, err := os.Lstat(docroot + "/" + string(it.Part.Name)); bad != (err != nil) {
			t.Errorf("%s: %v", it.Part.Name, err)
		}
	}
}
