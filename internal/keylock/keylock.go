// Package keylock locks keys across goroutines and processes with open file
// description locks (fcntl(2), F_OFD_SETLK) on byte ranges of files that are never
// deleted, and where somebody does so, not believed: see file.
//
//	00 ... 3f   offset 0 ... 2^62   keys, by their hash: four bytes each
//	slots       offset 0 ... 2^62   pools, by the hash of their name: a byte each slot
//
// A key's first byte is its lock: two keys that collide merely exclude each other. The
// others are notes, by which the holder of the key tells the other processes something.
// They cost hardly more than the key alone, since bytes side by side are one entry in
// the kernel's list of a file's locks, through which it goes for each call. So that
// these lists stay short, keys have many files. Slots have one, where one look
// finds all that are taken.
//
// The kernel drops the locks when the last descriptor of the open file description
// closes, so a killed process leaves nothing to clean up, and a descriptor that is
// handed to a child hands its locks over without a gap.
package keylock

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ErrHeld means that somebody else, in this process or another, holds the lock.
var ErrHeld = errors.New("the lock is held")

// Dir is a directory of lock files. Every Lock has descriptors of its own, since an
// open file description never excludes itself. It is safe for concurrent use, but for
// Close, which comes last.
type Dir struct {
	keys  [keyFiles]file
	slots file
	spare atomic.Int64 // see file
}

// New returns the lock files that open opens by their names, for reading and
// writing. open must create what is missing, and not truncate.
func New(open func(name string) (*os.File, error)) *Dir {
	d := new(Dir)
	d.spare.Store(spares())
	of := func(name string) file {
		return file{open: func() (*os.File, error) { return open(name) }, spare: &d.spare}
	}
	for i := range d.keys {
		d.keys[i] = of(keyFile(i))
	}
	d.slots = of(slotFile)
	return d
}

// Close closes the descriptors that hold no lock.
func (d *Dir) Close() {
	for i := range d.keys {
		d.keys[i].close()
	}
	d.slots.close()
}

// of returns the file that key's bytes are in, and where.
func (d *Dir) of(key string) (l *file, off int64) {
	i, off := place(key)
	return &d.keys[i], off
}

// Lock is a held key and the slots taken with it. It is safe for concurrent
// use, but for Unlock, which is called once and last.
type Lock struct {
	dir    *Dir
	from   *file    // nil: adopted
	key    *os.File // nil: there is no key, but a slot
	shared bool     // a child may have the descriptor: only closing it leaves the child its locks

	mu    sync.Mutex
	slots *os.File         // guarded by mu; nil: none is held
	taken map[string]int64 // guarded by mu: pool -> the byte that is held
}

// TryLock takes the lock of key, or returns ErrHeld at once, or ErrDeleted.
func (d *Dir) TryLock(key string) (*Lock, error) {
	l, off := d.of(key)
	for {
		f, err := l.take()
		if err != nil {
			return nil, err
		}
		if err := set(f, off); err != nil {
			l.put(f)
			return nil, err
		}
		if l.count(f) {
			return &Lock{dir: d, from: l, key: f}, nil
		}
		f.Close() // there is another file by now
	}
}

// TryPool takes one of the n slots of pool without a key. It returns ErrHeld
// when all are taken.
func (d *Dir) TryPool(pool string, n int) (*Lock, error) {
	k := &Lock{dir: d}
	switch ok, err := k.TrySlot(pool, n); {
	case err != nil:
		return nil, err
	case !ok:
		return nil, ErrHeld
	}
	return k, nil
}

// Held reports whether somebody holds the lock of key, without taking it
// (F_OFD_GETLK): the answer is already history when it arrives. The error may be
// ErrDeleted.
func (d *Dir) Held(key string) (bool, error) {
	l, off := d.of(key)
	return l.held(off)
}

// A Note is what the holder of a key may tell the other processes.
type Note int64

