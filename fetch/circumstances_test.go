package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"mirror"
	"mirror/internal/keylock"
	"mirror/internal/origin"
)

// TestOneSlot: a fetch that has the only slot does not wait for another that needs it.
func TestOneSlot(t *testing.T) {
	m := newMirrored(t, false, "")
	conf := *m.conf
	conf.Limits.Fetches, conf.Limits.PerUpstream, conf.Limits.QueueTime = 1, 1, bound
	m.conf = &conf
	m.e = m.engine()
	m.fetch(inRelease)
	m.add("one", "2", "the second version of one")
	m.update()
	begun := time.Now()
	m.fetch(packages, "dists/sid/Release.gpg", "dists/sid/Release")
	m.wantHeld(inRelease, m.body(inRelease))
	m.add("one", "3", "the third version of one")
	m.update()
	m.refresh(packages)
	for _, name := range []string{inRelease, packages, "dists/sid/Release", "dists/sid/Release.gpg"} {
		m.wantHeld(name, m.body(name))
	}
	if took := time.Since(begun); took > busyWait/2 {
		t.Errorf("it took %s", took)
	}
}

// TestClientLeavesGeneration: who has read all of an index leaves, and what belongs
// to it is brought all the same.
func TestClientLeavesGeneration(t *testing.T) {
	m := newMirrored(t, false, "keep_going = false\n")
	m.fetch(packages)
	m.add("one", "2", "the second version of one")
	m.update()
	release := m.o.Hold("/" + packages)
	f, err := m.e.Open(m.ctx(), "m/"+inRelease)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	release()
	m.settle(m.e)
	for _, name := range []string{inRelease, packages} {
		m.wantHeld(name, m.body(name))
	}
}

// TestCloseInGeneration: an engine that ends leaves the old generation, all of it,
// and the next one brings the new.
func TestCloseInGeneration(t *testing.T) {
	const deb = "pool/one_1_amd64.deb"
	for _, held := range []string{packages, deb} {
		t.Run(filepath.Base(held), func(t *testing.T) {
			m := newMirrored(t, false, "")
			m.fetch(inRelease, packages, deb)
			old := map[string]string{inRelease: m.body(inRelease), packages: m.body(packages), deb: m.body(deb)}
			m.add("one", "1", "one, built once more")
			m.update()
			e := m.engine()
			release := m.o.Hold("/" + held)
			m.clock.advance(2 * time.Minute)
			if _, err := m.get(e, "m/"+inRelease); err != nil {
				t.Fatal(err)
			}
			m.o.Await("/"+held, m.o.Count("/"+held, "")+1)
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			e.Close(ctx)
			release()
			for name, want := range old {
				m.wantHeld(name, want)
			}
			m.wantNoJournals()
			m.refresh(inRelease)
			for name := range old {
				m.wantHeld(name, m.body(name))
			}
		})
	}
}

// TestCloseWhileReading: an index that could not be read to its end for want of time is
// not published without its members.
func TestCloseWhileReading(t *testing.T) {
	for _, held := range []bool{false, true} {
		m := newMirrored(t, false, "")
		m.fetch(packages)
		if held {
			m.fetch(inRelease)
		}
		old := m.body(inRelease)
		m.add("one", "2", "the second version of one")
		m.update()
		m.e.reading <- struct{}{} // another index is being read
		m.clock.advance(2 * time.Minute)
		if _, err := m.get(m.e, "m/"+inRelease); err != nil {
			t.Fatal(err)
		}
		m.until("the index has come, and waits to be read", func() bool {
			m.e.mu.Lock()
			defer m.e.mu.Unlock()
			running := m.e.running["m/"+inRelease]
			return running != nil && running.now().have == int64(len(m.body(inRelease)))
		})
		ctx, cancel := context.WithCancel(m.ctx())
		cancel()
		m.e.Close(ctx)
		switch _, err := os.Stat(m.path("m/" + inRelease)); {
		case held:
			m.wantHeld(inRelease, old)
		case !errors.Is(err, os.ErrNotExist):
			t.Errorf("it was published: %v", err)
		}
	}
}

// TestDiskFullInGeneration: what there is no space for is not published, and takes
// no space afterwards.
func TestDiskFullInGeneration(t *testing.T) {
	a := newMirrored(t, false, "")
	mountTmpfs(t, a.site)
	a.e = a.engine()
	large := func(n int) string { return fmt.Sprintf("%01048576d", n) }
	a.members["dists/sid/main/Contents-a"], a.members["dists/sid/main/Contents-b"] = large(1), large(2)
	version := func() {
		for _, name := range []string{"dists/sid/main/Contents-a", "dists/sid/main/Contents-b"} {
			a.set(name, a.members[name])
		}
		a.update()
	}
	version()
	names := []string{inRelease, packages, "dists/sid/main/Contents-a", "dists/sid/main/Contents-b"}
	a.fetch(names...)
	old := make(map[string]string)
	for _, name := range names {
		old[name] = a.body(name)
	}
	ballast := filepath.Join(a.docroot, "ballast")
	fill(t, ballast, mib+mib/2) // one of the two finds space
	a.members["dists/sid/main/Contents-a"], a.members["dists/sid/main/Contents-b"] = large(3), large(4)
	a.add("one", "2", "the second version of one")
	version()
	a.refresh(inRelease)
	for name, want := range old {
		a.wantHeld(name, want)
	}
	a.wantNoParts()
	a.wantNoJournals()
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	a.refresh(inRelease)
	for _, name := range names {
		a.wantHeld(name, a.body(name))
	}
}

