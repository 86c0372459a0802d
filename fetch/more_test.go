package fetch

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	"mirror"
	"mirror/internal/origin"
)

const (
	// limited is what a connection brings in these tests, in bytes a second, and
	// large a file that takes it a second and a half.
	limited = large * 2 / 3
	large   = 16 * mib
)

// TestSeveralConnectionsFeedOneFile: one fetch, by several connections where each is
// limited, is followed in both processes from its first byte to its last, and asks
// for each byte once.
func TestSeveralConnectionsFeedOneFile(t *testing.T) {
	o := origin.New(t)
	o.Set("/a.iso", origin.File{Seed: 90, Size: large})
	o.Behave("/a.iso", origin.Behaviour{Rate: limited})
	s := newSite(t, "connections = 4\n", o)
	engines := []*Engine{s.engine(), s.engine()}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			b, err := s.get(engines[i%2], "m/a.iso")
			if err == nil {
				err = origin.Check(bytes.NewReader(b), 90, large)
			}
			if err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if n := o.Peak(); n < 2 || n > 4 {
		t.Errorf("%d connections at a time, want 4", n)
	}
	if sent := o.Sent("/a.iso"); sent > large+mib {
		t.Errorf("the upstream has sent %d bytes of %d", sent, large)
	}
	for _, e := range engines {
		s.settle(e)
	}
	s.wantPublished("m/a.iso", origin.Bytes(90, large), origin.Epoch)
	s.wantNoParts()
}

// TestSeveralConnectionsFailOver: what several connections have brought is gone on
// with by the next upstream.
func TestSeveralConnectionsFailOver(t *testing.T) {
	one, two := origin.New(t), origin.New(t)
	for _, o := range []*origin.Origin{one, two} {
		o.Set("/a.iso", origin.File{Seed: 91, Size: large})
		o.Behave("/a.iso", origin.Behaviour{Rate: limited})
	}
	s := newSite(t, "connections = 4\n", one, two)
	e := s.engine()
	go func() {
		one.Await("/a.iso", 8)
		one.Down()
	}()
	b, err := s.get(e, "m/a.iso")
	if err == nil {
		err = origin.Check(bytes.NewReader(b), 91, large)
	}
	if err != nil {
		t.Fatal(err)
	}
	if sent := two.Sent("/a.iso"); sent == 0 || sent >= large {
		t.Errorf("the second upstream has sent %d bytes of %d", sent, large)
	}
	s.settle(e)
	s.wantPublished("m/a.iso", origin.Bytes(91, large), origin.Epoch)
}

// TestSlotsOfSeveralConnections: all fetches of all processes together never have
// more connections to an upstream than per_upstream says.
func TestSlotsOfSeveralConnections(t *testing.T) {
	o := origin.New(t)
	const files = 3
	for i := range files {
		o.Set(fmt.Sprintf("/%d.iso", i), origin.File{Seed: uint64(i), Size: large})
	}
	o.Behave(origin.Everywhere, origin.Behaviour{Rate: limited})
	s := newSite(t, "[limits]\nper_upstream = 8\n---\nconnections = 8\n", o)
	engines := []*Engine{s.engine(), s.engine()}
	var wg sync.WaitGroup
	for i := range files {
		wg.Go(func() {
			b, err := s.get(engines[i%2], mirror.Name(fmt.Sprintf("m/%d.iso", i)))
			if err == nil {
				err = origin.Check(bytes.NewReader(b), uint64(i), large)
			}
			if err != nil {
				t.Errorf("file %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	// One that was hung up may not have been noticed yet, of each file.
	if n := o.Peak(); n <= files || n > 8+files {
		t.Errorf("%d connections at a time, want up to 8", n)
	}
}

// TestMore: what one fetch takes beside its first connection leaves some to others,
// and gives way to them.
func TestMore(t *testing.T) {
	for n, want := range map[int]int{1: 0, 2: 1, 3: 2, 4: 3, 8: 6, 16: 12} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newSite(t, fmt.Sprintf("[limits]\nper_upstream = %d\n---\n", n), origin.New(t))
			e := s.engine()
			var held []func()
			for range n {
				if release, ok := e.more("pool"); ok {
					held = append(held, release)
				}
			}
			if len(held) != want {
				t.Fatalf("%d of %d slots, want %d", len(held), n, want)
			}
			for range n - want { // fetches, which take what is left
				slot, err := e.tree.Locks.TryPool("pool", n)
				if err != nil {
					t.Fatal(err)
				}
				defer slot.Unlock()
			}
			for _, release := range held {
				release()
			}
			if release, ok := e.more("pool"); ok {
				release()
				t.Error("it takes another, although all that are left to fetches are taken")
			}
		})
	}
}
