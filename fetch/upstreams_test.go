package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

func TestFailover(t *testing.T) {
	const size = 2 * mib
	file := origin.File{Seed: 20, Size: size}
	quick := "[timeouts]\nconnect = \"1s\"\nheader = \"300ms\"\nidle = \"300ms\"\nlow_speed = 1000000\nlow_speed_time = \"1s\"\n---\n"
	for _, test := range []struct {
		name string
		b    origin.Behaviour // of the first upstream
		down bool
		sent int64 // at most this much comes from the second
	}{
		{name: "refused", down: true, sent: size},
		{name: "silent", b: origin.Behaviour{Silent: true}, sent: size},
		{name: "404", b: origin.Behaviour{Status: 404}, sent: size},
		{name: "403", b: origin.Behaviour{Status: 403}, sent: size},
		{name: "429", b: origin.Behaviour{Status: 429}, sent: size},
		{name: "500", b: origin.Behaviour{Status: 500}, sent: size},
		{name: "broken off half-way", b: origin.Behaviour{CutAfter: mib}, sent: mib + 64<<10},
		{name: "stalled half-way", b: origin.Behaviour{StallAfter: mib}, sent: mib + 64<<10},
		{name: "slow", b: origin.Behaviour{Rate: 100 << 10}, sent: size},
	} {
		t.Run(test.name, func(t *testing.T) {
			one, two := origin.New(t), origin.New(t)
			one.Set("/a", file)
			two.Set("/a", origin.File{Seed: 20, Size: size, ETag: `"another"`})
			one.Behave("/a", test.b)
			if test.down {
				one.Down()
			}
			s := newSite(t, quick, one, two)
			e := s.engine()
			got, err := s.get(e, "m/a")
			if err != nil || !bytes.Equal(got, origin.Bytes(20, size)) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			s.settle(e)
			s.wantPublished("m/a", got, origin.Epoch)
			if n := two.Sent("/a"); n > test.sent {
				t.Errorf("the second upstream sent %d bytes, want at most %d", n, test.sent)
			}
		})
	}
}

// TestFailoverToAnotherVersion: the second upstream is behind. What the first
// began is not continued with it.
func TestFailoverToAnotherVersion(t *testing.T) {
	const size = 2 * mib
	one, two := origin.New(t), origin.New(t)
	one.Set("/a", origin.File{Seed: 21, Size: size})
	one.Behave("/a", origin.Behaviour{CutAfter: mib, Times: 1})
	two.Set("/a", origin.File{Seed: 22, Size: size, ModTime: origin.Epoch.Add(-time.Hour)})
	s := newSite(t, "", one, two)
	e := s.engine()
	got, err := s.get(e, "m/a")
	if err != nil || !bytes.Equal(got, origin.Bytes(21, size)) {
		t.Fatalf("%d bytes, %v: want the first upstream's version, which came back", len(got), err)
	}
	// Now the first is gone for good: the second's version, from its start.
	one.Set("/b", origin.File{Seed: 21, Size: size})
	one.Behave("/b", origin.Behaviour{CutAfter: mib, Times: 1})
	two.Set("/b", origin.File{Seed: 22, Size: size, ModTime: origin.Epoch.Add(-time.Hour)})
	release := one.HoldAfter("/b", mib/2)
	f, err := e.Open(s.ctx(), "m/b")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	one.Down()
	release()
	part, err := io.ReadAll(f)
	if !errors.Is(err, mirror.ErrChanged) || !bytes.Equal(part, origin.Bytes(21, size)[:len(part)]) {
		t.Errorf("the client of the first version: %d bytes, %v", len(part), err)
	}
	s.settle(e)
	s.wantPublished("m/b", origin.Bytes(22, size), origin.Epoch.Add(-time.Hour))
}

func TestNotFound(t *testing.T) {
	one, two := origin.New(t), origin.New(t)
	s := newSite(t, "negative_ttl = \"1m\"\n", one, two)
	e := s.engine()
	ask := func() error { _, err := s.get(e, "m/a"); s.settle(e); return err }

	// One is down: what the other says counts, but is not remembered.
	two.Down()
	for range 2 {
		if err := ask(); !errors.Is(err, mirror.ErrNotFound) {
			t.Fatalf("%v, want ErrNotFound", err)
		}
	}
	if n := one.Count("/a", ""); n != 2 {
		t.Errorf("asked %d times, want 2: one upstream did not answer", n)
	}
	// Both answer: remembered, for a minute, in every process.
	two.Up()
	one.Forget()
	other := s.engine()
	for range 3 {
		if err := ask(); !errors.Is(err, mirror.ErrNotFound) {
			t.Fatalf("%v, want ErrNotFound", err)
		}
	}
	if _, err := other.Stat(s.ctx(), "m/a"); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("Stat: %v", err)
	}
	if n := one.Count("/a", ""); n != 1 {
		t.Errorf("asked %d times, want once", n)
	}
	s.clock.advance(2 * time.Minute)
	one.Set("/a", origin.File{Seed: 1, Size: 10})
	if err := ask(); err != nil {
		t.Errorf("after the time: %v", err)
	}
	// One says that it is missing, one that it is not to be had: no 404.
	one.Behave("/b", origin.Behaviour{Status: 403})
	if _, err := s.get(e, "m/b"); errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("404 and 403: %v", err)
	}
}

