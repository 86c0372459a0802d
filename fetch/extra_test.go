package fetch

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"testing"

	"mirror"
	"mirror/internal/keylock"
	"mirror/internal/origin"
)

const (
	// limited is what a connection brings in these tests, in bytes a second, and
	// large a file that takes it six seconds: on a busy machine, too, there is time
	// to see that more are of use.
	limited = large / 6
	large   = 32 * mib
)

// TestSeveralConnectionsFeedOneFile: one fetch, by several connections where each is
// limited, is followed in both processes from its first byte to its last, and asks
// for each byte once.
func TestSeveralConnectionsFeedOneFile(t *testing.T) {
	tried(t, func(t *testing.T) string {
		o := limitedOrigin(t, 1)
		s := newSite(t, "connections = 4\n", o)
		engines := []*Engine{s.engine(), s.engine()}
		s.getAtOnce(t, engines, "m/0.iso", "m/0.iso", "m/0.iso", "m/0.iso")
		for _, e := range engines {
			s.settle(e)
		}
		s.wantPublished("m/0.iso", origin.Bytes(0, large), origin.Epoch)
		s.wantNoParts()
		n, sent := o.Peak(), o.Sent("/0.iso")
		if n > 4+1 { // one that was hung up may not have been noticed yet
			t.Errorf("%d connections at a time, want 4", n)
		}
		if n < 2 || sent > large+mib {
			return fmt.Sprintf("%d connections at a time; the upstream has sent %d bytes of %d", n, sent, large)
		}
		return ""
	})
}

// TestSeveralConnectionsFailOver: what several connections have brought is gone on
// with by the next upstream.
func TestSeveralConnectionsFailOver(t *testing.T) {
	tried(t, func(t *testing.T) string {
		one, two := limitedOrigin(t, 1), limitedOrigin(t, 1)
		n := throughTrouble(t, one.Down, one, two)
		if sent := two.Sent("/0.iso"); n < 2 || sent == 0 || sent >= large {
			return fmt.Sprintf("%d connections to the first; the second upstream has sent %d bytes of %d", n, sent, large)
		}
		return ""
	})
}

// TestSeveralConnectionsNoRanges: an upstream that answers no range any more, after several
// connections had some, costs it another transfer, and no client his file.
func TestSeveralConnectionsNoRanges(t *testing.T) {
	tried(t, func(t *testing.T) string {
		o := limitedOrigin(t, 1)
		noRanges := func() { o.Behave(origin.Everywhere, origin.Behaviour{NoRanges: true}) }
		if n := throughTrouble(t, noRanges, o); n < 2 {
			return fmt.Sprintf("%d connections", n)
		}
		return ""
	})
}

// throughTrouble reads a file that comes by several connections, with trouble in its
// middle, and checks that it comes whole and gets its name. It returns how many
// connections the first upstream had before that.
func throughTrouble(t *testing.T, trouble func(), upstreams ...*origin.Origin) (connections int) {
	t.Helper()
	s := newSite(t, "connections = 4\n", upstreams...)
	e := s.engine()
	f, err := e.Open(s.ctx(), "m/0.iso")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b bytes.Buffer
	if _, err := io.CopyN(&b, f, large/2); err != nil {
		t.Fatal(err)
	}
	connections = upstreams[0].Peak()
	trouble()
	if _, err := io.Copy(&b, f); err != nil {
		t.Fatal(err)
	}
	if err := origin.Check(&b, 0, large); err != nil {
		t.Error(err)
	}
	s.settle(e)
	s.wantPublished("m/0.iso", origin.Bytes(0, large), origin.Epoch)
	return connections
}

// TestSlotsOfSeveralConnections: all fetches of all processes together never have
// more connections to an upstream than per_upstream says.
func TestSlotsOfSeveralConnections(t *testing.T) {
	tried(t, func(t *testing.T) string {
		const files = 3
		o := limitedOrigin(t, files)
		s := newSite(t, "[limits]\nper_upstream = 8\n---\nconnections = 8\n", o)
		s.getAtOnce(t, []*Engine{s.engine(), s.engine()}, "m/0.iso", "m/1.iso", "m/2.iso")
		n := o.Peak()
		if n > 8+files { // one of each file that was hung up may not have been noticed yet
			t.Errorf("%d connections at a time, want up to 8", n)
		}
		if n <= files {
			return fmt.Sprintf("%d connections at a time for %d files", n, files)
		}
		return ""
	})
}

