package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

const mib = 1 << 20

func TestMissIsPublished(t *testing.T) {
	for _, size := range []int64{0, 1, 4096, mirror.HoldBack, mirror.HoldBack + 1, 3 * mib} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			o := origin.New(t)
			o.Set("/d/a.bin", origin.File{Seed: 1, Size: size})
			s := newSite(t, "", o)
			e := s.engine()
			got, err := s.get(e, "m/d/a.bin")
			if err != nil {
				t.Fatal(err)
			}
			want := origin.Bytes(1, size)
			if !bytes.Equal(got, want) {
				t.Fatal("the client got other bytes")
			}
			s.settle(e)
			s.wantPublished("m/d/a.bin", want, origin.Epoch)
			for _, want := range []string{"fetch: published", "path=/m/d/a.bin", "upstream=" + o.URL + "/", "look=", "ask=", "copy=", "check=", "digest=", "publish="} {
				if !strings.Contains(s.log.String(), want) {
					t.Errorf("the log's line has no %q", want)
				}
			}
			s.wantNoParts()
			rec, ok, err := e.index.File(s.ctx(), "m/d/a.bin")
			if err != nil || !ok || rec.Size != size || !rec.Ours || len(rec.Digest) != 32 || rec.Upstream != o.URL+"/d/a.bin" {
				t.Errorf("record %+v, %v, %v", rec, ok, err)
			}
			if _, err := s.get(e, "m/d/a.bin"); err != nil {
				t.Fatal(err)
			}
			if n := o.Count(origin.Everywhere, ""); n != 1 {
				t.Errorf("the upstream was asked %d times, want once", n)
			}
		})
	}
}

func TestHerdMakesOneFetch(t *testing.T) {
	o := origin.New(t)
	o.Set("/a.iso", origin.File{Seed: 2, Size: 5 * mib})
	s := newSite(t, "", o)
	// Two engines: half of the clients come to another process.
	engines := []*Engine{s.engine(), s.engine()}
	release := o.HoldAfter("/a.iso", mib)
	var wg sync.WaitGroup
	var begun sync.WaitGroup
	for i := range 50 {
		begun.Add(1)
		wg.Go(func() {
			f, err := engines[i%2].Open(s.ctx(), "m/a.iso")
			begun.Done()
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			if err := origin.Check(f, 2, 5*mib); err != nil {
				t.Error(err)
			}
		})
	}
	begun.Wait() // everybody has the beginning while the rest is held back
	release()
	wg.Wait()
	if n, sent := o.Count("/a.iso", ""), o.Sent("/a.iso"); n != 1 || sent != 5*mib {
		t.Errorf("%d requests and %d bytes, want 1 and %d", n, sent, 5*mib)
	}
}

// TestEndIsHeldBack: of a file that is not checked, nobody gets the last 64 KiB.
func TestEndIsHeldBack(t *testing.T) {
	const size = mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 3, Size: size})
	release := o.HoldAfter("/a", size-1)
	s := newSite(t, "", o)
	e := s.engine()
	f, err := e.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := origin.CheckRange(io.LimitReader(f, size-mirror.HoldBack), 3, 0, size-mirror.HoldBack); err != nil {
		t.Fatal(err)
	}
	s.until("all but one byte has arrived", func() bool {
		return e.onDisk("m/a") == size-1
	})
	if v := f.grow.visible(); v != size-mirror.HoldBack {
		t.Errorf("%d bytes are visible, want %d", v, size-mirror.HoldBack)
	}
	for _, ready := range []int64{100, 0} {
		pos, err := f.Seek(size-mirror.HoldBack-ready, io.SeekStart)
		if err != nil {
			t.Fatal(err)
		}
		if file, off, n := f.Ready(size); n != ready || (file != nil) != (n > 0) || n > 0 && off != pos {
			t.Errorf("%d bytes from %d on are ready, want %d from %d on", n, off, ready, pos)
		}
	}
	release()
	if err := origin.CheckRange(f, 3, size-mirror.HoldBack, mirror.HoldBack); err != nil {
		t.Fatal(err)
	}
}

func TestResumeAsksOnlyForTheRest(t *testing.T) {
	const size, have = 4 * mib, 3 * mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 6, Size: size})
	s := newSite(t, "", o)
	s.leavePrefix(o, "/a", "m/a", have)
	e := s.engine()
	got, err := s.get(e, "m/a")
	if err != nil || !bytes.Equal(got, origin.Bytes(6, size)) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	s.settle(e)
	if r := o.Requests(); len(r) != 1 || r[0].Range != fmt.Sprintf("bytes=%d-", have-64<<10) {
		t.Errorf("requests %+v", r)
	}
}

