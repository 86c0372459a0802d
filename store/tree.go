// Package store keeps the files: the docroot, a real tree that any web server
// can serve, and the state directory, where files grow until they are whole.
//
//	docroot/debian/pool/a.deb      0644, whole, of one version, upstream's mtime
//	state/                         0700, or 0770 when shared by a group
//	      .htaccess                denies everything, should it ever be served
//	      locks/                   never deleted: see internal/keylock
//	      index.db                 the record: see store/index
//	      part/0123...             one growing file a name: see Part
//	      mutable/                 files that are kept out of the docroot: see KeepAside
//	      arranged                 by which configuration they were: see fetch.Engine.Rearrange
//	      bad/                     damaged files that were taken away: see Quarantine
//	      journal/0123...          what is being published in order
//	      wrong/0123...            the last few that had wrong bytes: see Part.SetAside
//	      log/worker.log           what detached workers did
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
	"os/user"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"mirror"
	"mirror/internal/keylock"
)

const (
	partDir = "part"
	lockDir = "locks"

	htaccessName = ".htaccess"
	htaccess     = "# Nothing in here is for the web.\nRequire all denied\n"
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

func (t *Tree) openState(path string) error {
	err := t.makeState(path)
	if err != nil {
		return err
	}
	if err := t.checkOwner(path); err != nil {
		return err
	}
	if t.state, err = os.OpenRoot(path); err != nil {
		return fmt.Errorf("the state directory cannot be opened: %w", err)
	}
	return nil
}

// makeState makes the state directory if it is missing. Root does not make one
// for a docroot of somebody else's, who could not use it.
func (t *Tree) makeState(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return nil
	}
	uid := os.Geteuid()
	var ds unix.Stat_t
	if err := unix.Stat(t.docPath, &ds); err == nil && uid == 0 && ds.Uid != 0 {
		return fmt.Errorf("the docroot %s belongs to %s, who could not use a state directory that root makes: run this program as that user: %s", t.docPath, userName(ds.Uid), sudo(ds.Uid))
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the state directory cannot be created: %w: create it, owned by %s with mode 0700, on the file system of the docroot", err, userName(uint32(uid)))
	}
	return nil
}

// checkOwner refuses a state directory that is neither ours nor shared.
func (t *Tree) checkOwner(state string) error {
	var ss unix.Stat_t
	if err := unix.Stat(state, &ss); err != nil {
		return fmt.Errorf("the state directory %s: %w", state, err)
	}
	t.shared = ss.Mode&0o070 == 0o070
	if uid := uint32(os.Geteuid()); ss.Uid != uid && !t.shared {
		return fmt.Errorf("the state directory %s belongs to %s, and this program runs as %s: run it as that user (%s), or share the directory: chgrp -R GROUP %s && chmod 2770 %s, with both users in GROUP",
			state, userName(ss.Uid), userName(uid), sudo(ss.Uid), state, state)
	}
	return nil
}

// check refuses what would fail later, in the middle of a fetch.
func (t *Tree) check(docroot, state string) error {
	var ds, ss unix.Stat_t
	if err := unix.Stat(docroot, &ds); err != nil {
		return fmt.Errorf("the docroot %s: %w", docroot, err)
	}
	if err := unix.Stat(state, &ss); err != nil {
		return fmt.Errorf("the state directory %s: %w", state, err)
	}
	self := func() string { return userName(uint32(os.Geteuid())) } // asking for names takes a CGI process long
	switch {
	case ds.Dev != ss.Dev:
		return fmt.Errorf("docroot %s and state %s are on different file systems: a finished file could not be renamed into its place; put state on the docroot's file system", docroot, state)
	case unix.Access(docroot, unix.W_OK|unix.X_OK) != nil:
		return fmt.Errorf("the docroot %s is not writable by %s: chown it to that user, or run this program as its owner: %s", docroot, self(), sudo(ds.Uid))
	case unix.Access(state, unix.R_OK|unix.W_OK|unix.X_OK) != nil:
		return fmt.Errorf("the state directory %s is not writable by %s: let it belong to that user, or to a group of that user's with mode 2770", state, self())
	}
	return nil
}