// MaxNote is the greatest note; the least is 1.
const MaxNote Note = bytesOfKey - 1

// Noted is Held for a note of key.
func (d *Dir) Noted(key string, n Note) (bool, error) {
	l, off := d.of(key)
	return l.held(noteOffset(off, n))
}

// FreeSlots reports whether at least want of the n slots of pool are free, likewise.
func (d *Dir) FreeSlots(pool string, n, want int) (bool, error) {
	for i := 0; i < n && want > 0; i++ {
		held, err := d.slots.held(slotOffset(pool) + int64(i))
		if err != nil {
			return false, err
		}
		if !held {
			want--
		}
	}
	return want <= 0, nil
}

// Adopt takes over a lock whose descriptor was inherited from a parent process
// that called [Lock.File].
func (d *Dir) Adopt(f *os.File) *Lock { return &Lock{dir: d, key: f} }

// File returns the descriptor that holds the key, to be passed to a child
// process: the key lives until both have closed it. Slots stay here.
func (l *Lock) File() *os.File {
	l.shared = true
	return l.key
}

// Note makes a note of key, which l has locked. Unnote or Unlock takes it back.
func (l *Lock) Note(key string, n Note) error {
	_, off := place(key)
	return set(l.key, noteOffset(off, n))
}

// Unnote takes a note back. One that was not made is no error.
func (l *Lock) Unnote(key string, n Note) {
	_, off := place(key)
	_ = unset(l.key, noteOffset(off, n), 1) // what is held can be given back
}

// TrySlot takes one of the n slots of pool, n being at most 65536: beyond them
// lie other pools. It reports false when all are taken. Slots are released by
// ReleaseSlot or Unlock.
func (l *Lock) TrySlot(pool string, n int) (bool, error) {
	if n <= 0 {
		return false, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.taken[pool]; ok {
		return true, nil
	}
	return l.trySlot(pool, n)
}

// trySlot is TrySlot of a pool of which l has none. l.mu is held.
func (l *Lock) trySlot(pool string, n int) (bool, error) {
	if l.slots == nil {
		var err error
		if l.slots, err = l.dir.slots.take(); err != nil {
			return false, err
		}
	}
	defer l.putSlots()
	first := slotOffset(pool)
	// From anywhere: whoever begins at the first slot meets all that are taken.
	start := rand.Int64N(int64(n))
	for i := range int64(n) {
		i = (start + i) % int64(n)
		switch err := set(l.slots, first+i); {
		// Slots of keys that go on are no reason to wait: then there are a few more for a
		// while than there should be.
		case err == nil && (len(l.taken) > 0 || l.dir.slots.current(l.slots)):
			if l.taken == nil {
				l.taken = make(map[string]int64, 2)
			}
			l.taken[pool] = first + i
			return true, nil
		case err == nil:
			l.slots.Close() // there is another file by now
			l.slots = nil
			return l.trySlot(pool, n)
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
	off, ok := l.taken[pool]
	if !ok {
		return
	}
	delete(l.taken, pool)
	_ = unset(l.slots, off, 1)
	l.putSlots()
}

// putSlots gives the descriptor of the slots back, if it holds none. l.mu is held.
func (l *Lock) putSlots() {
	if len(l.taken) == 0 && l.slots != nil {
		l.dir.slots.put(l.slots)
		l.slots = nil
	}
}

// Unlock releases the key, its notes and every slot.
func (l *Lock) Unlock() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.slots != nil {
		err = l.dir.slots.clear(l.slots)
		l.slots, l.taken = nil, nil
	}
	if l.from != nil {
		defer l.from.uncount()
	}
	switch {
	case l.key == nil:
		return err
	case l.from == nil || l.shared:
		return errors.Join(err, l.key.Close())
	}
	return errors.Join(err, l.from.clear(l.key))
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

// unset releases n bytes; 0: all from off on.
func unset(f *os.File, off, n int64) error {
	lk := unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart, Start: off, Len: n}
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lk)
}
