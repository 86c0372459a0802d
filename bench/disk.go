package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The disk remembers what was done to it. ext4 without a journal does not use
// an inode again for up to five minutes after its file was deleted, and creates
// files several times slower beside many such inodes. So nothing is deleted
// before the end of a run, and every turn has its own part of the disk.

// makeDisk makes a directory below parent whose subdirectories are spread over
// the disk. In memory the disk's part in every figure would be missing.
func makeDisk(parent string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(parent, &st); err != nil {
		return "", fmt.Errorf("%s: %w", parent, err)
	}
	if st.Type == unix.TMPFS_MAGIC {
		return "", fmt.Errorf("%s is in memory: choose a directory on a disk with -dir", parent)
	}
	dir, err := os.MkdirTemp(parent, "mirror-bench-")
	if err == nil {
		spread(dir)
		err = os.Chmod(dir, 0o755) // some peers run as another user
	}
	return dir, err
}

// spread is `chattr +T`: ext4 then puts each subdirectory where there is most
// room, instead of beside the others. File systems that do not know the flag
// do not need it.
func spread(dir string) {
	const topDir = 0x00020000 // FS_TOPDIR_FL
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	flags, err := unix.IoctlGetInt(int(d.Fd()), unix.FS_IOC_GETFLAGS)
	if err == nil {
		_ = unix.IoctlSetPointerInt(int(d.Fd()), unix.FS_IOC_SETFLAGS, flags|topDir)
	}
}

// bigFile is from where on a file's room is worth having back during a run.
const bigFile = mib

// quieten gives back the room of dir's big files without deleting them, and
// waits until all that is still to be written has been: it would be written in
// the next turn.
func quieten(dir string) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() >= bigFile {
			err = os.Truncate(path, 0)
		}
		return err
	})
	unix.Sync()
	if errors.Is(err, fs.ErrNotExist) { // nginx's temporary files may just go
		err = nil
	}
	return err
}
