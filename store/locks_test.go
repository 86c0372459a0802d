package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"mirror"
	"mirror/internal/keylock"
)

// TestSharedFromTheStart: a directory of the state directory is the group's as soon as it is
// there. Two users may start at the same moment.
func TestSharedFromTheStart(t *testing.T) {
	tree, _, state := newTree(t)
	tree.shared = true
	defer syscall.Umask(syscall.Umask(0o002)) // as every program of ours
	var made atomic.Int64
	const dirs = 300
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		for i := made.Load(); i < dirs; i = made.Load() {
			name := fmt.Sprint(i)
			if fi, err := os.Lstat(filepath.Join(state, name)); err == nil && fi.Mode().Perm() != 0o770 {
				t.Errorf("%s: mode %v", name, fi.Mode())
				return
			}
		}
	}()
	for i := range dirs {
		if err := tree.makeOwn(fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		made.Add(1)
	}
	<-watched
}

func TestLocksAreOfTheTree(t *testing.T) {
	tree, docroot, state := newTree(t)
	for _, name := range keylock.Files() { // on a full disk none could be made
		if _, err := os.Stat(filepath.Join(state, lockDir, name)); err != nil {
			t.Error(err)
		}
	}
	other, err := Open(docroot, state)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	l, err := tree.Locks.TryLock("a")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	if _, err := other.Locks.TryLock("a"); !errors.Is(err, keylock.ErrHeld) {
		t.Errorf("%v, want ErrHeld", err)
	}
}

// TestLocksAreCompleted: a first start that was killed, or for which the disk was full, may
// have left only some of the lock files.
func TestLocksAreCompleted(t *testing.T) {
	_, docroot, state := newTree(t)
	names := keylock.Files()
	for _, name := range names[len(names)/2:] {
		if err := os.Remove(filepath.Join(state, lockDir, name)); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := Open(docroot, state)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(state, lockDir, name)); err != nil {
			t.Error(err)
		}
	}
}

// TestLocksAreADirectory: what stands in their place is said at the start, not to clients.
func TestLocksAreADirectory(t *testing.T) {
	_, docroot, state := newTree(t)
	dir := filepath.Join(state, lockDir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if tree, err := Open(docroot, state); err == nil {
		tree.Close()
		t.Error("a file in place of the directory of lock files is no error")
	}
}

// TestLocksAreDeleted: a process goes on where somebody has deleted the lock files, with
// their directory or without, and excludes those that begin later.
func TestLocksAreDeleted(t *testing.T) {
	tree, docroot, state := newTree(t)
	dir := filepath.Join(state, lockDir)
	for _, remove := range []func() error{
		func() error { return os.RemoveAll(dir) },
		func() error { return os.Remove(filepath.Join(dir, keylock.Files()[0])) },
	} {
		for i := range 100 { // in many files
			k, err := tree.Locks.TryLock(fmt.Sprint(i))
			if err != nil {
				t.Fatal(err)
			}
			k.Unlock()
		}
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		if k, err := tree.Locks.TryLock("whoever comes first makes them"); err != nil {
			t.Error(err)
		} else {
			k.Unlock()
		}
		other, err := Open(docroot, state)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			k, err := tree.Locks.TryLock(fmt.Sprint(i))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := other.Locks.TryLock(fmt.Sprint(i)); !errors.Is(err, keylock.ErrHeld) {
				t.Errorf("it is held twice: %v", err)
			}
			k.Unlock()
		}
		other.Close()
	}
	if err := os.RemoveAll(state); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.Locks.TryLock("a"); !errors.Is(err, mirror.ErrStore) || !strings.Contains(err.Error(), "restart") {
		t.Errorf("without a state directory: %v, want what to do", err)
	}
}
