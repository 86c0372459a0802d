package store

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// noOpenat2 is set once the kernel, or what a container lets through of it,
// turned out not to know openat2(2), which Linux has since 5.6.
var noOpenat2 atomic.Bool

// openBeneath opens what is called name below the docroot, as os.Root does: no
// symbolic link leads out, and absolute ones are refused. It is one system call,
// however deep the name is, where os.Root makes two for each segment; and a miss
// looks twice.
func (t *Tree) openBeneath(name string, flags int) (*os.File, error) {
	if name == "" {
		name = "."
	}
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS}
	for !noOpenat2.Load() {
		fd, err := unix.Openat2(int(t.docDir.Fd()), name, &how)
		switch {
		case err == nil:
			// So that os.File neither asks the poller for it nor finds it odd.
			if flags&unix.O_NONBLOCK != 0 {
				_ = unix.SetNonblock(fd, false)
			}
			return os.NewFile(uintptr(fd), name), nil
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
			// EPERM is a seccomp filter's: opening for reading has no such error.
			noOpenat2.Store(true)
		case errors.Is(err, unix.EXDEV):
			return nil, &os.PathError{Op: "open", Path: name, Err: errEscapes}
		case !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN): // EAGAIN: a rename in between
			return nil, &os.PathError{Op: "open", Path: name, Err: err}
		}
	}
	if flags&unix.O_NOFOLLOW != 0 { // os.Root follows what stays inside all the same
		if fi, err := t.doc.Lstat(name); err == nil && fi.Mode()&os.ModeSymlink != 0 {
			return nil, &os.PathError{Op: "open", Path: name, Err: unix.ELOOP}
		}
	}
	return t.doc.OpenFile(name, flags, 0)
}

// openLinked is openBeneath for a name that is a symbolic link. One that leads
// nowhere is an error of its own: the name is taken, and not free for a file.
func (t *Tree) openLinked(name string, flags int) (*os.File, error) {
	f, err := t.openBeneath(name, flags)
	if errors.Is(err, syscall.ENOENT) {
		err = &os.PathError{Op: "open", Path: name, Err: errDangling}
	}
	return f, err
}

var (
	errDangling = errors.New("it is a symbolic link to nowhere")
	errEscapes  = errors.New("it leads out of the docroot")
)
