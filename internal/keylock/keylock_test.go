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

func lockDir(path string) *Dir {
	return New(func(name string) (*os.File, error) {
		return os.OpenFile(filepath.Join(path, name), os.O_RDWR|os.O_CREATE, 0o600)
	})
}

func TestExclusion(t *testing.T) {
	l := lockDir(t.TempDir())
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
	l := lockDir(t.TempDir())
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
	l := lockDir(t.TempDir())
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
	path := t.TempDir()
	l := lockDir(path)
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
	path := t.TempDir()
	l, other := lockDir(path), lockDir(path)
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

// TestFewAreSpare: descriptors are kept for the next locks, and not too many.
func TestFewAreSpare(t *testing.T) {
	path := t.TempDir()
	l := lockDir(path)
	var locks []*Lock
	for i := range 2000 {
		k, err := l.TryLock(fmt.Sprint("key ", i))
		if err != nil {
			t.Fatal(err)
		}
		locks = append(locks, k)
	}
	for _, k := range locks {
		if err := k.Unlock(); err != nil {
			t.Error(err)
		}
	}
	if n, want := descriptors(t, path), int(spares()); n != want || n > 512 {
		t.Errorf("%d descriptors are kept, not %d", n, want)
	}
	l.Close()
	if n := descriptors(t, path); n != 0 {
		t.Errorf("%d descriptors are open after the end", n)
	}
}

// descriptors counts those of this process that lead to files of a directory.
func descriptors(t *testing.T, dir string) (n int) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range list {
		// One that has been closed since is none.
		if path, err := os.Readlink("/proc/self/fd/" + entry.Name()); err == nil && filepath.Dir(path) == dir {
			n++
		}
	}
	return n
}

func TestOffsetsAreForEver(t *testing.T) {
	// Processes of two versions on one state directory must agree.
	if i, off := place("debian/pool/a.deb"); i != 0x3e || off != 0x11d5cce8105e167c {
		t.Errorf("the key is in file %#x, at %#x", i, off)
	}
	if got, want := slotOffset("all"), int64(0x26f09b1905190000); got != want {
		t.Errorf("slot offset %#x, want %#x", got, want)
	}
	if got, want := keyFile(10)+" "+slotFile, "0a slots"; got != want {
		t.Errorf("the files are called %q, want %q", got, want)
	}
	var keys [keyFiles]int
	for i := range 1000 {
		key := fmt.Sprint("key ", i)
		file, off := place(key)
		if keys[file]++; off < 0 || off >= 1<<62 || off%bytesOfKey != 0 {
			t.Errorf("key offset %#x is outside the file, or leaves no room for notes", off)
		}
		if off := slotOffset(key); off < 0 || off >= 1<<62 || off&0xffff != 0 {
			t.Errorf("slot offset %#x is outside the file, or leaves no room for slots", off)
		}
	}
	if most := slices.Max(keys[:]); most > 2*1000/keyFiles {
		t.Errorf("%d of 1000 keys are in one file of %d", most, keyFiles)
	}
	if got, want := fnv1a("a"), uint64(0xaf63dc4c8601ec8c); got != want {
		t.Errorf("fnv1a = %#x, want %#x", got, want)
	}
}

func BenchmarkLockUnlock(b *testing.B) {
	l := lockDir(b.TempDir())
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
			l := lockDir(b.TempDir())
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
