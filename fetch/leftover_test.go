package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
	"mirror/store"
	"mirror/store/index"
)

// spawning is an engine that gives its fetches to another process, as CGI
// does. begin lets the workers begin.
func (s *site) spawning(begin <-chan struct{}) *Engine {
	s.t.Helper()
	worker := s.engine()
	var wg sync.WaitGroup
	s.t.Cleanup(wg.Wait)
	e, err := Open(s.conf, Options{Log: discardLog, Now: s.clock.now, Spawn: func(name mirror.Name, files []*os.File) error {
		var inherited []*os.File // what a child would have
		for _, f := range files {
			fd, err := syscall.Dup(int(f.Fd()))
			if err != nil {
				return err
			}
			inherited = append(inherited, os.NewFile(uintptr(fd), f.Name()))
		}
		wg.Go(func() {
			<-begin
			worker.Work(name, inherited)
		})
		return nil
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { e.Shut(context.Background()) })
	return e
}

// TestLeftoversAreNotRead: what an earlier fetch left in the state directory,
// whatever its mode says, is read by nobody before an upstream has confirmed it.
func TestLeftoversAreNotRead(t *testing.T) {
	const size = mib
	for _, test := range []struct {
		name  string
		leave func(t *testing.T, s *site, o *origin.Origin)
	}{
		{"a checked part that a power cut emptied", func(t *testing.T, s *site, o *origin.Origin) {
			tree, err := store.Open(s.conf.Docroot, s.conf.State)
			if err != nil {
				t.Fatal(err)
			}
			defer tree.Close()
			p, err := tree.NewPart("m/a.deb")
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			if err := p.Check(origin.Epoch); err != nil {
				t.Fatal(err)
			}
		}},
		{"a body without framing, and the record is lost", func(t *testing.T, s *site, o *origin.Origin) {
			o.Behave("/a.deb", origin.Behaviour{CloseDelimited: true, CutAfter: 5000, Times: 1})
			e, err := Open(s.conf, Options{Log: discardLog})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.get(e, "m/a.deb"); err != nil {
				t.Fatal(err)
			}
			e.Shut(s.ctx())
			list, _ := filepath.Glob(s.conf.State + "/index.db*")
			for _, path := range list {
				os.Remove(path)
			}
		}},
		{"a prefix of another version", func(t *testing.T, s *site, o *origin.Origin) {
			o.Set("/a.deb", origin.File{Seed: 61, Size: size, ModTime: origin.Epoch.Add(-time.Hour)})
			s.leavePrefix(o, "/a.deb", "m/a.deb", size/2)
			o.Set("/a.deb", origin.File{Seed: 60, Size: size})
		}},
		{"unsynced bytes of another boot", func(t *testing.T, s *site, o *origin.Origin) {
			s.leavePrefix(o, "/a.deb", "m/a.deb", size/2)
			idx, err := index.Open(s.conf.State)
			if err != nil {
				t.Fatal(err)
			}
			defer idx.Close()
			row, _, _ := idx.Partial(s.ctx(), "m/a.deb")
			row.Boot, row.Synced = "another boot", 0
			if err := idx.PutPartial(s.ctx(), row); err != nil {
				t.Fatal(err)
			}
			list, _ := filepath.Glob(s.conf.State + "/part/*")
			if err := os.WriteFile(list[0], make([]byte, size/2), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := origin.New(t)
			o.Set("/a.deb", origin.File{Seed: 60, Size: size})
			s := newSite(t, "", o)
			test.leave(t, s, o)
			s.clock.advance(time.Hour)
			begin := make(chan struct{})
			e := s.spawning(begin)
			type result struct {
				b   []byte
				err error
			}
			results := make(chan result, 1)
			go func() { b, err := s.get(e, "m/a.deb"); results <- result{b, err} }()
			s.until("the client waits for the worker", func() bool {
				held, err := e.tree.Locks.Held("m/a.deb")
				return err == nil && held
			})
			close(begin)
			if r := <-results; r.err != nil || !bytes.Equal(r.b, origin.Bytes(60, size)) {
				t.Errorf("%d bytes, %v", len(r.b), r.err)
			}
		})
	}
}

// TestNewClientOfAnAbandonedFetch: who comes just when the last client has left
// gets the file all the same.
func TestNewClientOfAnAbandonedFetch(t *testing.T) {
	const size = 4 * mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 62, Size: size})
	s := newSite(t, "keep_going = false\n", o)
	e := s.engine()
	for range 5 {
		release := o.HoldAfter("/a", size/2)
		f, err := e.Open(s.ctx(), "m/a")
		if err != nil {
			t.Fatal(err)
		}
		s.until("half of it is there", func() bool { return f.grow.visible() == size/2 })
		f.Close()
		release()
		if got, err := s.get(e, "m/a"); err != nil || !bytes.Equal(got, origin.Bytes(62, size)) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		s.settle(e)
		if err := os.Remove(s.path("m/a")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestQueueTimeOfNothing: a free slot is taken at once.
func TestQueueTimeOfNothing(t *testing.T) {
	o := origin.New(t)
	s := newSite(t, "[limits]\nqueue_time = \"0s\"\n---\n", o)
	e := s.engine()
	for i := range 30 {
		o.Set(fmt.Sprintf("/%d", i), origin.File{Seed: 1, Size: 10})
		if _, err := s.get(e, mirror.Name(fmt.Sprintf("m/%d", i))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCloseEndsRead: net/http may still read when an answer has ended.
func TestCloseEndsRead(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 63, Size: 20 * mib})
	release := o.HoldAfter("/a", mib)
	defer release()
	s := newSite(t, "", o)
	for _, at := range []int64{2 * mib, 15 * mib} { // waiting, relaying
		f, err := s.engine().Open(s.ctx(), "m/a")
		if err != nil {
			t.Fatal(err)
		}
		f.Within(s.ctx())
		f.Seek(at, io.SeekStart)
		ended := make(chan error)
		go func() {
			_, err := io.Copy(io.Discard, f)
			ended <- err
		}()
		f.Close()
		if err := <-ended; err == nil {
			t.Error("the read ended as if it were whole")
		}
	}
}

// TestPartOfAnother: where the lock files are deleted, another process gets the lock of
// a file that is arriving. It does not go on with what the first appends to, and both
// have the file.
func TestPartOfAnother(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: mib})
	s := newSite(t, "", o)
	first, second := s.engine(), s.engine()
	release := o.HoldAfter("/a", mib/2)
	defer release()
	one, err := first.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	s.until("the first knows what it has begun", func() bool {
		row, ok, err := first.index.Partial(s.ctx(), "m/a")
		return err == nil && ok && row.Total == mib
	})
	if err := os.RemoveAll(filepath.Join(s.conf.State, "locks")); err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 1)
	go func() {
		b, err := s.get(second, "m/a")
		if err != nil {
			t.Errorf("the second: %v", err)
		}
		got <- b
	}()
	o.Await("/a", 2)
	release()
	want := origin.Bytes(1, mib)
	if b, err := io.ReadAll(one); err != nil || !bytes.Equal(b, want) {
		t.Errorf("the first: %d bytes, %v", len(b), err)
	}
	if b := <-got; !bytes.Equal(b, want) {
		t.Errorf("the second: %d bytes", len(b))
	}
	s.settle(first)
	s.settle(second)
	if b, err := os.ReadFile(s.path("m/a")); err != nil || !bytes.Equal(b, want) {
		t.Errorf("the file has %d bytes, %v", len(b), err)
	}
}

// TestResumeBesideReaders: a fetch that broke off is gone on with, also while somebody has
// what it brought open.
func TestResumeBesideReaders(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: mib})
	s := newSite(t, "negative_ttl = \"0s\"\n", o)
	e := s.engine()
	release := o.HoldAfter("/a", mib/2)
	defer release()
	reader, err := e.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if _, err := io.CopyN(io.Discard, reader, mib/4); err != nil {
		t.Fatal(err)
	}
	o.Down()
	s.settle(e)
	release()
	o.Up()
	if b, err := s.get(e, "m/a"); err != nil || !bytes.Equal(b, origin.Bytes(1, mib)) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if all := o.Requests(); all[len(all)-1].Header.Get("Range") == "" {
		t.Error("it was begun anew")
	}
}
