package fetch

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"mirror/internal/keylock"
	"mirror/internal/origin"
)

func TestRelayFarAhead(t *testing.T) {
	const size, at, n = 20 * mib, 15 * mib, 2 * mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 30, Size: size})
	s := newSite(t, "", o)
	e, other := s.engine(), s.engine()
	release := o.HoldAfter("/a", 3*mib)
	for i, e := range []*Engine{e, other} {
		f, err := e.Open(s.ctx(), "m/a")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.Expect(at + n)
		if _, err := f.Seek(at, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		// The fetch stands still: what comes is relayed.
		if err := origin.CheckRange(io.LimitReader(f, n), 30, at, n); err != nil {
			t.Fatalf("engine %d: %v", i, err)
		}
	}
	release()
	got, err := s.get(e, "m/a")
	if err != nil || !bytes.Equal(got, origin.Bytes(30, size)) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if sent := o.Sent("/a"); sent > size+2*n {
		t.Errorf("the upstream sent %d bytes, want at most the file and the two ranges, %d", sent, size+2*n)
	}
}

// TestRelayIsPinned: a range of another version is not relayed; the client
// waits for the growing file.
func TestRelayIsPinned(t *testing.T) {
	const size, at = 8 * mib, 6 * mib
	for _, test := range []struct {
		name   string
		etag   string
		change bool
	}{
		{"another version", "", true},
		{"no validator", origin.NoETag, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := origin.New(t)
			recent := time.Now().Truncate(time.Second)
			o.Set("/a", origin.File{Seed: 31, Size: size, ETag: test.etag, ModTime: recent})
			s := newSite(t, "", o)
			e := s.engine()
			release := o.HoldAfter("/a", 2*mib)
			f, err := e.Open(s.ctx(), "m/a")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if test.change {
				o.Set("/a", origin.File{Seed: 32, Size: size, ModTime: recent})
			}
			if _, err := f.Seek(at, io.SeekStart); err != nil {
				t.Fatal(err)
			}
			read := make(chan error, 1)
			go func() { read <- origin.CheckRange(f, 31, at, size-at) }()
			if test.change {
				o.Await("/a", 2) // the relay was tried, and found another version
			}
			release()
			if err := <-read; err != nil {
				t.Error(err)
			}
			if want := 1; !test.change && o.Count("/a", "") != want {
				t.Errorf("%d requests, want %d: without a validator nothing is relayed", o.Count("/a", ""), want)
			}
		})
	}
}

// TestFailedRelayGivesItsSlotBack: who waits instead keeps nobody else waiting.
func TestFailedRelayGivesItsSlotBack(t *testing.T) {
	const size = 8 * mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 87, Size: size})
	o.Behave("/a", origin.Behaviour{NoRanges: true})
	s := newSite(t, "[limits]\nrelays = 1\n---\n", o)
	e := s.engine()
	release := o.HoldAfter("/a", mib)
	f, err := e.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(6*mib, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() { read <- origin.CheckRange(f, 87, 6*mib, size-6*mib) }()
	o.Await("/a", 2) // the relay was tried
	s.until("the slot is free", func() bool {
		slot, err := e.tree.Locks.TryPool(poolRelays, 1)
		if err == nil {
			slot.Unlock()
		}
		return !errors.Is(err, keylock.ErrHeld)
	})
	release()
	if err := <-read; err != nil {
		t.Error(err)
	}
}