// TestRestartBreaksFollowers: when the file changes, who has read of the old
// version gets an error, never bytes of the new one.
func TestRestartBreaksFollowers(t *testing.T) {
	const size = 2 * mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 8, Size: size})
	o.Behave("/a", origin.Behaviour{CutAfter: mib, Times: 1,
		ChangeAfter: mib, ChangeTo: &origin.File{Seed: 9, Size: size, ModTime: origin.Epoch.Add(time.Hour)}})
	s := newSite(t, "", o)
	e := s.engine()
	other := s.engine()
	release := o.HoldAfter("/a", mib/2)
	var readers []*File
	for _, e := range []*Engine{e, other} {
		f, err := e.Open(s.ctx(), "m/a")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		readers = append(readers, f)
	}
	release()
	for i, f := range readers {
		got, err := io.ReadAll(f)
		if !errors.Is(err, mirror.ErrChanged) {
			t.Errorf("reader %d: error %v, want ErrChanged", i, err)
		}
		if !bytes.Equal(got, origin.Bytes(8, size)[:len(got)]) {
			t.Errorf("reader %d got bytes of another version", i)
		}
	}
	s.settle(e)
	s.wantPublished("m/a", origin.Bytes(9, size), origin.Epoch.Add(time.Hour))
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 10, Size: mib})
	s := newSite(t, "mutable = [\"*\"]\nmax_age = \"1s\"\n", o)
	e := s.engine()
	if err := os.MkdirAll(s.path("m"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("m/a"), []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.clock.advance(time.Hour * 24)
	if got, err := s.get(e, "m/a"); err != nil || string(got) != "theirs" {
		t.Fatalf("%q, %v", got, err)
	}
	if n := o.Count("/a", ""); n != 0 {
		t.Errorf("the upstream was asked %d times for a file that is not ours", n)
	}
	// One that appears while we fetch.
	o.Set("/b", origin.File{Seed: 10, Size: mib})
	release := o.HoldAfter("/b", mib/2)
	f, err := e.Open(s.ctx(), "m/b")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.WriteFile(s.path("m/b"), []byte("theirs"), 0o644); err != nil {
		t.Fatal(err)
	}
	release()
	if err := origin.Check(f, 10, mib); err != nil {
		t.Errorf("the client of the fetch: %v", err)
	}
	s.settle(e)
	if b, _ := os.ReadFile(s.path("m/b")); string(b) != "theirs" {
		t.Errorf("the foreign file was overwritten with %d bytes", len(b))
	}
	s.wantNoParts()
}

func TestPlantedSymlinksAreNotFollowedOut(t *testing.T) {
	o := origin.New(t)
	o.Set("/out/a", origin.File{Seed: 11, Size: 1000})
	o.Set("/file", origin.File{Seed: 11, Size: 1000})
	s := newSite(t, "", o)
	outside := filepath.Join(s.dir, "outside")
	if err := os.MkdirAll(outside, 0o755); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(s.path("m"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"m/out": outside, "m/file": secret, "m/dangling": filepath.Join(outside, "new")} {
		if err := os.Symlink(to, s.path(mirror.Name(link))); err != nil {
			t.Fatal(err)
		}
	}
	e := s.engine()
	for _, name := range []mirror.Name{"m/out/a", "m/out/secret", "m/file", "m/dangling"} {
		if got, err := s.get(e, name); !errors.Is(err, mirror.ErrForeign) {
			t.Errorf("%s: %q, %v, want ErrForeign", name, got, err)
		}
	}
	s.settle(e)
	list, _ := os.ReadDir(outside)
	if len(list) != 1 {
		t.Errorf("something was written outside: %v", list)
	}
}

// TestNoClientWaitsForTheDisk: all bytes are there before anything is synced.
func TestNoClientWaitsForTheDisk(t *testing.T) {
	o := origin.New(t)
	o.Set("/small", origin.File{Seed: 1, Size: 4096})
	o.Set("/large", origin.File{Seed: 2, Size: 2 * mib})
	s := newSite(t, "", o)
	e := s.engine()
	e.publish.start.Do(func() {}) // the publisher sleeps
	for name, f := range map[mirror.Name]origin.File{"m/small": {Seed: 1, Size: 4096}, "m/large": {Seed: 2, Size: 2 * mib}} {
		for range 2 { // the second reads a checked file that has no name yet
			if got, err := s.get(e, name); err != nil || !bytes.Equal(got, origin.Bytes(f.Seed, f.Size)) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		}
	}
	if files := s.docFiles(); len(files) > 0 {
		t.Errorf("published %v", files)
	}
	go e.publish.run()
	s.settle(e)
	if files := s.docFiles(); len(files) != 2 {
		t.Errorf("published %v", files)
	}
}

func TestLastClientLeaves(t *testing.T) {
	for _, keep := range []bool{true, false} {
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			o := origin.New(t)
			o.Set("/a", origin.File{Seed: 12, Size: 2 * mib})
			s := newSite(t, fmt.Sprintf("keep_going = %v\n", keep), o)
			e := s.engine()
			release := o.HoldAfter("/a", mib)
			f, err := e.Open(s.ctx(), "m/a")
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			if !keep {
				s.settle(e)
			}
			release()
			s.settle(e)
			if got := len(s.docFiles()) == 1; got != keep {
				t.Errorf("published: %v, want %v", got, keep)
			}
		})
	}
}
