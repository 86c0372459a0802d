package fetch

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"mirror"
	"mirror/internal/origin"
)

// TestLimitInAll: the bound of all fetches, whatever their upstreams.
func TestLimitInAll(t *testing.T) {
	one, two := origin.New(t), origin.New(t)
	s := newSite(t, "[limits]\nfetches = 2\nqueue_time = \"50ms\"\n---\n", one)
	for i, o := range []*origin.Origin{one, one, two} {
		o.Set(fmt.Sprintf("/%d", i), origin.File{Seed: 1, Size: mib})
	}
	engines := []*Engine{s.engine(), s.engine()}
	release := one.HoldAfter(origin.Everywhere, mib/2)
	for i := range 2 {
		f, err := engines[i].Open(s.ctx(), mirror.Name(fmt.Sprintf("m/%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	if _, err := s.get(engines[0], "m/2"); !errors.Is(err, mirror.ErrBusy) || !strings.Contains(err.Error(), "limits.fetches") {
		t.Errorf("third fetch: %v, want ErrBusy", err)
	}
	release()
}

func TestLimits(t *testing.T) {
	o := origin.New(t)
	for i := range 4 {
		o.Set(fmt.Sprintf("/%d", i), origin.File{Seed: 1, Size: mib})
	}
	s := newSite(t, "[limits]\nfetches = 3\nper_upstream = 2\nqueue_time = \"50ms\"\n---\n", o)
	engines := []*Engine{s.engine(), s.engine()}
	release := o.HoldAfter(origin.Everywhere, mib/2)
	for i := range 2 {
		f, err := engines[i].Open(s.ctx(), mirror.Name(fmt.Sprintf("m/%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	_, err := s.get(engines[0], "m/2")
	if !errors.Is(err, mirror.ErrBusy) || !strings.Contains(err.Error(), "2 slots") {
		t.Errorf("third fetch: %v, want ErrBusy that names the limit", err)
	}
	release()
	for _, e := range engines {
		s.settle(e)
	}
	if _, err := s.get(engines[0], "m/2"); err != nil {
		t.Errorf("once the slots are free: %v", err)
	}
}

func TestMaxSize(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: 2 * mib})
	o.Set("/chunked", origin.File{Seed: 1, Size: 2 * mib})
	o.Behave("/chunked", origin.Behaviour{Chunked: true})
	s := newSite(t, "[limits]\nmax_size = \"1MiB\"\n---\n", o)
	e := s.engine()
	for _, name := range []mirror.Name{"m/a", "m/chunked"} {
		if _, err := s.get(e, name); !errors.Is(err, mirror.ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
	}
	s.settle(e)
	s.wantNoParts()
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
