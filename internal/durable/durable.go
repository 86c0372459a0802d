// Package durable moves a complete file to its name and puts the name on disk:
// rename, sync the directory. The caller has synced the file (store.Part.Sync),
// so that a power cut costs at most the name, never the bytes behind it: else a
// journal that is replayed may know the name and not the bytes, which is an
// empty or zero-filled file under a good name.
//
// The syscall story, to be checked with strace:
//
//	Rename   renameat2(dir, tmp, dir', name,    the name appears, whole or not at
//	                   RENAME_NOREPLACE)        all; nothing that was there is lost
//	SyncDir  fsync(dir')                        the name is on disk
//
// and where the file system does not know the flag (NFS, some FUSE):
//
//	Rename   renameat2(...)                     EINVAL
//	         linkat(dir, tmp, dir', name)       as above: EEXIST if it is taken
//	         unlinkat(dir, tmp)                 until here the file has both names,
//	                                            which harms nobody
//
// Replace is renameat2 without the flag, which every file system knows.
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

func (p Place) path() string { return p.Dir.Name() + "/" + p.Name }

// Rename moves a file to a name that is free; fs.ErrExist means that it is
// taken, and then nothing was changed. Both places are on one file system.
func Rename(from, to Place) error { return rename(from, to, unix.RENAME_NOREPLACE) }

// rename is Rename with these flags, which a file system may not know.
func rename(from, to Place, flags uint) error {
	err := renameat2(from, to, flags)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	err = unix.Linkat(int(from.Dir.Fd()), from.Name, int(to.Dir.Fd()), to.Name, 0)
	if err != nil {
		return linkError("link", from, to, err)
	}
	if err := unix.Unlinkat(int(from.Dir.Fd()), from.Name, 0); err != nil {
		return &fs.PathError{Op: "unlink", Path: from.path(), Err: err}
	}
	return nil
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
	return &os.LinkError{Op: op, Old: from.path(), New: to.path(), Err: err}
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
