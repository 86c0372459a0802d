package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/listing"
)

// lsLR is a list of a tree as `ls -lR` prints it, compressed.
func lsLR(t *testing.T, text string) origin.File {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return origin.File{Body: b.Bytes()}
}

const treeOne = `.:
total 12
drwxr-xr-x 2 mirror mirror 4096 Nov 12  2024 d
-rw-r--r-- 1 mirror mirror   10 Nov 12  2024 a.deb
lrwxrwxrwx 1 mirror mirror    5 Nov 12  2024 link -> a.deb

./d:
total 4
-rw-r--r-- 1 mirror mirror 4294967297 Nov 12  2024 big
`

// TestCatalog: with a list of the whole tree no directory is asked for, and
// links are seen over HTTP.
func TestCatalog(t *testing.T) {
	o := origin.New(t)
	o.Set("/ls-lR.gz", lsLR(t, treeOne))
	s := newSite(t, "index = \"ls-lR.gz\"\nzone = \"UTC\"", o)
	e := s.engine()
	d, err := e.List(s.ctx(), "m")
	if err != nil || !slices.Equal(namesOf(d), []string{"a.deb", "d", "link"}) || !d.Ended {
		t.Fatalf("%+v, %v", d, err)
	}
	for _, entry := range d.Entries {
		if entry.Name == "link" && (entry.Type != listing.Symlink || entry.Target != "a.deb") {
			t.Errorf("%+v", entry)
		}
	}
	if d, err = e.List(s.ctx(), "m/d"); err != nil || len(d.Entries) != 1 || d.Entries[0].Size != listing.Exactly(4294967297) {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := s.engine().List(s.ctx(), "m/d"); err != nil { // another process
		t.Error(err)
	}
	if _, err := e.List(s.ctx(), "m/ls-lR.gz"); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("the catalog as a directory: %v", err)
	}
	if n := o.Count(origin.Everywhere, "GET"); n != 2 {
		t.Errorf("%d requests, want those for the catalog, and for it as a directory", n)
	}

	// A new version takes the place of the old one, and so does what it lacks.
	next := lsLR(t, strings.Split(treeOne, "\n\n")[0]+"\n\n./e:\ntotal 0\n")
	next.ModTime = origin.Epoch.Add(time.Hour)
	o.Set("/ls-lR.gz", next)
	o.Set("/d/", indexPage("from-its-page"))
	s.clock.advance(time.Hour)
	s.until("the new catalog is in use", func() bool {
		d, err := e.List(s.ctx(), "m/d")
		return err == nil && len(d.Entries) == 1 && d.Entries[0].Name == "from-its-page"
	})
}

// TestCatalogUnread: a line that was not understood may have been of any
// directory, so none is known to be all.
func TestCatalogUnread(t *testing.T) {
	o := origin.New(t)
	o.Set("/ls-lR.gz", lsLR(t, strings.Replace(treeOne, "-rw-r--r-- 1 mirror mirror   10 Nov 12  2024 a.deb", "-rw-r--r-- 1 mirror mir", 1)))
	s := newSite(t, `index = "ls-lR.gz"`, o)
	d, err := s.engine().List(s.ctx(), "m/d")
	if err != nil || len(d.Entries) != 1 || d.Unread == 0 {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestCatalogReadOnce: while another process reads a version, this one waits for
// it, and does not read it again.
func TestCatalogReadOnce(t *testing.T) {
	o := origin.New(t)
	o.Set("/ls-lR.gz", lsLR(t, treeOne))
	s := newSite(t, `index = "ls-lR.gz"`, o)
	e, other := s.engine(), s.engine()
	lock, err := other.tree.Locks.TryLock(catalogRow("m/ls-lR.gz"))
	if err != nil {
		t.Fatal(err)
	}
	wait, cancel := context.WithTimeout(s.ctx(), 50*time.Millisecond)
	defer cancel()
	if d, err := e.List(wait, "m"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without waiting: %+v, %v", d, err)
	}
	lock.Unlock()
	for _, e := range []*Engine{e, other} {
		if d, err := e.List(s.ctx(), "m"); err != nil || len(d.Entries) != 3 {
			t.Errorf("%+v, %v", d, err)
		}
	}
	if n := strings.Count(s.log.String(), "msg=catalog "); n != 1 {
		t.Errorf("read %d times", n)
	}
}

// TestCatalogTrouble: without a catalog that can be read, directories are asked
// for one by one; a bad new version leaves the old one in use.
func TestCatalogTrouble(t *testing.T) {
	var long strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&long, "./d%d:\ntotal 4\n-rw-r--r-- 1 mirror mirror 10 Nov 12  2024 a\n\n", i)
	}
	for name, f := range map[string]*origin.File{
		"missing":       nil,
		"no list":       {Body: []byte("nothing of the kind")},
		"cut":           {Body: lsLR(t, long.String()).Body[:20_000]},
		"cut in a line": {Body: []byte("./d:\ntotal 4\n-rw-r--r-- 1 mirror mirror 10 Nov 12  2024 a\n-rw-r--r-- 1 mirr")},
		"of no names":   {Body: []byte("\x1f\x8b\x08\x00garbage")},
	} {
		t.Run(name, func(t *testing.T) {
			o := origin.New(t)
			if f != nil {
				o.Set("/ls-lR.gz", *f)
			}
			o.Set("/d/", indexPage("page"))
			s := newSite(t, `index = "ls-lR.gz"`, o)
			e := s.engine()
			for range 2 {
				if d, err := e.List(s.ctx(), "m/d"); err != nil || len(d.Entries) != 1 || d.Entries[0].Name != "page" {
					t.Errorf("%+v, %v", d, err)
				}
			}
		})
		t.Run(name+" after a good one", func(t *testing.T) {
			o := origin.New(t)
			o.Set("/ls-lR.gz", lsLR(t, treeOne))
			s := newSite(t, `index = "ls-lR.gz"`, o)
			e := s.engine()
			if _, err := e.List(s.ctx(), "m/d"); err != nil {
				t.Fatal(err)
			}
			o.Remove("/ls-lR.gz")
			if f != nil {
				bad := *f
				bad.ModTime = origin.Epoch.Add(time.Hour)
				o.Set("/ls-lR.gz", bad)
			}
			s.clock.advance(time.Hour)
			for range 3 {
				if d, err := e.List(s.ctx(), "m/d"); err != nil || len(d.Entries) != 1 || d.Entries[0].Name != "big" {
					t.Errorf("%+v, %v", d, err)
				}
				s.settle(e)
			}
		})
	}
}
