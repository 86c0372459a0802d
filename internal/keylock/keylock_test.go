package keylock

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

func lockFile(path string) *File {
	return New(func() (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) })
}

func TestExclusion(t *testing.T) {
	l := lockFile(filepath.Join(t.TempDir(), "lock"))
	a, err := l.TryLock("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.TryLock("a"); !errors.Is(err, ErrHeld) {
		t.Fatalf("second lock of a: %v, want ErrHeld", err)
	}
	b, err := l.TryLock("b")
	if err != nil {
		t.Fatalf("lock of another key: %v", err)
	}
	defer b.Unlock()
	if held, err := l.Held("a"); err != nil || !held {
		t.Fatalf("Held(a) = %v, %v", held, err)
	}
	if err := a.Unlock(); err != nil {
		t.Fatal(err)
	}
	if held, err := l.Held("a"); err != nil || held {
		t.Fatalf("Held(a) after Unlock = %v, %v", held, err)
	}
}

func TestSlots(t *testing.T) {
	l := lockFile(filepath.Join(t.TempDir(), "lock"))
	var locks []*Lock
	for i := range 4 {
		k, err := l.TryLock(fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		defer k.Unlock()
		locks = append(locks, k)
	}
	for i, want := range []bool{true, true, true, false} {
		if ok, err := locks[i].TrySlot("pool", 3); ok != want || err != nil {
			t.Fatalf("slot %d: %v, %v, want %v", i, ok, err, want)
		}
	}
	if ok, err := locks[3].TrySlot("other", 1); !ok || err != nil {
		t.Fatalf("another pool: %v, %v", ok, err)
	}
	locks[1].ReleaseSlot("pool")
	if ok, err := locks[3].TrySlot("pool", 3); !ok || err != nil {
		t.Fatalf("after a release: %v, %v", ok, err)
	}
	if ok, _ := locks[3].TrySlot("pool", 3); !ok {
		t.Fatal("a slot that is held already must count as taken by its holder")
	}
}

// TestFreeSlots: the slots that are free are counted, whichever they are.
func TestFreeSlots(t *testing.T) {
	l := lockFile(filepath.Join(t.TempDir(), "lock"))
	const n = 5
	var locks []*Lock
	for held := range n + 1 {
		for want := range n + 2 {
			ok, err := l.FreeSlots("pool", n, want)
			if err != nil || ok != (want <= n-held) {
				t.Errorf("%d of %d are held: %d are free: %v, %v", held, n, want, ok, err)
			}
		}
		if held < n {
			k, err := l.TryPool("pool", n)
			if err != nil {
				t.Fatal(err)
			}
			locks = append(locks, k)
		}
	}
	locks[n/2].Unlock()
	if ok, err := l.FreeSlots("pool", n, 1); err != nil || !ok {
		t.Errorf("none is free after one was given back: %v", err)
	}
	for i, k := range locks {
		if i != n/2 {
			k.Unlock()
		}
	}
}

// TestOtherProcess hands a lock to a child and sees it live exactly as long as
// the child does.
func TestOtherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l := lockFile(path)
	k, err := l.TryLock("a")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{k.File()}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k.Unlock()
	if _, err := l.TryLock("a"); !errors.Is(err, ErrHeld) {
		t.Errorf("while the child lives: %v, want ErrHeld", err)
	}
	in.Close()
	cmd.Wait()
	k, err = l.TryLock("a")
	if err != nil {
		t.Fatalf("after the child's death: %v", err)
	}
	k.Unlock()
}

// TestNotes: a note is of one key, and goes by itself or with the lock.
func TestNotes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l, other := lockFile(path), lockFile(path)
	a, err := l.TryLock("a")
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.TryLock("b")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Unlock()
	want := func(when string, notes ...Note) {
		t.Helper()
		for n := Note(1); n <= MaxNote; n++ {
			if got, err := other.Noted("a", n); got != slices.Contains(notes, n) || err != nil {
				t.Errorf("%s: note %d of a: %v, %v", when, n, got, err)
			}
			if got, err := other.Noted("b", n); got || err != nil {
				t.Errorf("%s: note %d of b: %v, %v", when, n, got, err)
			}
		}
		if held, err := other.Held("a"); !held || err != nil {
			t.Errorf("%s: the lock itself is gone: %v", when, err)
		}
	}
	want("at first")
	for n := Note(1); n <= MaxNote; n++ {
		if err := a.Note("a", n); err != nil {
			t.Fatal(err)
		}
	}
	want("all", 1, 2, 3)
	a.Unnote("a", 2)
	want("without the second", 1, 3)
	a.Unnote("a", 2)
	want("without it twice", 1, 3)
	a.Unlock()
	if a, err = other.TryLock("a"); err != nil {
		t.Fatal(err)
	}
	defer a.Unlock()
	want("of the next holder")
}

func TestOffsetsAreForEver(t *testing.T) {
	// Processes of two versions on one state directory must agree.
	if got, want := keyOffset("debian/pool/a.deb"), int64(0x11d5cce8105e167c); got != want {
		t.Errorf("key offset %#x, want %#x", got, want)
	}
	if got, want := slotOffset("all"), int64(0x66f09b1905190000); got != want {
		t.Errorf("slot offset %#x, want %#x", got, want)
	}
	for i := range 1000 {
		key := fmt.Sprint("key ", i)
		if got := keyOffset(key); got < 0 || got >= slotBase || got%bytesOfKey != 0 {
			t.Errorf("key offset %#x is outside the keys' half, or leaves no room for notes", got)
		}
		if got := slotOffset(key); got < slotBase || got&0xffff != 0 {
			t.Errorf("slot offset %#x is outside the slots' half, or leaves no room for slots", got)
		}
	}
	if got, want := fnv1a("a"), uint64(0xaf63dc4c8601ec8c); got != want {
		t.Errorf("fnv1a = %#x, want %#x", got, want)
	}
}

func BenchmarkLockUnlock(b *testing.B) {
	l := lockFile(filepath.Join(b.TempDir(), "lock"))
	for b.Loop() {
		k, err := l.TryLock("a")
		if err != nil {
			b.Fatal(err)
		}
		k.Unlock()
	}
}

// BenchmarkBesideOthers is what a lock costs while others are held: the kernel goes
// through those of a file one by one.
func BenchmarkBesideOthers(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 4000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := lockFile(filepath.Join(b.TempDir(), "lock"))
			defer l.Close()
			for i := range n {
				k, err := l.TryLock(fmt.Sprint("other ", i))
				if err != nil {
					b.Fatal(err)
				}
				defer k.Unlock()
			}
			for b.Loop() {
				k, err := l.TryLock("a")
				if err != nil {
					b.Fatal(err)
				}
				k.Unlock()
			}
		})
	}
}
