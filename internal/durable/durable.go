// Package durable moves a file that is complete to its name so that a power
// cut costs at most the name, never the bytes behind it.
//
// The syscall story of a publication, to be checked with strace:
//
//	fsync(file)                        the bytes and the length are on disk
//	renameat2(dir, tmp, dir', name,    the name appears, whole or not at all;
//	          RENAME_NOREPLACE)        nothing that was there is lost
//	fsync(dir')                        the name is on disk
//
// Without the first, a journal that is replayed after a power cut may know the
// name and not the bytes: an empty or zero-filled file under a good name.
package durable

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Place is a name in an open directory.
type Place struct {
	Dir  *os.File
	Name string
}

// Rename moves a file to a name that is free; fs.ErrExist means that it is
// taken, and then nothing was changed. Both places are on one file system.
func Rename(from, to Place) error {
	err := renameat2(from, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	// File systems without the flag (NFS, some FUSE): link(2) refuses an
	// existing name as well. Between the two calls the file has both names,
	// which harms nobody.
	err = unix.Linkat(int(from.Dir.Fd()), from.Name, int(to.Dir.Fd()), to.Name, 0)
	if err != nil {
		return linkError("link", from, to, err)
	}
	return unix.Unlinkat(int(from.Dir.Fd()), from.Name, 0)
}

// Replace moves a file to a name that may be taken; what was there is gone.
func Replace(from, to Place) error { return renameat2(from, to, 0) }

func renameat2(from, to Place, flags uint) error {
	err := unix.Renameat2(int(from.Dir.Fd()), from.Name, int(to.Dir.Fd()), to.Name, flags)
	if err != nil {
		return linkError("rename", from, to, err)
	}
	return nil
}

func linkError(op string, from, to Place, err error) error {
	return &os.LinkError{Op: op, Old: from.Dir.Name() + "/" + from.Name, New: to.Dir.Name() + "/" + to.Name, Err: err}
}

// SyncDir puts the names in an open directory on disk. File systems that do
// not sync directories (EINVAL) order their metadata themselves.
func SyncDir(dir *os.File) error {
	err := dir.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, fs.ErrInvalid) {
		return nil
	}
	return err
}
