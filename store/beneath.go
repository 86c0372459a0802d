package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"mirror"
)

// noOpenat2 is set once the kernel, or what a container lets through of it,
// turned out not to know openat2(2), which Linux has since 5.6.
var noOpenat2 atomic.Bool

var openat2 = unix.Openat2 // but for tests

// openBeneath opens what is called name below the docroot, as os.Root does: no
// symbolic link leads out, and absolute ones are refused. It is one system call,
// however deep the name is, where os.Root makes two for each segment; and a miss
// looks twice.
func (t *Tree) openBeneath(name string, flags int) (*os.File, error) {
	return t.open(name, flags, unix.RESOLVE_NO_MAGICLINKS)
}

func (t *Tree) open(name string, flags int, resolve uint64) (*os.File, error) {
	fd, err := t.descriptor(name, flags, resolve)
	if err == errNoOpenat2 {
		return t.openRoot(name, flags, resolve)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// descriptor opens a name with openat2(2); errNoOpenat2: there is none.
func (t *Tree) descriptor(name string, flags int, resolve uint64) (fd int, err error) {
	if name == "" {
		name = "."
	}
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_BENEATH | resolve}
	for !noOpenat2.Load() {
		fd, err := openat2(int(t.docDir.Fd()), name, &how)
		switch {
		case err == nil:
			return fd, nil
		case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
			// EPERM is a seccomp filter's: opening for reading has no such error.
			noOpenat2.Store(true)
		case errors.Is(err, unix.EXDEV):
			return -1, &os.PathError{Op: "open", Path: name, Err: errEscapes}
		case !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN): // EAGAIN: a rename in between
			return -1, &os.PathError{Op: "open", Path: name, Err: err}
		}
	}
	return -1, errNoOpenat2
}

// openRoot opens a name where there is no openat2(2).
func (t *Tree) openRoot(name string, flags int, resolve uint64) (*os.File, error) {
	if name == "" {
		name = "."
	}
	if resolve&unix.RESOLVE_NO_SYMLINKS != 0 {
		if real, err := t.Resolve(mirror.Name(name)); name != "." && (err != nil || string(real) != name) {
			return nil, &os.PathError{Op: "open", Path: name, Err: unix.ELOOP}
		}
	}
	return t.doc.OpenFile(name, flags, 0)
}

// openUnlinked is openBeneath for a name that no symbolic link is a part of;
// else it fails with ELOOP.
func (t *Tree) openUnlinked(name string, flags int) (*os.File, error) {
	return t.open(name, flags, unix.RESOLVE_NO_SYMLINKS)
}

// maxHops is how many links a name may lead through, as the kernel has it.
const maxHops = 40

// Resolve follows the symbolic links in the way of a name and returns where it
// really is; what is not there yet is taken as it is. A way that leads out of
// the docroot, to a hidden name or nowhere else is mirror.ErrForeign.
func (t *Tree) Resolve(name mirror.Name) (mirror.Name, error) {
	real, rest := mirror.Name(""), strings.Split(string(name), "/")
	foreign := func(why string) error { return fmt.Errorf("%s %s: %w", name, why, mirror.ErrForeign) }
	for hops := 0; len(rest) > 0; {
		segment := rest[0]
		rest = rest[1:]
		switch segment {
		case "", ".":
			continue
		case "..":
			if real == "" {
				return "", foreign("leads out of the docroot")
			}
			real = real.Parent()
			continue
		}
		if !mirror.Askable(segment) {
			return "", foreign("leads to a hidden name")
		}
		target, err := t.doc.Readlink(string(real.Join(segment)))
		if err != nil { // it is no link, or not there
			real = real.Join(segment)
			continue
		}
		if hops++; hops > maxHops {
			return "", foreign("leads through too many links")
		}
		if strings.HasPrefix(target, "/") {
			return "", foreign("leads out of the docroot")
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return real, nil
}

var (
	errEscapes   = errors.New("it leads out of the docroot")
	errNoOpenat2 = errors.New("there is no openat2")
)
