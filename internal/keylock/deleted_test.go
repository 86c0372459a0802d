package keylock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// neighbour is a key of the same file as key.
func neighbour(key string) string {
	want, _ := place(key)
	for n := 0; ; n++ {
		other := fmt.Sprint(key, n)
		if i, _ := place(other); i == want {
			return other
		}
	}
}

// remove takes the lock files away beneath whoever uses them.
func remove(t *testing.T, path string) {
	t.Helper()
	for _, name := range Files() {
		if err := os.Remove(filepath.Join(path, name)); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
}

// TestDeleted: a process whose lock files are deleted locks in those that have their names
// next, as whoever comes later does.
func TestDeleted(t *testing.T) {
	path := t.TempDir()
	old := lockDir(path)
	defer old.Close()
	for range 3 {
		k, err := old.TryLock("a") // its descriptor is kept
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := k.TrySlot("pool", 1); !ok || err != nil {
			t.Fatal(ok, err)
		}
		k.Unlock()
		remove(t, path)

		later := lockDir(path)
		if k, err = later.TryLock("a"); err != nil {
			t.Fatal(err)
		}
		if ok, err := k.TrySlot("pool", 1); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := k.Note("a", 1); err != nil {
			t.Fatal(err)
		}
		if _, err := old.TryLock("a"); !errors.Is(err, ErrHeld) {
			t.Errorf("the key is held twice: %v", err)
		}
		if _, err := old.TryPool("pool", 1); !errors.Is(err, ErrHeld) {
			t.Errorf("the slot is held twice: %v", err)
		}
		held, err1 := old.Held("a")
		noted, err2 := old.Noted("a", 1)
		free, err3 := old.FreeSlots("pool", 1, 1)
		if !held || !noted || free || errors.Join(err1, err2, err3) != nil {
			t.Errorf("held %v, noted %v, a slot is free %v, %v", held, noted, free, errors.Join(err1, err2, err3))
		}
		k.Unlock()
		later.Close()
	}
}

// TestDeletedWhileHeld: who holds keys in what was deleted gets none in what took its
// place, until he has released them. Slots he gets.
func TestDeletedWhileHeld(t *testing.T) {
	path := t.TempDir()
	l := lockDir(path)
	defer l.Close()
	first, err := l.TryLock("a")
	if err != nil {
		t.Fatal(err)
	}
	slot, err := l.TryPool("pool", 2)
	if err != nil {
		t.Fatal(err)
	}
	remove(t, path)
	beside := neighbour("a")
	for _, key := range []string{"a", beside} {
		k, err := l.TryLock(key)
		if err == nil {
			k.Unlock()
		}
		if !errors.Is(err, ErrDeleted) {
			t.Errorf("%s: %v, want ErrDeleted", key, err)
		}
	}
	if ok, err := first.TrySlot("pool", 2); !ok || err != nil {
		t.Errorf("a slot: %v, %v", ok, err)
	}
	if ok, err := slot.TrySlot("another", 1); !ok || err != nil {
		t.Errorf("a slot of another pool: %v, %v", ok, err)
	}
	first.Unlock()
	slot.Unlock()
	other := lockDir(path)
	defer other.Close()
	for _, key := range []string{"a", beside} {
		k, err := l.TryLock(key)
		if err != nil {
			t.Fatalf("%s: after the release: %v", key, err)
		}
		defer k.Unlock()
		if _, err := other.TryLock(key); !errors.Is(err, ErrHeld) {
			t.Errorf("%s is held twice: %v", key, err)
		}
		if ok, err := k.TrySlot("pool", 2); !ok || err != nil {
			t.Errorf("%s: a slot after the release: %v, %v", key, ok, err)
		}
	}
	if _, err := other.TryPool("pool", 2); !errors.Is(err, ErrHeld) {
		t.Errorf("a slot is held twice: %v", err)
	}
}

// TestDeletedInARace: while the files are deleted again and again, two processes that lock
// never both hold the key, but for a lock that was had before.
func TestDeletedInARace(t *testing.T) {
	path := t.TempDir()
	a, b := lockDir(path), lockDir(path)
	defer a.Close()
	defer b.Close()
	for range 200 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			remove(t, path)
		}()
		for range 3 {
			if k, err := a.TryLock("a"); err == nil {
				k.Unlock()
			} else {
				t.Error(err) // it held none
			}
		}
		<-done
		k, err := a.TryLock("a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.TryLock("a"); !errors.Is(err, ErrHeld) {
			t.Errorf("it is held twice: %v", err)
		}
		k.Unlock()
	}
}

// TestNamesAreNotCounted: where no file ever has a name, nobody waits for ever for one.
func TestNamesAreNotCounted(t *testing.T) {
	path := t.TempDir()
	d := New(func(name string) (*os.File, error) {
		f, err := os.OpenFile(filepath.Join(path, name), os.O_RDWR|os.O_CREATE, 0o600)
		if err == nil {
			err = os.Remove(f.Name())
		}
		return f, err
	})
	defer d.Close()
	if _, err := d.TryLock("a"); !errors.Is(err, errNameless) {
		t.Errorf("TryLock: %v", err)
	}
	if _, err := d.Held("a"); !errors.Is(err, errNameless) {
		t.Errorf("Held: %v", err)
	}
}