func TestErrorSaysWhatHappened(t *testing.T) {
	one, two := origin.New(t), origin.New(t)
	one.Behave("/a b", origin.Behaviour{Status: 500})
	two.Behave("/a b", origin.Behaviour{Status: 403})
	s := newSite(t, "", one, two)
	e := s.engine()
	_, err := s.get(e, "m/a b")
	for _, want := range []string{one.URL + "/a%20b: answered 500", two.URL + "/a%20b: answered 403"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	s.settle(e)
	fail, ok, _ := e.index.Failure(s.ctx(), "m/a b")
	if !ok || fail.Kind != "broken" || fail.Cause != err.Error() {
		t.Errorf("recorded %+v", fail)
	}
}

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

// TestUnframedAcrossProcesses: what is never published still reaches those who
// waited in another process.
func TestUnframedAcrossProcesses(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 33, Size: mib})
	o.Behave("/a", origin.Behaviour{CloseDelimited: true})
	s := newSite(t, "", o)
	e, other := s.engine(), s.engine()
	release := o.HoldAfter("/a", 1000)
	if err := e.Start(s.ctx(), "m/a"); err != nil {
		t.Fatal(err)
	}
	o.Await("/a", 1)
	type result struct {
		b   []byte
		err error
	}
	results := make(chan result, 1)
	go func() { b, err := s.get(other, "m/a"); results <- result{b, err} }()
	s.until("the other process follows", func() bool {
		_, ok, err := other.index.Partial(s.ctx(), "m/a")
		return ok && err == nil
	})
	release()
	if r := <-results; r.err != nil || !bytes.Equal(r.b, origin.Bytes(33, mib)) {
		t.Fatalf("%d bytes, %v", len(r.b), r.err)
	}
	if files := s.docFiles(); len(files) > 0 {
		t.Errorf("published %v", files)
	}
}

func TestNothingIsAskedOutsideThePrefixes(t *testing.T) {
	o := origin.New(t)
	s := newSite(t, "", o)
	e := s.engine()
	for _, name := range []mirror.Name{"other/a", "mm", "a"} {
		if _, err := s.get(e, name); !errors.Is(err, mirror.ErrNoMirror) {
			t.Errorf("%s: %v, want ErrNoMirror", name, err)
		}
	}
	if _, err := s.get(e, "m"); !errors.Is(err, mirror.ErrIsDirectory) {
		t.Errorf("the prefix itself: %v, want ErrIsDirectory", err)
	}
	if n := o.Count(origin.Everywhere, ""); n != 0 {
		t.Errorf("the upstream was asked %d times", n)
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

// TestDanglingLink: what it leads to is asked for, and nothing is put over it.
func TestDanglingLink(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: 10})
	s := newSite(t, "", o)
	if err := os.MkdirAll(s.path("m"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", s.path("m/a")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.get(s.engine(), "m/a"); !errors.Is(err, mirror.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	if n, there := o.Count("/a", ""), o.Count("/nowhere", ""); n != 0 || there != 1 {
		t.Errorf("asked for the link %d times, for what it leads to %d times", n, there)
	}
}

// TestRedirectorWithSeveralBackends: an upstream that leads to another server
// each time is still one upstream, as long as they have the same file.
func TestRedirectorWithSeveralBackends(t *testing.T) {
	const size = 4 * mib
	one, two := origin.New(t, origin.IP("127.0.0.8")), origin.New(t, origin.IP("127.0.0.9"))
	one.Set("/a", origin.File{Seed: 70, Size: size, ETag: `"one"`})
	one.Behave("/a", origin.Behaviour{CutAfter: 2 * mib})
	two.Set("/a", origin.File{Seed: 70, Size: size, ETag: `"two"`})
	o := origin.New(t)
	o.Behave("/a", origin.Behaviour{Redirect: one.URL + "/a"})
	s := newSite(t, "redirect_to_private = true\n", o)
	e := s.engine()
	release := one.HoldAfter("/a", mib)
	f, err := e.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o.Behave("/a", origin.Behaviour{Redirect: two.URL + "/a"})
	release()
	if err := origin.Check(f, 70, size); err != nil {
		t.Error(err)
	}
	if sent := two.Sent("/a"); sent > 2*mib+64<<10 {
		t.Errorf("the second server sent %d bytes", sent)
	}
}

// TestHeadIsBounded: HEAD is asked within the limits; what it says of a missing
// file is not remembered.
func TestHeadIsBounded(t *testing.T) {
	o := origin.New(t)
	s := newSite(t, "[limits]\nper_upstream = 2\n---\n", o)
	e := s.engine()
	release := o.Hold(origin.Everywhere)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() { e.Stat(s.ctx(), mirror.Name(fmt.Sprintf("m/%d", i))) })
	}
	o.Await(origin.Everywhere, 2)
	release()
	wg.Wait()
	if peak := o.Peak(); peak > 2 {
		t.Errorf("%d requests at a time, want 2 at most", peak)
	}
	o.Set("/0", origin.File{Body: []byte("there")})
	if _, err := s.get(e, "m/0"); err != nil {
		t.Error(err)
	}
}
