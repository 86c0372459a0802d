package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"mirror"
	"mirror/internal/origin"
)

// behind is an engine that has room for n files without a name; the publisher sleeps until
// wake is called.
func (s *site) behind(n int) (e *Engine, wake func()) {
	e = s.engine()
	e.backlog = backlog{make(gate, n)}
	e.publish.start.Do(func() {})
	return e, sync.OnceFunc(func() { go e.publish.run() })
}

// TestBacklog: while the disk is behind, as many files are begun as there is room for. Who
// comes then waits for longer than for a slot, and gets his file; nobody is refused.
func TestBacklog(t *testing.T) {
	const room, all = 3, 10
	for _, size := range []int64{4096, 300_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			o := origin.New(t)
			for i := range all {
				o.Set(fmt.Sprintf("/%d", i), origin.File{Seed: uint64(i), Size: size})
			}
			s := newSite(t, "[limits]\nqueue_time = \"1ms\"\n---\n", o)
			e, wake := s.behind(room)
			defer wake()
			get := func(i int) {
				got, err := s.get(e, mirror.Name(fmt.Sprintf("m/%d", i)))
				if err != nil || !bytes.Equal(got, origin.Bytes(uint64(i), size)) {
					t.Errorf("file %d: %d bytes, %v", i, len(got), err)
				}
			}
			for i := range room {
				get(i) // and not for the disk
			}
			s.until("they wait for the disk", func() bool { return len(e.publish.jobs) == room })
			var wg sync.WaitGroup
			for i := room; i < all; i++ {
				wg.Go(func() { get(i) })
			}
			s.until("the others wait for room", func() bool { return s.queued(e) == all-room })
			if n := o.Count(origin.Everywhere, http.MethodGet); n != room {
				t.Errorf("%d files were asked for, with room for %d", n, room)
			}
			wake()
			wg.Wait()
			s.settle(e)
			if n := len(s.docFiles()); n != all || len(e.backlog.room) != 0 {
				t.Errorf("%d of %d files have their name, and %d are in the backlog", n, all, len(e.backlog.room))
			}
		})
	}
}

// limitOpenFiles has this process have few descriptors, until restore is called.
func limitOpenFiles(t *testing.T, limit uint64) (restore func()) {
	t.Helper()
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	return func() { unix.Setrlimit(unix.RLIMIT_NOFILE, &was) }
}

// TestFewDescriptors: sixty clients, a disk that stands still, and not even as many
// descriptors as there are files: all of them come, get links, and go.
func TestFewDescriptors(t *testing.T) {
	const clients, all, limit = 60, 600, 500
	o := origin.New(t)
	for i := range all {
		o.Set(fmt.Sprintf("/%d/a", i), origin.File{Seed: uint64(i), Size: 4096})
	}
	defer limitOpenFiles(t, limit)()
	s := newSite(t, "[limits]\nqueue_time = \"20s\"\n---\n", o)
	e, wake := s.behind(filesAtOnce(mostBehind))
	defer wake()
	files := make(chan int)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for i := range files {
				if got, err := s.get(e, mirror.Name(fmt.Sprintf("m/%d/a", i))); err != nil || !bytes.Equal(got, origin.Bytes(uint64(i), 4096)) {
					t.Errorf("file %d: %d bytes, %v", i, len(got), err)
				}
			}
		})
	}
	go func() {
		defer close(files)
		for i := range all {
			files <- i
		}
	}()
	s.until("every client waits for the disk", func() bool { return s.queued(e) == clients || t.Failed() })
	wake()
	wg.Wait()
	s.settle(e)
	if n := len(s.docFiles()); n != all {
		t.Errorf("%d of %d files have their name", n, all)
	}
	var names []mirror.Name
	var links []Link
	for i := range all {
		name := mirror.Name(fmt.Sprintf("m/%d/a", i))
		names = append(names, name)
		links = append(links, Link{Name: name.Parent().Join("b"), Target: "a"})
	}
	n := 0
	if err := e.MakeLinks(s.ctx(), links, func(_ Link, made bool, err error) {
		if made {
			n++
		}
	}); err != nil || n != all {
		t.Errorf("%d of %d links are made: %v", n, all, err)
	}
	n = 0
	if err := e.RemoveMany(s.ctx(), names, func(r Removed) {
		if r.Err == nil {
			n++
		}
	}); err != nil || n != all {
		t.Errorf("%d of %d files are removed: %v", n, all, err)
	}
}

// queued counts those that wait for room.
func (s *site) queued(e *Engine) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range e.running {
		if t.now().queued {
			n++
		}
	}
	return n
}

// TestBacklogLeft: who leaves before his fetch has begun takes it along, also where fetches
// go on without clients; else those that nobody waits for any more would pile up.
func TestBacklogLeft(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: 10})
	o.Set("/b", origin.File{Seed: 2, Size: 10})
	s := newSite(t, "", o)
	e, wake := s.behind(1)
	defer wake()
	if _, err := s.get(e, "m/a"); err != nil {
		t.Fatal(err)
	}
	ctx, leave := context.WithCancel(s.ctx())
	left := make(chan error)
	go func() {
		_, err := e.Open(ctx, "m/b")
		left <- err
	}()
	s.until("the next waits for room", func() bool { return s.queued(e) == 1 })
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.until("it is given up", func() bool { return s.queued(e) == 0 })
	wake()
	s.settle(e)
	if n := o.Count("/b", ""); n != 0 {
		t.Errorf("it was asked for %d times", n)
	}
	if _, err := s.get(e, "m/b"); err != nil {
		t.Error(err)
	}
}

// TestBacklogOfIndexes: a file that does not fit to its index waits, in the backlog, for the
// index to be confirmed, which must not wait for room.
func TestBacklogOfIndexes(t *testing.T) {
	o := origin.New(t)
	o.Set("/SHA256SUMS", origin.File{Body: []byte("")})
	o.Set("/a", origin.File{Seed: 1, Size: 10})
	s := newSite(t, "", o)
	e, wake := s.behind(1)
	defer wake()
	if _, err := s.get(e, "m/a"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.get(e, "m/SHA256SUMS"); err != nil {
		t.Error(err)
	}
}
