package store

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mirror"
	"mirror/internal/durable"
)

// NewSymlink makes a symbolic link on its way to name: Publish gives it its
// place. Where it leads is the caller's business. A zero mtime is now. Only the
// holder of name's lock may call it.
func (t *Tree) NewSymlink(name mirror.Name, target string, mtime time.Time) (*Part, error) {
	file := partName(name)
	place := func() error { return unix.Symlinkat(target, int(t.parts.Fd()), file) }
	p, err := t.newLink(name, place, func() error {
		if mtime.IsZero() {
			return nil
		}
		ts := unix.NsecToTimespec(mtime.UnixNano())
		return unix.UtimesNanoAt(int(t.parts.Fd()), file, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err == nil {
		p.inDocroot = true
	}
	return p, err
}

// NewHardLink makes one more name of the published file old, on its way to name.
// Only the holder of name's lock may call it.
func (t *Tree) NewHardLink(name, old mirror.Name) (*Part, error) {
	dir, err := t.openStanding(old)
	if err != nil {
		return nil, lookError(old, err)
	}
	defer dir.Close()
	file := partName(name)
	return t.newLink(name, func() error {
		return unix.Linkat(int(dir.Fd()), old.Base(), int(t.parts.Fd()), file, 0)
	}, func() error { return nil })
}

// newLink makes a link in state/part, where an unfinished file gives way to it,
// and finishes it.
func (t *Tree) newLink(name mirror.Name, place, finish func() error) (*Part, error) {
	file := partName(name)
	err := place()
	if errors.Is(err, fs.ErrExist) {
		if err = t.unlinkPart(file); err == nil {
			err = place()
		}
	}
	if err == nil {
		err = finish()
	}
	if err != nil {
		return nil, storeError(name, &os.PathError{Op: "link", Path: file, Err: err})
	}
	f, err := t.openPart(file, unix.O_PATH)
	if err != nil {
		return nil, storeError(name, err)
	}
	return t.newPart(name, f)
}

// Readlink returns what the symbolic link at name leads to.
func (t *Tree) Readlink(name mirror.Name) (string, error) { return t.doc.Readlink(string(name)) }

// MakeDir makes a directory of the docroot, and its parents. What stands in the
// way is mirror.ErrForeign.
func (t *Tree) MakeDir(name mirror.Name) error {
	d, err := t.openDir(name)
	if err != nil {
		return foreignError(name, err)
	}
	return d.Close()
}

// SetDirTime sets the mtime of a directory, which everything that is done in it
// changes again.
func (t *Tree) SetDirTime(name mirror.Name, mtime time.Time) error {
	d, err := t.openUnlinked(string(name), os.O_RDONLY|syscall.O_DIRECTORY)
	if err != nil {
		return lookError(name, err)
	}
	defer d.Close()
	if err := setTimes(d, mtime, mtime); err != nil {
		return storeError(name, err)
	}
	return nil
}

// Remove takes a file or a link out of the docroot, and what is kept aside of its
// name. That it is ours is the caller's business, who holds the name's lock. One
// that is gone is no error. SyncRemoved puts it on disk.
func (t *Tree) Remove(name mirror.Name) error {
	if err := t.unlink(name, 0); err != nil || !t.IsAside(name) {
		return err
	}
	return t.DropAside(name)
}

// SyncRemoved puts on disk that these names have been removed.
func (t *Tree) SyncRemoved(names []mirror.Name) error {
	dirs := make(map[mirror.Name]bool)
	for _, name := range names {
		dirs[name.Parent()] = true
	}
	for dir := range dirs {
		err := syncThere(t.openUnlinked(string(dir), os.O_RDONLY|syscall.O_DIRECTORY))
		if err == nil && t.asideRoot != nil {
			err = syncThere(t.asideRoot.Open(cmp.Or(string(dir), ".")))
		}
		if err != nil {
			return storeError(dir, err)
		}
	}
	return nil
}

// syncThere syncs a directory that was opened, unless it is gone.
func syncThere(dir *os.File, err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	return durable.SyncDir(dir)
}

// RemoveDir takes an empty directory out of the docroot. One that is not empty is
// mirror.ErrForeign.
func (t *Tree) RemoveDir(name mirror.Name) error {
	if err := t.dropAsideDir(name); err != nil {
		return err
	}
	return t.unlink(name, unix.AT_REMOVEDIR)
}

func (t *Tree) unlink(name mirror.Name, flags int) error {
	dir, err := t.openUnlinked(string(name.Parent()), os.O_RDONLY|syscall.O_DIRECTORY)
	if err == nil {
		defer dir.Close()
		err = unix.Unlinkat(int(dir.Fd()), name.Base(), flags)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return foreignError(name, err)
}
