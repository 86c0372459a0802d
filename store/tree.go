// Package store keeps the files: the docroot, a real tree that any web server
// can serve, and the state directory, where files grow until they are whole.
//
//	docroot/debian/pool/a.deb      0644, whole, of one version, upstream's mtime
//	state/                         0700, or 0770 when shared by a group
//	      .htaccess                denies everything, should it ever be served
//	      locks/                   never deleted: see internal/keylock
//	      index.db                 the record: see store/index
//	      part/0123...             one growing file a name: see Part; beside them some
//	                               without a name: see Scratch
//	      mutable/                 files that are kept out of the docroot: see KeepAside
//	      arranged                 by which configuration they were: see fetch.Engine.Rearrange
//	      bad/                     damaged files that were taken away: see Quarantine
//	      journal/0123...          what is being published in order
//	      wrong/0123...            the last few that had wrong bytes: see Part.SetAside
//	      log/worker.log           what detached workers did
//	      verify                   how far the daemon's verification is: see maint.Site.VerifyRound
//	      swept                    when it was last looked for what is abandoned: see Sweep
//
// Both are opened with os.Root, or with openat2(2) where that is quicker: nothing
// outside of them is read or written, whatever a name or a planted symbolic link
// says.
package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"mirror"
	"mirror/internal/keylock"
)

// Tree is a docroot and its state directory. It is safe for concurrent use.
type Tree struct {
	Locks *keylock.Dir

	doc, state *os.Root
	docDir     *os.File // the docroot, for what os.Root is slow at
	parts      *os.File // state/part, for renames
	asideRoot  *os.Root // state/mutable; nil: nothing was ever kept there
	aside      func(mirror.Name) bool
	syncer     *syncer
	scratches  atomic.Int64 // for names
	docPath    string
	shared     bool // a group shares the state directory
}

// Open opens docroot and state, which is created when it is missing. What
// cannot work is refused with a sentence that says what to do.
func Open(docroot, state string) (*Tree, error) {
	doc, err := os.OpenRoot(docroot)
	if err != nil {
		return nil, fmt.Errorf("the docroot cannot be opened: %w: create the directory, or set docroot", err)
	}
	t := &Tree{doc: doc, docPath: docroot, syncer: newSyncer(docroot)}
	if t.docDir, err = doc.Open("."); err != nil {
		t.Close()
		return nil, fmt.Errorf("the docroot cannot be opened: %w", err)
	}
	if err := t.openState(state); err != nil {
		t.Close()
		return nil, err
	}
	if err := t.check(docroot, state); err != nil {
		t.Close()
		return nil, err
	}
	t.Locks = keylock.New(t.openLock)
	if err := t.furnish(); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// dirMode is that of directories in the docroot. A shared one is writable by
// the group, or the other user could publish nothing in it.
func (t *Tree) dirMode() fs.FileMode {
	if t.shared {
		return 0o775
	}
	return 0o755
}

// Space returns how many bytes the docroot's file system has left for us, and how many
// it has in all.
func (t *Tree) Space() (free, all int64, err error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(t.docDir.Fd()), &st); err != nil {
		return 0, 0, storeError("", err)
	}
	return int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize, nil
}

// Close releases the descriptors.
func (t *Tree) Close() error {
	if t.parts != nil {
		t.parts.Close()
	}
	if t.asideRoot != nil {
		t.asideRoot.Close()
	}
	if t.Locks != nil {
		t.Locks.Close()
	}
	if t.state != nil {
		t.state.Close()
	}
	if t.docDir != nil {
		t.docDir.Close()
	}
	return t.doc.Close()
}

// OpenFile is Open for those who read all of a file, and need package os's.
func (t *Tree) OpenFile(name mirror.Name) (*os.File, fs.FileInfo, error) {
	f, err := t.Open(name)
	if err != nil {
		return nil, nil, err
	}
	return f.OS(), f.Info(), nil
}

// ErrLinked: a symbolic link is part of the name.
var ErrLinked = errors.New("a symbolic link is in the way")

// lookError gives the errors of opening a name their kind. A file where the
// name needs a directory means that the name is not there.
func lookError(name mirror.Name, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG):
		return fs.ErrNotExist
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s cannot be read: %w: %w", name, mirror.ErrStore, err)
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%w: %w", mirror.ErrBusy, err)
	default: // os.Root: "path escapes from parent"; ELOOP, ENXIO
		return fmt.Errorf("%s: %w: %w", name, mirror.ErrForeign, err)
	}
}

// ReadDir returns what a directory of the docroot has, and what of it is kept
// aside, in no order, or fs.ErrNotExist.
func (t *Tree) ReadDir(name mirror.Name) ([]fs.DirEntry, error) {
	list, err := t.readDoc(name)
	if t.aside == nil || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return list, err
	}
	if list = t.readAside(name, list); len(list) > 0 {
		err = nil
	}
	return list, err
}

func (t *Tree) readDoc(name mirror.Name) ([]fs.DirEntry, error) {
	f, err := t.openBeneath(string(name), os.O_RDONLY|syscall.O_DIRECTORY)
	if err != nil {
		return nil, lookError(name, err)
	}
	defer f.Close()
	list, err := f.ReadDir(-1)
	if err != nil {
		return nil, storeError(name, err)
	}
	return list, nil
}

// HasDir reports whether name is a directory, and no symbolic link is a part of
// the name.
func (t *Tree) HasDir(name mirror.Name) bool {
	f, err := t.openUnlinked(string(name), unix.O_PATH|syscall.O_DIRECTORY)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// Lstat describes what stands at name, without following it.
func (t *Tree) Lstat(name mirror.Name) (fs.FileInfo, error) {
	fi, err := t.doc.Lstat(string(name))
	if err == nil || !isMissing(err) || !t.IsAside(name) {
		return fi, err
	}
	if kept, err := t.LstatAside(name); err == nil {
		return kept, nil
	}
	return nil, err
}

// Doc returns the docroot, for walking it.
func (t *Tree) Doc() *os.Root { return t.doc }

// partName is where name's part is in state/part.
func partName(name mirror.Name) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:20])
}
