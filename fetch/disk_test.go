package fetch

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"mirror"
	"mirror/internal/origin"
	"mirror/source"
)

// TestDiskFull: when the disk is full the client gets its bytes all the same,
// nothing half-published is left, and the log says what to do. The disk is a
// small tmpfs.
func TestDiskFull(t *testing.T) {
	for _, test := range []struct {
		name  string
		space int64 // left when the client asks
		size  int64
		b     origin.Behaviour
	}{
		{name: "in the middle of a file", space: 2 * mib, size: 5 * mib},
		{name: "before its first byte", space: 0, size: 5 * mib},
		{name: "before its first byte, and the upstream has no ranges", space: 0, size: 5 * mib, b: origin.Behaviour{NoRanges: true}},
		{name: "a small file", space: 0, size: 1000},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := origin.New(t)
			o.Set("/a.iso", origin.File{Seed: 50, Size: test.size})
			o.Behave("/a.iso", test.b)
			s := newSite(t, "", o)
			mountTmpfs(t, s)
			e := s.engine()
			// The record is made while there is room for it.
			if _, _, err := e.index.File(s.ctx(), "x"); err != nil {
				t.Fatal(err)
			}
			fill(t, filepath.Join(s.docroot, "ballast"), test.space)
			got, err := s.get(e, "m/a.iso")
			if err != nil || !bytes.Equal(got, origin.Bytes(50, test.size)) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			s.settle(e)
			if files := s.docFiles(); len(files) != 1 {
				t.Errorf("in the docroot: %v", files)
			}
			s.wantNoParts()
			if !strings.Contains(s.log.String(), "no space to store the file") {
				t.Error("the log does not say that there is no space")
			}
			// There is space again.
			if err := os.Remove(filepath.Join(s.docroot, "ballast")); err != nil {
				t.Fatal(err)
			}
			if _, err := s.get(e, "m/a.iso"); err != nil {
				t.Fatal(err)
			}
			s.settle(e)
			s.wantPublished("m/a.iso", origin.Bytes(50, test.size), origin.Epoch)
		})
	}
}

// TestDiskFullHerd: that there is no space is no reason to leave anybody
// without bytes, nor to give them bytes that are refused otherwise.
func TestDiskFullHerd(t *testing.T) {
	const size = 5 * mib
	portal, o := origin.New(t), origin.New(t)
	portal.Behave(origin.Everywhere, origin.Behaviour{Portal: true})
	o.Set("/a.iso", origin.File{Seed: 51, Size: size})
	s := newSite(t, "[limits]\nrelays = 2\n---\n", portal, o)
	mountTmpfs(t, s)
	e := s.engine()
	if _, _, err := e.index.File(s.ctx(), "x"); err != nil {
		t.Fatal(err)
	}
	fill(t, filepath.Join(s.docroot, "ballast"), 2*mib)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if got, err := s.get(e, "m/a.iso"); err != nil || !bytes.Equal(got, origin.Bytes(51, size)) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wg.Wait()
}

// patient is an upstream that waits, once a client may have the first bytes of a file.
type patient struct {
	source.Source
	shown func()
}

func (p patient) Fetch(ctx context.Context, r source.Request) (source.Result, error) {
	if first := r.First; first != nil {
		r.First = func(m mirror.Meta, head []byte) { first(m, head); p.shown() }
	}
	return p.Source.Fetch(ctx, r)
}

// TestDiskFullOfFiles: where not even a part can be made, a client that has the first
// bytes gets the others, too.
func TestDiskFullOfFiles(t *testing.T) {
	const size = 5 * mib
	o := origin.New(t)
	o.Set("/a.iso", origin.File{Seed: 52, Size: size})
	s := newSite(t, "", o)
	mountTmpfs(t, s)
	e := s.engine()
	read := make(chan struct{})
	first := &e.sources[&e.conf.Mirrors[0]][0]
	first.Source = patient{first.Source, func() {
		for i := 0; os.Mkdir(filepath.Join(s.docroot, strconv.Itoa(i)), 0o755) == nil; i++ {
		}
		<-read
	}}
	// The record is made while there is room for it.
	if _, _, err := e.index.File(s.ctx(), "x"); err != nil {
		t.Fatal(err)
	}
	f, err := e.Open(s.ctx(), "m/a.iso")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 100)
	if _, err := io.ReadFull(f, b); err != nil {
		t.Fatal(err)
	}
	close(read)
	rest, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(append(b, rest...), origin.Bytes(52, size)) {
		t.Errorf("%d bytes, %v", len(rest), err)
	}
	s.settle(e)
	s.wantNoParts()
}

// mountTmpfs puts docroot and state on a small file system of their own.
func mountTmpfs(t *testing.T, s *site) {
	t.Helper()
	dir := filepath.Join(s.dir, "disk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=12m,nr_inodes=200"); err != nil {
		t.Fatalf("mounting a tmpfs: %v: this test runs as root, see `make test`", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	s.docroot = filepath.Join(dir, "doc")
	if err := os.Mkdir(s.docroot, 0o755); err != nil {
		t.Fatal(err)
	}
	conf := *s.conf
	conf.Docroot, conf.State = s.docroot, filepath.Join(dir, "state")
	s.conf = &conf
}

// fill writes until only space bytes are left.
func fill(t *testing.T, path string, space int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 4096)
	for {
		if _, err := f.Write(block); err != nil {
			break
		}
	}
	fi, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(fi.Size() - space); err != nil {
		t.Fatal(err)
	}
}
