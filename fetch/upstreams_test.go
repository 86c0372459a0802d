package fetch

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
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
