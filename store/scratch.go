package store

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Scratch returns an empty file that has no name and goes with its descriptor.
func (t *Tree) Scratch() (*os.File, error) {
	f, err := t.openPart(".", unix.O_TMPFILE|unix.O_RDWR)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EISDIR), errors.Is(err, unix.EINVAL):
		return t.unlinked()
	}
	return nil, storeError("scratch", err)
}

// unlinked is Scratch on NFS and others that do not know files without names.
func (t *Tree) unlinked() (*os.File, error) {
	name := fmt.Sprintf("scratch-%d-%d", os.Getpid(), t.scratches.Add(1))
	f, err := t.openPart(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return nil, storeError("scratch", err)
	}
	if err := t.unlinkPart(name); err != nil {
		f.Close()
		return nil, storeError("scratch", err)
	}
	return f, nil
}
