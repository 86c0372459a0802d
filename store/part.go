package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"mirror"
)

// Part is a file that grows in the state directory. It grows at its end only,
// and is never truncated: a restart unlinks it and makes a new one, so bytes
// that were read once stay true. What its mode lets a reader look at:
//
//	0600 (0660)  growing    its length, but never the last mirror.HoldBack bytes of the file
//	0644         checked    everything; length and mtime are final
//
// The mode stands on the inode, so readers in every process that have it open
// learn of the check at once.
//
// One appends at a time: that is the lock of the name, and one of the inode's own, since
// the former is in a file that somebody may delete. Then two have the name's, and the
// second of them must not go on with what the first appends to.
//
// Parts are counted: New, Resume and Follow return one reference, Ref adds
// one, Close drops one. The methods are safe for concurrent use.
type Part struct {
	Name  mirror.Name
	Inode uint64

	t    *Tree
	f    *os.File
	refs atomic.Int32

	inDocroot bool // whatever its name: see KeepAside
}

// checkedBit is the mode bit that says "checked".
const checkedBit fs.FileMode = 0o004

// NewPart makes an empty part for name; one that is there is unlinked. Only
// the holder of name's lock may call it.
func (t *Tree) NewPart(name mirror.Name) (*Part, error) {
	file := partName(name)
	for {
		f, err := t.openPart(file, unix.O_RDWR|unix.O_APPEND|unix.O_CREAT|unix.O_EXCL)
		switch {
		case err == nil && !own(f): // somebody has resumed it before we had it
			f.Close()
		case err == nil:
			if err := t.share(path.Join(partDir, file), t.fileMode()); err != nil {
				f.Close()
				return nil, storeError(name, err)
			}
			return t.newPart(name, f)
		case !errors.Is(err, fs.ErrExist):
			return nil, storeError(name, err)
		}
		if err := t.unlinkPart(file); err != nil {
			return nil, storeError(name, err)
		}
	}
}

// openPart opens a file of state/part. Its name is of our own making, so it
// needs no os.Root to be looked up, and costs one system call and not seven.
func (t *Tree) openPart(file string, flags int) (*os.File, error) {
	for {
		fd, err := unix.Openat(int(t.parts.Fd()), file, flags|unix.O_CLOEXEC|unix.O_NOFOLLOW, uint32(t.fileMode()))
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), file), nil
		case !errors.Is(err, unix.EINTR):
			return nil, &os.PathError{Op: "open", Path: path.Join(partDir, file), Err: err}
		}
	}
}

func (t *Tree) unlinkPart(file string) error {
	err := unix.Unlinkat(int(t.parts.Fd()), file, 0)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "unlink", Path: path.Join(partDir, file), Err: err}
	}
	return nil
}

// ResumePart opens the part that an earlier fetch of name left, or returns
// fs.ErrNotExist. A part of another owner counts as absent: its times and mode
// could not be set, and so does one that somebody still appends to. Only the holder of
// name's lock may call it.
func (t *Tree) ResumePart(name mirror.Name) (*Part, error) {
	f, err := t.openPart(partName(name), unix.O_RDWR|unix.O_APPEND)
	if err != nil {
		return nil, storeError(name, err)
	}
	if fi, err := f.Stat(); err != nil || int(fi.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() || !own(f) {
		f.Close()
		return nil, fs.ErrNotExist
	}
	return t.newPart(name, f)
}

// own takes the lock of a part's inode, and reports false if somebody has it. A file
// system without locks gives none of a name either.
func own(f *os.File) bool {
	lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Len: 1}
	err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lk)
	return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES)
}

// Yield lets the next fetch of the name go on with the part, although readers of this one
// have it open. Nothing is appended after that.
func (p *Part) Yield() {
	lk := unix.Flock_t{Type: unix.F_UNLCK, Whence: io.SeekStart, Len: 1}
	_ = unix.FcntlFlock(p.f.Fd(), unix.F_OFD_SETLK, &lk) // what is held can be given back
}

// FollowPart opens the part of name for reading while somebody else writes it.
func (t *Tree) FollowPart(name mirror.Name) (*Part, error) {
	f, err := t.openPart(partName(name), unix.O_RDONLY)
	if err != nil {
		return nil, storeError(name, err)
	}
	return t.newPart(name, f)
}

