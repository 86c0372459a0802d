package fetch

import (
	"context"
	"io"
	"testing"

	"mirror/internal/origin"
)

// TestRecovery: a crash between the rename and the record leaves a file that is
// still known to be ours.
func TestRecovery(t *testing.T) {
	o := origin.New(t)
	o.Set("/InRelease", origin.File{Seed: 1, Size: 100})
	s := newSite(t, "mutable = [\"InRelease\"]\nmax_age = \"1m\"\n", o)
	e := s.engine()
	if _, err := s.get(e, "m/InRelease"); err != nil {
		t.Fatal(err)
	}
	s.settle(e)
	rec, _, _ := e.index.File(s.ctx(), "m/InRelease")
	if err := e.index.Remove(s.ctx(), "m/InRelease"); err != nil {
		t.Fatal(err)
	}
	intent := rowOf(rec)
	if err := e.index.Intend(s.ctx(), intent); err != nil {
		t.Fatal(err)
	}
	if err := e.Recover(s.ctx()); err != nil {
		t.Fatal(err)
	}
	if rec, ok, err := e.index.File(s.ctx(), "m/InRelease"); err != nil || !ok || !rec.Ours {
		t.Errorf("record %+v, %v, %v", rec, ok, err)
	}
}

// TestShutdown: a fetch that the grace period does not suffice for is broken
// off, and stays resumable.
func TestShutdown(t *testing.T) {
	const size = 4 * mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 34, Size: size})
	s := newSite(t, "", o)
	s.leavePrefix(o, "/a", "m/a", 3*mib)
	e := s.engine()
	row, ok, err := e.index.Partial(s.ctx(), "m/a")
	if err != nil || !ok || row.Synced != 3*mib {
		t.Fatalf("row %+v, %v, %v: want 3 MiB synced", row, ok, err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Open(gone, "m/a"); err == nil {
		t.Error("opening with a context that is done succeeded")
	}
}

// TestAfterPowerCut: bytes of another boot that were not synced are not
// trusted, those that were are.
func TestAfterPowerCut(t *testing.T) {
	const size, have = 4 * mib, 3 * mib
	for _, synced := range []int64{have, have - 1} {
		o := origin.New(t)
		o.Set("/a", origin.File{Seed: 35, Size: size})
		s := newSite(t, "", o)
		s.leavePrefix(o, "/a", "m/a", have)
		e := s.engine()
		row, _, _ := e.index.Partial(s.ctx(), "m/a")
		row.Boot, row.Synced = "another boot", synced
		if err := e.index.PutPartial(s.ctx(), row); err != nil {
			t.Fatal(err)
		}
		if _, err := s.get(e, "m/a"); err != nil {
			t.Fatal(err)
		}
		if resumed := o.Requests()[0].Range != ""; resumed != (synced == have) {
			t.Errorf("%d of %d bytes synced: resumed %v", synced, have, resumed)
		}
		s.settle(e)
		s.wantPublished("m/a", origin.Bytes(35, size), origin.Epoch)
	}
}

// TestTakeOver: the process that fetches goes away; a client of another
// process goes on with the same inode, and misses nothing.
func TestTakeOver(t *testing.T) {
	const size = 4 * mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 7, Size: size})
	s := newSite(t, "", o)
	release := o.HoldAfter("/a", 2*mib)
	first, err := Open(s.conf, Options{Log: discardLog})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(s.ctx(), "m/a"); err != nil {
		t.Fatal(err)
	}
	f, err := s.engine().Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := origin.CheckRange(io.LimitReader(f, mib), 7, 0, mib); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := first.Shut(gone); err != nil {
		t.Fatal(err)
	}
	release()
	if err := origin.CheckRange(f, 7, mib, size-mib); err != nil {
		t.Fatal(err)
	}
	if n := o.Count("/a", ""); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

// TestWhoTakesOverCounts: with keep_going = false, a client that went on with
// the fetch of another process is not left alone when a later one leaves.
func TestWhoTakesOverCounts(t *testing.T) {
	const size = 4 * mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 88, Size: size})
	s := newSite(t, "keep_going = false\n", o)
	first, err := Open(s.conf, Options{Log: discardLog, Now: s.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Shut(context.Background())
	release := o.HoldAfter("/a", size/2)
	f1, err := first.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	e := s.engine()
	f2, err := e.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer f2.Close()
	f2.relay = nil // it waits
	read := make(chan error, 1)
	go func() { read <- origin.Check(f2, 88, size) }()
	f1.Close() // the fetch ends with its last client; ours takes over
	o.Await("/a", 2)
	f3, err := e.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	f3.Close()
	release()
	if err := <-read; err != nil {
		t.Error(err)
	}
}
