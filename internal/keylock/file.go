package keylock

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// mostSpare bounds the descriptors that are kept for the next locks, of all files
// together. Opening and closing one takes longer than locking does. A sync has 1024 fetches
// on their way, of which now more and now fewer have their keys in one file: with as many
// as that two locks in a hundred open a descriptor.
const mostSpare = 512

// spares returns how many are kept: few where the process may have few, since what is kept
// for a lock here is lacking for all else.
func spares() int64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int64(min(mostSpare, limit.Cur/8))
}

// file is one lock file. It is not to be deleted; where that happens all the same, two
// processes must not lock the same key in two files. So a lock counts only if its file
// still had a name when it was had, and all keys that a process has are in one file: as long
// as it has one in what was deleted, it gets none in what has the name now. What is left is
// a key that was had before: no other process can know of it.
type file struct {
	open  func() (*os.File, error)
	spare *atomic.Int64 // how many more descriptors may be kept; of all files

	mu     sync.Mutex
	free   []*os.File // guarded by mu: descriptors that hold no lock
	inode  uint64     // guarded by mu: of the file that was opened last
	locked int        // guarded by mu: keys that are held; they are in that file
	// guarded by mu: how often in a row a file that was just opened had no name
	nameless int
}

// mostNameless is how often a file may be deleted right after it was opened, before it is
// not believed any more: some file systems in user space count no names at all.
const mostNameless = 100

// errNameless tells of them.
var errNameless = errors.New("the file system says of each file that it has no name (its link count is 0), so that nobody can tell whether lock files are still there: put the state directory on another one")

// ErrDeleted: the file that a key has to be in is another than that of keys which this
// process holds.
var ErrDeleted = errors.New("the lock files were deleted while this process held locks in them: some are not to be had before what is being fetched has ended, or the process was restarted")

func (l *file) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.free {
		f.Close()
	}
	l.spare.Add(int64(len(l.free)))
	l.free = nil
}

// take returns a descriptor that holds no lock.
func (l *file) take() (*os.File, error) {
	l.mu.Lock()
	if n := len(l.free); n > 0 {
		f := l.free[n-1]
		l.free = l.free[:n-1]
		l.mu.Unlock()
		l.spare.Add(1)
		return f, nil
	}
	l.mu.Unlock()
	f, err := l.open()
	if err != nil {
		return nil, fmt.Errorf("opening a lock file: %w", err)
	}
	if err := l.opened(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// opened looks whether f is the file that locks are in, or may become it.
func (l *file) opened(f *os.File) error {
	inode, linked, err := identity(f)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nameless++; linked {
		l.nameless = 0
	}
	if l.nameless > mostNameless {
		return errNameless
	}
	if inode != l.inode && l.locked > 0 {
		return ErrDeleted
	}
	l.inode = inode
	return nil
}

// count reports whether a key that f has got is locked by that, and counts it if so.
func (l *file) count(f *os.File) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	ok := l.isCurrent(f)
	if ok {
		l.locked++
	}
	return ok
}

// current reports whether what f tells, or has got, counts.
func (l *file) current(f *os.File) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.isCurrent(f)
}

// isCurrent reports whether f is the file that locks are in. l.mu is held.
func (l *file) isCurrent(f *os.File) bool {
	inode, linked, err := identity(f)
	return err == nil && linked && inode == l.inode
}

// uncount is called after a key was released.
func (l *file) uncount() {
	l.mu.Lock()
	l.locked--
	l.mu.Unlock()
}

// identity returns the inode of an open file, and whether that has a name.
func identity(f *os.File) (inode uint64, linked bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return 0, false, fmt.Errorf("looking at a lock file: %w", err)
	}
	return st.Ino, st.Nlink > 0, nil
}

// put takes back a descriptor that holds no lock.
func (l *file) put(f *os.File) {
	if l.spare.Add(-1) < 0 {
		l.spare.Add(1)
		f.Close()
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.free = append(l.free, f)
}

// clear takes back a descriptor with its locks, which it releases.
func (l *file) clear(f *os.File) error {
	if err := unset(f, 0, 0); err != nil {
		return f.Close() // which releases them, too
	}
	l.put(f)
	return nil
}

// held reports whether somebody holds a byte.
func (l *file) held(off int64) (bool, error) {
	for {
		f, err := l.take()
		if err != nil {
			return false, err
		}
		lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Start: off, Len: 1}
		err = unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lk)
		if err == nil && lk.Type == unix.F_UNLCK && !l.current(f) {
			f.Close() // there is another file by now
			continue
		}
		l.put(f)
		if err != nil {
			return false, fmt.Errorf("asking for a lock: %w", err)
		}
		return lk.Type != unix.F_UNLCK, nil
	}
}
