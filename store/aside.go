package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"mirror"
	"mirror/internal/durable"
)

// Files of some names may be kept aside: in the state directory, in a tree like
// the docroot's, so that the web server, which does not find them, asks for them.
//
//	docroot/debian/dists/sid/                  is there all the same, for its links
//	state/mutable/debian/dists/sid/InRelease   0644, whole, of one version
//
// Which names these are is a function's word (KeepAside), and everybody else
// goes on to name a file as if it stood in the docroot. There, as the web server
// does, the methods of Tree look first: a symbolic link that is in the way counts,
// and so does a regular file that others put there, or that is left of a time when
// the function said otherwise. Publish and MoveAside take one of ours out of the way.
//
// Only regular files are kept aside: symbolic links stay in the docroot, where
// they lead from one name to another.
const asideDir = "mutable"

// KeepAside has the files of those names kept aside of which aside says so; nil
// means none. It is called before the tree is used.
func (t *Tree) KeepAside(aside func(mirror.Name) bool) error {
	err := error(nil)
	if aside != nil {
		err = t.makeAside(".")
	}
	if err == nil {
		t.asideRoot, err = t.state.OpenRoot(asideDir)
	}
	if aside == nil && errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("the place of mutable files in the state directory cannot be opened: %w", err)
	}
	t.aside = aside
	return nil
}

// IsAside reports whether a file of this name is kept aside.
func (t *Tree) IsAside(name mirror.Name) bool { return t.aside != nil && t.aside(name) }

// AsideRoot returns the tree of the files that are kept aside, for walking it; nil
// when nothing ever was.
func (t *Tree) AsideRoot() *os.Root { return t.asideRoot }

// StandsAside reports whether fi is of the file that is kept aside under its name.
// Nobody but us puts any there.
func (t *Tree) StandsAside(name mirror.Name, fi fs.FileInfo) bool {
	if !t.IsAside(name) {
		return false
	}
	kept, err := t.LstatAside(name)
	return err == nil && sameFile(kept, fi)
}

// LstatAside describes the file that is kept aside under a name, whatever is said
// of the name now.
func (t *Tree) LstatAside(name mirror.Name) (fs.FileInfo, error) {
	if t.asideRoot == nil {
		return nil, fs.ErrNotExist
	}
	fi, err := t.asideRoot.Lstat(string(name))
	if err == nil && !fi.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	return fi, err
}

// isMissing reports whether an error of looking a name up in the docroot means
// that nothing stands there.
func isMissing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// readAside appends to list, which is what the docroot has in a directory, the
// files of it that are kept aside.
func (t *Tree) readAside(dir mirror.Name, list []fs.DirEntry) []fs.DirEntry {
	at := string(dir)
	if at == "" {
		at = "."
	}
	kept, err := fs.ReadDir(t.asideRoot.FS(), at)
	if err != nil {
		return list // a directory without any
	}
	there := len(list)
	for _, f := range kept {
		name := f.Name()
		in := func(d fs.DirEntry) bool { return d.Name() == name }
		if f.Type().IsRegular() && t.aside(dir.Join(name)) && !slices.ContainsFunc(list[:there], in) {
			list = append(list, f)
		}
	}
	return list
}

// openStanding opens the directory in which the file of a name stands.
func (t *Tree) openStanding(name mirror.Name) (*os.File, error) {
	if fi, err := t.Lstat(name); err == nil && t.StandsAside(name, fi) {
		return t.openAside(name.Parent())
	}
	return t.openUnlinked(string(name.Parent()), os.O_RDONLY|syscall.O_DIRECTORY)
}

