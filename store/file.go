package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mirror"
)

// File is a published file that is open for reading: a bare descriptor, since a hit
// opens, reads and closes one, and an os.File costs it as much again as opening does:
// three fcntl(2), locks, and a finalizer. So one that nobody closes stays open. It is
// used by one goroutine at a time.
//
//	openat2(2), fstat(2)   Open
//	pread(2)               ReadAt
//	close(2)               Close
type File struct {
	info
	fd int
	of *os.File // that fd belongs to; nil: it is ours
}

// Open opens a published file for reading. A directory is mirror.ErrIsDirectory;
// what is neither a file nor a directory, mirror.ErrForeign; nothing there,
// fs.ErrNotExist. Where a symbolic link is in the way it is ErrLinked: see Resolve.
func (t *Tree) Open(name mirror.Name) (*File, error) {
	f := &File{info: info{name: string(name)}}
	err := t.openPublished(f, name)
	if errors.Is(err, syscall.ELOOP) {
		return nil, fmt.Errorf("%s: %w", name, ErrLinked)
	}
	if err != nil {
		return nil, lookError(name, err)
	}
	for err = unix.EINTR; err == unix.EINTR; {
		err = syscall.Fstat(f.fd, &f.stat)
	}
	switch {
	case err != nil:
		err = &os.PathError{Op: "stat", Path: f.name, Err: err}
	case f.stat.Mode&syscall.S_IFMT == syscall.S_IFDIR:
		err = fmt.Errorf("%s: %w", name, mirror.ErrIsDirectory)
	case f.stat.Mode&syscall.S_IFMT != syscall.S_IFREG:
		err = fmt.Errorf("%s is no regular file: %w", name, mirror.ErrForeign)
	default:
		return f, nil
	}
	f.Close()
	return nil, err
}

// openPublished opens what is to be f.
func (t *Tree) openPublished(f *File, name mirror.Name) error {
	// O_NONBLOCK: opening a FIFO that somebody planted must not hang.
	const flags = os.O_RDONLY | syscall.O_NONBLOCK
	fd, err := t.descriptor(f.name, flags, unix.RESOLVE_NO_SYMLINKS)
	if err == nil {
		f.fd = fd
		return nil
	}
	if err == errNoOpenat2 {
		f.of, err = t.openRoot(f.name, flags, unix.RESOLVE_NO_SYMLINKS)
	}
	if err != nil && isMissing(err) && t.IsAside(name) {
		f.of, err = t.asideRoot.OpenFile(f.name, flags, 0)
	}
	if err == nil {
		f.fd = int(f.of.Fd())
	}
	return err
}

// Info describes the file as it was when it was opened.
func (f *File) Info() fs.FileInfo { return &f.info }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (n int, err error) {
	if f.of != nil {
		return f.of.ReadAt(p, off)
	}
	for n < len(p) {
		m, err := unix.Pread(f.fd, p[n:], off+int64(n))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return n, &os.PathError{Op: "read", Path: f.name, Err: err}
		case m == 0:
			return n, io.EOF
		}
		n += m
	}
	return n, nil
}

// OS returns the file as package os has it: for sendfile(2), for example. It is closed
// when f is, and closing it closes f.
func (f *File) OS() *os.File {
	if f.of == nil {
		// So that os.File neither asks the poller for it nor finds it odd.
		_ = unix.SetNonblock(f.fd, false)
		f.of = os.NewFile(uintptr(f.fd), f.name)
	}
	return f.of
}

// Close closes the file. Whatever is asked of f afterwards fails, and touches no other
// file that has got the descriptor's number.
func (f *File) Close() error {
	fd := f.fd
	f.fd = -1
	if f.of != nil {
		return f.of.Close()
	}
	return unix.Close(fd) // which is done even when it says EINTR
}

// MarkUsed notes that a published file is being used. Of another owner's file only
// the file system can note it.
func (f *File) MarkUsed(now time.Time) {
	if d := now.Sub(Used(f.Info())); d < 0 || d > usedWithin {
		setTimes(f.OS(), now, time.Time{})
	}
}

// info is the fs.FileInfo of a regular file. (os.SameFile knows only those of package os.)
type info struct {
	name string
	stat syscall.Stat_t
}

func (i *info) Name() string       { return path.Base(i.name) }
func (i *info) Size() int64        { return i.stat.Size }
func (i *info) Mode() fs.FileMode  { return fs.FileMode(i.stat.Mode) & fs.ModePerm }
func (i *info) ModTime() time.Time { return time.Unix(i.stat.Mtim.Unix()) }
func (i *info) IsDir() bool        { return false }
func (i *info) Sys() any           { return &i.stat }
