package store

import (
	"io/fs"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// When a file was last used is its time of last access: what web servers read of
// it counts as well, and no record of it has to be kept. File systems note it to a
// day or so (relatime), or not at all (noatime): so we note what passes through us.

// usedWithin is how exactly it is noted.
const usedWithin = time.Hour

// Used returns when a file was last read by anybody.
func Used(fi fs.FileInfo) time.Time { return time.Unix(fi.Sys().(*syscall.Stat_t).Atim.Unix()) }

// SetUsed gives a part that takes the place of another the time at which that one
// was last used: that it is refreshed is no use of it.
func (p *Part) SetUsed(at time.Time) error { return setTimes(p.f, at, time.Time{}) }

// setTimes sets the times of last access and modification of an open file; a zero
// one stays. (It is futimens(3), which package unix does not have: utimensat(2)
// without a path.)
func setTimes(f *os.File, used, modified time.Time) error {
	times := [2]unix.Timespec{timespec(used), timespec(modified)}
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, f.Fd(), 0, uintptr(unsafe.Pointer(&times)), 0, 0, 0)
	if errno != 0 {
		return &os.PathError{Op: "utimensat", Path: f.Name(), Err: errno}
	}
	return nil
}

func timespec(t time.Time) unix.Timespec {
	if t.IsZero() {
		return unix.Timespec{Nsec: unix.UTIME_OMIT}
	}
	return unix.NsecToTimespec(t.UnixNano())
}