// TestExtraSlotsAreFew: with a low limit of open files there are few additional
// connections, to all upstreams together, and one that was not to be had takes no place.
func TestExtraSlotsAreFew(t *testing.T) {
	e := newSite(t, "[limits]\nper_upstream = 8\n---\n", origin.New(t)).engine()
	for limit, want := range map[uint64]int{1024: 32, 256: 8, 64: 2, 20: 1} {
		restore := limitOpenFiles(t, limit)
		if n := extrasAtOnce(); n != want {
			t.Errorf("%d additional connections with %d open files, want %d", n, limit, want)
		}
		restore()
	}
	e.extras = make(gate, 2)
	var held []*keylock.Lock
	for range 8 {
		slot, err := e.tree.Locks.TryPool("full", 8)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, slot)
	}
	defer func() {
		for _, slot := range held {
			slot.Unlock()
		}
	}()
	for range 3 {
		if _, ok := e.extraSlot("full"); ok {
			t.Error("a slot of an upstream that has none")
		}
	}
	one, ok1 := e.extraSlot("a")
	_, ok2 := e.extraSlot("b")
	_, ok3 := e.extraSlot("c")
	if !ok1 || !ok2 || ok3 {
		t.Fatalf("with room for two, the first, second and third: %v, %v, %v", ok1, ok2, ok3)
	}
	one()
	if _, ok := e.extraSlot("c"); !ok {
		t.Error("none, after one was given back")
	}
}

// tried runs a test anew, a few times, while it says what was missing: whether
// several connections are worth it is measured, and on a busy machine they are not.
func tried(t *testing.T, try func(*testing.T) (missing string)) {
	t.Helper()
	missing := ""
	for range 5 {
		if missing = try(t); missing == "" || t.Failed() {
			return
		}
	}
	t.Error(missing)
}

// limitedOrigin has files called 0.iso and so on.
func limitedOrigin(t *testing.T, files int) *origin.Origin {
	t.Helper()
	o := origin.New(t)
	for i := range files {
		o.Set(fmt.Sprintf("/%d.iso", i), origin.File{Seed: uint64(i), Size: large})
	}
	o.Behave(origin.Everywhere, origin.Behaviour{Rate: limited})
	return o
}

// getAtOnce has one client for each name, in turn of each process.
func (s *site) getAtOnce(t *testing.T, engines []*Engine, names ...mirror.Name) {
	t.Helper()
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() {
			var seed uint64
			fmt.Sscanf(string(name), "m/%d", &seed)
			b, err := s.get(engines[i%len(engines)], name)
			if err == nil {
				err = origin.Check(bytes.NewReader(b), seed, large)
			}
			if err != nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

// TestExtraSlots: what one fetch takes beside its first connection leaves some to others,
// and gives way to them.
func TestExtraSlots(t *testing.T) {
	for n, want := range map[int]int{1: 0, 2: 1, 3: 2, 4: 3, 8: 6, 16: 12} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			s := newSite(t, fmt.Sprintf("[limits]\nper_upstream = %d\n---\n", n), origin.New(t))
			e := s.engine()
			var held []func()
			for range n {
				if release, ok := e.extraSlot("pool"); ok {
					held = append(held, release)
				}
			}
			if len(held) != want {
				t.Fatalf("%d of %d slots, want %d", len(held), n, want)
			}
			for i := range want { // fetches, which come first
				held[i]()
				slot, err := e.tree.Locks.TryPool("pool", n)
				if err != nil {
					t.Fatal(err)
				}
				defer slot.Unlock()
				if release, ok := e.extraSlot("pool"); ok {
					release()
					t.Fatalf("it takes another beside %d fetches, and leaves none to others", i+1)
				}
			}
		})
	}
}

// TestExtraSlotsBesideOne: it is no matter which slot a fetch has itself.
func TestExtraSlotsBesideOne(t *testing.T) {
	const n = 4
	s := newSite(t, fmt.Sprintf("[limits]\nper_upstream = %d\n---\n", n), origin.New(t))
	e := s.engine()
	for range 10 * n {
		slot, err := e.tree.Locks.TryPool("pool", n)
		if err != nil {
			t.Fatal(err)
		}
		var held []func()
		for range n {
			if release, ok := e.extraSlot("pool"); ok {
				held = append(held, release)
			}
		}
		if len(held) != n-2 { // one is left to others
			t.Errorf("%d slots beside that of the fetch, want %d of %d", len(held), n-2, n)
		}
		for _, release := range held {
			release()
		}
		slot.Unlock()
	}
}

// TestFetchesBeforeExtraSlots: a fetch does not wait for what another one has begun beside its
// first connection on a slow line.
func TestFetchesBeforeExtraSlots(t *testing.T) {
	s := newSite(t, "[limits]\nper_upstream = 2\n---\n", origin.New(t))
	e := s.engine()
	first, ok := e.extraSlot("pool")
	if !ok || !e.slotFree("pool") {
		t.Fatal("of two slots, one is not left to fetches")
	}
	slot, err := e.tree.Locks.TryPool("pool", 2)
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Unlock()
	if e.slotFree("pool") {
		t.Error("both slots are taken, and one is said to be free")
	}
	first()
	if !e.slotFree("pool") {
		t.Error("none is said to be free after one was given back")
	}
}
