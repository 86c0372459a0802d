// Package keylock locks keys across goroutines and processes with open file
// description locks (fcntl(2), F_OFD_SETLK) on byte ranges of one file that is
// never deleted.
//
//	offset 0 ............ 2^62 ................ 2^63-1
//	       | keys, four bytes | slots, one byte each |
//
// A key's first byte is the hash of the key: two keys that collide merely exclude
// each other. The others are notes, by which the holder of the key tells the other
// processes something. They cost hardly more than the key alone: for each lock the
// kernel goes through all those of the file, and bytes side by side are one of them.
// A pool of n slots takes n consecutive bytes at the hash of its name. The kernel drops
// the locks when the last descriptor of the open file description closes, so a killed
// process leaves nothing to clean up, and a descriptor that is handed to a child hands
// its locks over without a gap.
package keylock

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrHeld means that somebody else, in this process or another, holds the lock.
var ErrHeld = errors.New("the lock is held")

// spare is how many descriptors are kept for the next locks. Opening and closing
// one takes longer than locking does; a sync has 1024 fetches on their way.
const spare = 1056

// File is the lock file. Every Lock has a descriptor of its own, since an open
// file description never excludes itself. Close it last.
type File struct {
	open func() (*os.File, error)

	mu   sync.Mutex
	free []*os.File // guarded by mu: descriptors that hold no lock
}

// New returns the lock file that open opens for reading and writing. open must
// not truncate.
func New(open func() (*os.File, error)) *File { return &File{open: open} }

// Close closes the descriptors that hold no lock.
func (l *File) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.free {
		f.Close()
	}
	l.free = nil
}

// take returns a descriptor that holds no lock.
func (l *File) take() (*os.File, error) {
	l.mu.Lock()
	if n := len(l.free); n > 0 {
		f := l.free[n-1]
		l.free = l.free[:n-1]
		l.mu.Unlock()
		return f, nil
	}
	l.mu.Unlock()
	f, err := l.open()
	if err != nil {
		return nil, fmt.Errorf("opening the lock file: %w", err)
	}
	return f, nil
}

// put takes back a descriptor that holds no lock.
func (l *File) put(f *os.File) {
	l.mu.Lock()
	if len(l.free) < spare {
		l.free = append(l.free, f)
		f = nil
	}
	l.mu.Unlock()
	if f != nil {
		f.Close()
	}
}

// Lock is a held key and the slots taken with it. It is safe for concurrent
// use, but for Unlock, which is called once and last.
type Lock struct {
	from   *File // nil: adopted
	f      *os.File
	shared bool // a child may have the descriptor: only closing it leaves the child its locks

	mu    sync.Mutex
	slots map[string]int64 // guarded by mu: pool -> the byte that is held
}

// TryLock takes the lock of key, or returns ErrHeld at once.
func (l *File) TryLock(key string) (*Lock, error) {
	f, err := l.take()
	if err != nil {
		return nil, err
	}
	if err := set(f, keyOffset(key)); err != nil {
		l.put(f)
		return nil, err
	}
	return &Lock{from: l, f: f}, nil
}

// TryPool takes one of the n slots of pool without a key. It returns ErrHeld
// when all are taken.
func (l *File) TryPool(pool string, n int) (*Lock, error) {
	f, err := l.take()
	if err != nil {
		return nil, err
	}
	k := &Lock{from: l, f: f}
	ok, err := k.TrySlot(pool, n)
	if err == nil && !ok {
		err = ErrHeld
	}
	if err != nil {
		l.put(f)
		return nil, err
	}
	return k, nil
}

// Held reports whether somebody holds the lock of key, without taking it
// (F_OFD_GETLK): the answer is already history when it arrives.
func (l *File) Held(key string) (bool, error) { return l.held(keyOffset(key)) }

// A Note is what the holder of a key may tell the other processes.
type Note int64

// MaxNote is the greatest note; the least is 1.
const MaxNote Note = bytesOfKey - 1

// Noted is Held for a note of key.
func (l *File) Noted(key string, n Note) (bool, error) { return l.held(noteOffset(key, n)) }

// FreeSlots reports whether at least want of the n slots of pool are free, likewise.
func (l *File) FreeSlots(pool string, n, want int) (bool, error) {
	for i := 0; i < n && want > 0; i++ {
		held, err := l.held(slotOffset(pool) + int64(i))
		if err != nil {
			return false, err
		}
		if !held {
			want--
		}
	}
	return want <= 0, nil
}

func (l *File) held(off int64) (bool, error) {
	f, err := l.take()
	if err != nil {
		return false, err
	}
	defer l.put(f)
	lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: off, Len: 1}
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lk); err != nil {
		return false, fmt.Errorf("asking for a lock: %w", err)
	}
	return lk.Type != unix.F_UNLCK, nil
}

// Adopt takes over a lock whose descriptor was inherited from a parent process
// that called [Lock.File].
func Adopt(f *os.File) *Lock { return &Lock{f: f} }

// File returns the descriptor that holds the lock, to be passed to a child
// process. The lock lives until both have closed it.
func (l *Lock) File() *os.File {
	l.shared = true
	return l.f
}

// Note makes a note of key, which l has locked. Unnote or Unlock takes it back.
func (l *Lock) Note(key string, n Note) error { return set(l.f, noteOffset(key, n)) }

// Unnote takes a note back. One that was not made is no error.
func (l *Lock) Unnote(key string, n Note) { l.unset(noteOffset(key, n)) }

// TrySlot takes one of the n slots of pool, n being at most 65536: beyond them
// lie other pools. It reports false when all are taken. Slots are released by
// ReleaseSlot or Unlock.
func (l *Lock) TrySlot(pool string, n int) (bool, error) {
	if n <= 0 {
		return false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.slots[pool]; ok {
		return true, nil
	}
	first := slotOffset(pool)
	// From anywhere: whoever begins at the first slot meets all that are taken.
	start := rand.Int64N(int64(n))
	for i := range int64(n) {
		i = (start + i) % int64(n)
		switch err := set(l.f, first+i); {
		case err == nil:
			if l.slots == nil {
				l.slots = make(map[string]int64, 2)
			}
			l.slots[pool] = first + i
			return true, nil
		case !errors.Is(err, ErrHeld):
			return false, err
		}
	}
	return false, nil
}

// ReleaseSlot gives the slot of pool back. It is a no-op when none is held.
func (l *Lock) ReleaseSlot(pool string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	off, ok := l.slots[pool]
	if !ok {
		return
	}
	delete(l.slots, pool)
	l.unset(off)
}

func (l *Lock) unset(off int64) {
	lk := unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart, Start: off, Len: 1}
	// Unlocking a byte that we hold does not fail; Close would release it too.
	_ = unix.FcntlFlock(l.f.Fd(), unix.F_OFD_SETLK, &lk)
}

// Unlock releases the key, its notes and every slot.
func (l *Lock) Unlock() error {
	if l.from == nil || l.shared {
		return l.f.Close()
	}
	all := unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart, Start: 0, Len: 0}
	if err := unix.FcntlFlock(l.f.Fd(), unix.F_OFD_SETLK, &all); err != nil {
		return l.f.Close()
	}
	l.from.put(l.f)
	return nil
}

func set(f *os.File, off int64) error {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: off, Len: 1}
	for {
		switch err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lk); {
		case err == nil:
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EACCES):
			return ErrHeld
		default:
			return fmt.Errorf("locking: %w", err)
		}
	}
}