// userName is for sentences.
func userName(uid uint32) string {
	if u, err := user.LookupId(fmt.Sprint(uid)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", uid)
}

// sudo is how a program is run as somebody else.
func sudo(uid uint32) string {
	name := userName(uid)
	if strings.HasPrefix(name, "uid ") {
		name = fmt.Sprintf("'#%d'", uid)
	}
	return "sudo -u " + name + " " + filepath.Base(os.Args[0])
}

// openLock opens a lock file, and makes all where somebody has deleted their directory.
func (t *Tree) openLock(name string) (*os.File, error) {
	f, err := t.lockFile(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err = t.makeLocks(); err == nil {
		f, err = t.lockFile(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the state directory was deleted while this program ran: restart it", mirror.ErrStore)
	}
	return f, err
}

func (t *Tree) lockFile(name string) (*os.File, error) {
	name = path.Join(lockDir, name)
	f, err := t.state.OpenFile(name, os.O_RDWR|os.O_CREATE, t.fileMode())
	if err != nil {
		return nil, storeError(mirror.Name(name), err)
	}
	return f, nil
}

// furnish makes what the state directory always has.
func (t *Tree) furnish() error {
	err := errors.Join(t.makeOwn(partDir), t.makeLocks())
	if _, statErr := t.state.Lstat(htaccessName); err == nil && errors.Is(statErr, fs.ErrNotExist) {
		err = t.state.WriteFile(htaccessName, []byte(htaccess), 0o644)
		if errors.Is(err, fs.ErrPermission) {
			_, err = t.state.Lstat(htaccessName) // another user of the group was first
		}
	}
	if err == nil {
		t.parts, err = t.state.Open(partDir)
	}
	if err != nil {
		return fmt.Errorf("the state directory cannot be furnished: %w", err)
	}
	return nil
}

// makeLocks makes all lock files at first: later, the disk may be full. If the last one
// is there, all are.
func (t *Tree) makeLocks() error {
	names := keylock.Files()
	_, err := t.state.Lstat(path.Join(lockDir, names[len(names)-1]))
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := t.makeOwn(lockDir); err != nil {
		return err
	}
	for _, name := range names {
		f, err := t.lockFile(name)
		if err != nil {
			return err
		}
		f.Close()
	}
	return nil
}

// makeOwn makes a directory of the state directory, if it is missing.
func (t *Tree) makeOwn(dir string) error {
	err := t.state.Mkdir(dir, t.ownMode())
	if errors.Is(err, fs.ErrExist) {
		return nil // whoever made it sees to its mode
	}
	if err != nil {
		return err
	}
	return t.share(dir, fs.ModeSetgid|t.ownMode())
}

// share gives a file of the state directory to the group, against the umask.
func (t *Tree) share(name string, mode fs.FileMode) error {
	if !t.shared {
		return nil
	}
	return t.state.Chmod(name, mode)
}

func (t *Tree) fileMode() fs.FileMode {
	if t.shared {
		return 0o660
	}
	return 0o600
}

// ownMode is that of directories in the state directory. It is theirs from the start:
// another user of the group may open one the moment it is there.
func (t *Tree) ownMode() fs.FileMode {
	if t.shared {
		return 0o770
	}
	return 0o700
}

// dirMode is that of directories in the docroot. A shared one is writable by
// the group, or the other user could publish nothing in it.
func (t *Tree) dirMode() fs.FileMode {
	if t.shared {
		return 0o775
	}
	return 0o755
}

// ReadState returns what a file of the state directory says that WriteState has
// written.
func (t *Tree) ReadState(file string) ([]byte, error) { return t.state.ReadFile(file) }

// WriteState has a file of the state directory say something else. A power cut may cost
// that. It is renamed into place: who shares the directory may not write to a file of
// another user's, but read it, and needs no more than that to replace it.
func (t *Tree) WriteState(file string, text []byte) error {
	fresh := file + ".new"
	_ = t.state.Remove(fresh) // what a crash has left
	err := t.state.WriteFile(fresh, text, 0o660)
	if err == nil {
		err = t.state.Rename(fresh, file)
	}
	if err != nil {
		return storeError(mirror.Name(file), err)
	}
	return nil
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
