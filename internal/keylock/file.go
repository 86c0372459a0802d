package keylock

import (
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

// file is one lock file.
type file struct {
	open  func() (*os.File, error)
	spare *atomic.Int64 // how many more descriptors may be kept; of all files

	mu   sync.Mutex
	free []*os.File // guarded by mu: descriptors that hold no lock
}

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
	return f, nil
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
