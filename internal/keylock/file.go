package keylock

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// spare is how many descriptors of a file are kept for the next locks. Opening and
// closing one takes longer than locking does. By default 64 fetches hold slots at a time;
// a sync has 1024 names under way, some 16 in a file of keys.
const spare = 64

// file is one lock file.
type file struct {
	open func() (*os.File, error)

	mu   sync.Mutex
	free []*os.File // guarded by mu: descriptors that hold no lock
}

func (l *file) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.free {
		f.Close()
	}
	l.free = nil
}

// take returns a descriptor that holds no lock.
func (l *file) take() (*os.File, error) {
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
		return nil, fmt.Errorf("opening a lock file: %w", err)
	}
	return f, nil
}

// put takes back a descriptor that holds no lock.
func (l *file) put(f *os.File) {
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