// openAside opens a directory of the tree, and makes it and its parents.
func (t *Tree) openAside(dir mirror.Name) (*os.File, error) {
	at := path.Join(asideDir, string(dir))
	const flags = os.O_RDONLY | syscall.O_DIRECTORY
	f, err := t.state.OpenFile(at, flags, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if err := t.makeAside(string(dir)); err != nil {
		return nil, err
	}
	return t.state.OpenFile(at, flags, 0)
}

// makeAside makes a directory of the tree, and its parents.
func (t *Tree) makeAside(dir string) error {
	at := path.Join(asideDir, dir)
	err := t.makeOwn(at)
	if dir != "." && errors.Is(err, fs.ErrNotExist) {
		if err := t.makeAside(path.Dir(dir)); err != nil {
			return err
		}
		err = t.makeOwn(at)
	}
	return err
}

// MoveAside moves the docroot's file of a name to where the name is kept aside.
// That it is ours is the caller's business, who holds the name's lock; what is
// kept aside already gives way to it.
func (t *Tree) MoveAside(name mirror.Name) error {
	doc, err := t.openUnlinked(string(name.Parent()), os.O_RDONLY|syscall.O_DIRECTORY)
	if err != nil {
		return lookError(name, err)
	}
	defer doc.Close()
	kept, err := t.openAside(name.Parent())
	if err != nil {
		return storeError(name, err)
	}
	defer kept.Close()
	return t.moveAside(name, doc, kept)
}

// moveAside is MoveAside for open directories. One rename moves the file, and both
// directories are on disk before it is replaced: after a crash the name has the
// file that the record speaks of, here or there, or its successor.
func (t *Tree) moveAside(name mirror.Name, doc, kept *os.File) error {
	err := durable.Replace(durable.Place{Dir: doc, Name: name.Base()}, durable.Place{Dir: kept, Name: name.Base()})
	if err == nil {
		err = durable.SyncDir(kept)
	}
	if err == nil {
		err = durable.SyncDir(doc)
	}
	return foreignError(name, err)
}

// PutBack moves a file that is kept aside to its name in the docroot. One that is
// taken is mirror.ErrForeign. The caller holds the name's lock.
func (t *Tree) PutBack(name mirror.Name) error {
	doc, err := t.openDir(name.Parent())
	if err != nil {
		return foreignError(name, err)
	}
	defer doc.Close()
	kept, err := t.openAside(name.Parent())
	if err != nil {
		return storeError(name, err)
	}
	defer kept.Close()
	err = durable.Rename(durable.Place{Dir: kept, Name: name.Base()}, durable.Place{Dir: doc, Name: name.Base()})
	if err == nil {
		err = durable.SyncDir(doc)
	}
	if err == nil {
		err = durable.SyncDir(kept)
	}
	return foreignError(name, err)
}

// DropAside removes a file that is kept aside. One that is gone is no error.
func (t *Tree) DropAside(name mirror.Name) error {
	if _, err := t.LstatAside(name); err != nil {
		return nil
	}
	if err := t.asideRoot.Remove(string(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return storeError(name, err)
	}
	return nil
}

// dropAsideDir removes an empty directory of the tree.
func (t *Tree) dropAsideDir(name mirror.Name) error {
	if t.asideRoot == nil {
		return nil
	}
	if fi, err := t.asideRoot.Lstat(string(name)); err != nil || !fi.IsDir() {
		return nil
	}
	if err := t.asideRoot.Remove(string(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return foreignError(name, err)
	}
	return nil
}

// makeRoom readies the docroot, whose directory is doc, for a file that is about
// to be kept aside in kept: what is ours there goes ahead of it, what is not is
// fs.ErrExist.
func (t *Tree) makeRoom(it *Publication, doc, kept *os.File) error {
	name := it.Part.Name
	var st unix.Stat_t
	err := unix.Fstatat(int(doc.Fd()), name.Base(), &st, unix.AT_SYMLINK_NOFOLLOW)
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case err != nil:
		return &os.PathError{Op: "lstat", Path: string(name), Err: err}
	case !it.Replace || st.Mode&unix.S_IFMT != unix.S_IFREG:
		return &os.PathError{Op: "publish", Path: string(name), Err: fs.ErrExist}
	}
	return t.moveAside(name, doc, kept)
}
