package maint

import (
	"bytes"
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"mirror/internal/origin"
)

// TestPace: in no second is more read than the rate and one chunk, whatever there
// was before.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 1 << 20
		p := pace{rate: rate}
		type reading struct {
			at time.Time
			n  int64
		}
		var readings []reading
		read := func(n int64) {
			readings = append(readings, reading{time.Now(), n})
			if err := p.spend(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		begun := time.Now()
		for range 40 {
			read(chunk)
		}
		if took := time.Since(begun); took < 9*time.Second || took > 10*time.Second {
			t.Errorf("10 MiB at 1 MiB a second took %s", took)
		}
		time.Sleep(time.Hour) // a repair, say
		for range 40 {
			read(chunk)
		}
		for i := range readings {
			var sum int64
			for _, r := range readings[i:] {
				if r.at.Sub(readings[i].at) >= time.Second {
					break
				}
				sum += r.n
			}
			if sum > rate+2*chunk {
				t.Fatalf("%d bytes within a second", sum)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := p.spend(ctx, 1<<40); !errors.Is(err, context.Canceled) {
			t.Errorf("it waits for what was given up: %v", err)
		}
	})
}

// TestReadsQuietly: the reading of a file neither changes its time of last access
// nor leaves it in the page cache, but where it was there before.
func TestReadsQuietly(t *testing.T) {
	const size = 3 * forgetEvery / 2
	s := newSite(t, "")
	s.origin.Set("/a", origin.File{Seed: 1, Size: size})
	s.fetch("m/a")
	at := time.Now().Add(-48 * time.Hour).Truncate(time.Second)
	if err := os.Chtimes(s.path("m/a"), at, s.record("m/a").ModTime); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(s.path("m/a"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	quietly(f)
	forget(f, 0)
	inMemory := isCached(f, size) // tmpfs
	for _, keep := range []bool{false, true} {
		r := reader{read: func(int) {}}
		sum, err := r.sum(t.Context(), f, keep)
		if err != nil || !bytes.Equal(sum, s.record("m/a").Digest) {
			t.Errorf("%x, %v", sum, err)
		}
		if !keep && !inMemory && isCached(f, 0) {
			t.Error("the page cache still has some of it")
		}
	}
	if got := accessed(t, s.path("m/a")); !got.Equal(at) {
		t.Errorf("it was last read %s, and is said to be at %s", at, got)
	}
}

func accessed(t *testing.T, path string) time.Time {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(fi.Sys().(*syscall.Stat_t).Atim.Unix())
}