// TestGenerationsAtOnce: two indexes of the same files, and two files of one set, are
// refreshed by two processes at the same time. Neither waits for the other for ever.
func TestGenerationsAtOnce(t *testing.T) {
	m := newMirrored(t, false, "")
	other := m.engine()
	isos := []string{"a.iso", "b.iso", "c.iso", "d.iso", "e.iso"}
	lists := []string{"SHA256SUMS", "SHA256SUMS.txt"}
	version := func(n int) {
		m.add("one", fmt.Sprint(n), fmt.Sprint("version ", n))
		m.update()
		for _, name := range isos {
			m.set(name, fmt.Sprintf("%s, version %d", name, n))
		}
		for i, name := range lists {
			text := m.sums(isos...)
			if i == 1 { // in the other order
				text = m.sums("e.iso", "d.iso", "c.iso", "b.iso", "a.iso")
			}
			m.set(name, text)
		}
	}
	version(1)
	all := append([]string{packages, "dists/sid/Release", "dists/sid/Release.gpg", inRelease}, append(isos, lists...)...)
	m.fetch(all...)
	for n := 2; n < 8; n++ {
		version(n)
		m.clock.advance(2 * time.Minute)
		begun := time.Now()
		var wg sync.WaitGroup
		for _, e := range []*Engine{m.e, other} {
			for _, name := range []string{"SHA256SUMS", "SHA256SUMS.txt", inRelease, "dists/sid/Release"} {
				wg.Go(func() { m.get(e, mirror.Name("m/"+name)) })
			}
		}
		wg.Wait()
		m.settle(m.e)
		m.settle(other)
		if took := time.Since(begun); took > 2*busyWait {
			t.Errorf("it took %s", took)
		}
		// What was removed, since its index changed first, is to be had again.
		for _, name := range all {
			if got, err := m.get(m.e, mirror.Name("m/"+name)); err != nil || string(got) != m.body(name) {
				t.Errorf("version %d of %s: %q, %v", n, name, got, err)
			}
		}
		m.settle(m.e)
		m.wantNoJournals()
	}
}

// TestSyncOfChangingSuite: a whole tree is brought while upstream changes, and what
// is here in the end is of one version.
func TestSyncOfChangingSuite(t *testing.T) {
	m := newMirrored(t, true, "")
	for round := range 8 {
		var names []Wanted
		for _, r := range []string{inRelease, "dists/sid/Release", "dists/sid/Release.gpg", packages, hashed + sum(m.body(packages))} {
			names = append(names, Wanted{Name: mirror.Name("m/" + r)})
		}
		var wg sync.WaitGroup
		m.o.Forget()
		first := m.o.Arrived("/"+inRelease, 1)
		wg.Go(func() { // an update in the middle of it
			select {
			case <-first:
			case <-m.ctx().Done():
			}
			m.add("one", fmt.Sprint(round+2), fmt.Sprint("version ", round+2))
			m.update()
		})
		err := m.e.FetchMany(m.ctx(), &m.conf.Mirrors[0], names, Many{Done: func(Wanted, Brought, int64, error) {}})
		if err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		m.settle(m.e)
		m.wantOneGeneration()
	}
	m.refresh(inRelease)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantOneGeneration()
}

// wantOneGeneration checks that the published Packages and Release are those that
// the published InRelease is for.
func (m *mirrored) wantOneGeneration() {
	m.site.t.Helper()
	top, err := os.ReadFile(m.path("m/" + inRelease))
	if err != nil {
		return
	}
	if b, err := os.ReadFile(m.path("m/" + packages)); err == nil && !bytes.Contains(top, []byte(sum(string(b)))) {
		m.site.t.Errorf("Packages is not what InRelease says")
	}
	if b, err := os.ReadFile(m.path("m/dists/sid/Release")); err == nil && !bytes.Contains(top, b) {
		m.site.t.Errorf("Release is not InRelease's")
	}
}

// TestLocksDeleted: whoever deletes the lock files beneath a running process costs nobody a
// file, neither one that is arriving nor those that are asked for next.
func TestLocksDeleted(t *testing.T) {
	o := origin.New(t)
	for i := range 20 {
		o.Set(fmt.Sprintf("/%d", i), origin.File{Seed: uint64(i), Size: 4096})
	}
	o.Set("/arriving", origin.File{Seed: 1, Size: mib})
	s := newSite(t, "", o)
	e := s.engine()
	release := o.HoldAfter("/arriving", mib/2)
	f, err := e.Open(s.ctx(), "m/arriving")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.RemoveAll(filepath.Join(s.conf.State, "locks")); err != nil {
		t.Fatal(err)
	}
	served := 0
	for i := range 20 {
		_, err := s.get(e, mirror.Name(fmt.Sprintf("m/%d", i)))
		switch {
		case err == nil:
			served++
		case !errors.Is(err, keylock.ErrDeleted): // it has its key in the file in which that of the other is
			t.Error(err)
		}
	}
	if served < 10 {
		t.Errorf("%d of 20 files were to be had", served)
	}
	release()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, origin.Bytes(1, mib)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	s.settle(e)
	for i := range 20 {
		if _, err := s.get(e, mirror.Name(fmt.Sprintf("m/%d", i))); err != nil {
			t.Error(err)
		}
	}
}