func (t *Tree) newPart(name mirror.Name, f *os.File) (*Part, error) {
	fi, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, storeError(name, err)
	}
	p := &Part{Name: name, Inode: Inode(fi), t: t, f: f}
	p.refs.Store(1)
	return p, nil
}

// IsAside reports whether the file will be kept aside.
func (p *Part) IsAside() bool { return p.t.placeOf(p).aside }

// File returns the descriptor; it stays the part's.
func (p *Part) File() *os.File { return p.f }

// Ref adds a reference.
func (p *Part) Ref() *Part { p.refs.Add(1); return p }

// Close drops a reference; the last one closes the file.
func (p *Part) Close() {
	if p.refs.Add(-1) == 0 {
		p.f.Close()
	}
}

// ReadAt implements io.ReaderAt. The caller keeps to what Stat allows.
func (p *Part) ReadAt(b []byte, off int64) (int, error) { return p.f.ReadAt(b, off) }

// PartState is what the inode tells.
type PartState struct {
	Size    int64 // bytes on disk
	Checked bool
	ModTime time.Time // final once checked
	Changed time.Time // when the mode or the bytes last changed, by the kernel's coarse clock
	Gone    bool      // it has no name any more, neither here nor in the docroot
}

// Stat looks at the inode.
func (p *Part) Stat() (PartState, error) {
	fi, err := p.f.Stat()
	if err != nil {
		return PartState{}, storeError(p.Name, err)
	}
	return PartState{
		Size:    fi.Size(),
		Checked: fi.Mode()&checkedBit != 0,
		ModTime: fi.ModTime(),
		Changed: changed(fi),
		Gone:    fi.Sys().(*syscall.Stat_t).Nlink == 0,
	}, nil
}

// Visible returns how many bytes a reader may have of a file of total bytes
// (-1: unknown) of which size have arrived.
func Visible(size, total int64, checked bool) int64 {
	if checked {
		return size
	}
	return max(0, min(size, total-mirror.HoldBack))
}

// Check marks the part as checked: its bytes and length are right, and readers
// may have all of it. A zero mtime leaves the time of the last write.
func (p *Part) Check(mtime time.Time) error {
	if !mtime.IsZero() {
		if err := setTimes(p.f, mtime, mtime); err != nil {
			return storeError(p.Name, err)
		}
	}
	// The time first: whoever sees the mode may rely on it.
	if err := p.f.Chmod(0o644); err != nil {
		return storeError(p.Name, err)
	}
	return nil
}

// Append appends to the part.
func (p *Part) Append(b []byte) error {
	if _, err := p.f.Write(b); err != nil {
		return storeError(p.Name, err)
	}
	return nil
}

// Sync puts the part's bytes on disk.
func (p *Part) Sync() error {
	if err := p.f.Sync(); err != nil {
		return storeError(p.Name, err)
	}
	return nil
}

// Remove unlinks the part, if its name is still its own. Readers keep what
// they have open. Only the holder of name's lock may call it.
func (p *Part) Remove() error {
	if stands, err := p.stands(); err != nil || !stands {
		return nil
	}
	if err := p.t.unlinkPart(partName(p.Name)); err != nil {
		return storeError(p.Name, err)
	}
	return nil
}

// stands reports whether the part's name is still its own.
func (p *Part) stands() (bool, error) {
	var st unix.Stat_t
	err := unix.Fstatat(int(p.t.parts.Fd()), partName(p.Name), &st, unix.AT_SYMLINK_NOFOLLOW)
	return st.Ino == p.Inode, err
}

// changed is when a file was last changed in any way.
func changed(fi fs.FileInfo) time.Time { return time.Unix(fi.Sys().(*syscall.Stat_t).Ctim.Unix()) }

// sameFile is os.SameFile for those that are not package os's as well.
func sameFile(a, b fs.FileInfo) bool {
	return Inode(a) == Inode(b) && a.Sys().(*syscall.Stat_t).Dev == b.Sys().(*syscall.Stat_t).Dev
}

// Inode returns the inode number of a file in the docroot, or the state directory.
func Inode(fi fs.FileInfo) uint64 { return fi.Sys().(*syscall.Stat_t).Ino }

// storeError gives the errors of our own directories their kind.
func storeError(name mirror.Name, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fs.ErrNotExist
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fmt.Errorf("%w: %w", mirror.ErrNoSpace, err)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%w: %w", mirror.ErrBusy, err)
	}
	return fmt.Errorf("%w: storing %s: %w", mirror.ErrStore, name, err)
}
