package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"strings"

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
		return fmt.Errorf("the docroot %s belongs to %s, who could not use a state directory that root makes: run this program as that user: %s", t.docPath, UserName(ds.Uid), sudo(ds.Uid))
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the state directory cannot be created: %w: create it, owned by %s with mode 0700, on the file system of the docroot", err, UserName(uint32(uid)))
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
			state, UserName(ss.Uid), UserName(uid), sudo(ss.Uid), state, state)
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
	self := func() string { return UserName(uint32(os.Geteuid())) } // asking for names takes a CGI process long
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

// UserName is a user's name for sentences, or number where there is none.
func UserName(uid uint32) string {
	if u, err := user.LookupId(fmt.Sprint(uid)); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", uid)
}

// sudo is how a program is run as somebody else.
func sudo(uid uint32) string {
	name := UserName(uid)
	if strings.HasPrefix(name, "uid ") {
		name = fmt.Sprintf("'#%d'", uid)
	}
	return "sudo -u " + name + " " + filepath.Base(os.Args[0])
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
