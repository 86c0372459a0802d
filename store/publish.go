package store

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"mirror"
	"mirror/internal/durable"
)

// Publication is one checked and synced part on its way to its name.
type Publication struct {
	Part *Part
	// Replace: what stands at the name is ours and gives way.
	Replace bool
	Err     error // set by Sync and Publish
}

// Publish renames synced parts to their names, in the docroot or aside, and syncs
// each directory once. A name that is taken by what is not ours is
// mirror.ErrForeign, and left alone.
func (t *Tree) Publish(items []*Publication) {
	dirs := make(directories)
	for _, it := range items {
		if it.Err == nil {
			it.Err = t.publish(it, dirs)
		}
	}
	all := slices.Collect(maps.Values(dirs))
	t.syncer.sync(t.docDir, len(all), func(i int) { all[i].err = durable.SyncDir(all[i].file) })
	for _, it := range items {
		if d := dirs[t.placeOf(it.Part)]; it.Err == nil && d != nil && d.err != nil {
			it.Err = storeError(it.Part.Name, d.err)
		}
	}
	for _, d := range all {
		d.file.Close()
	}
}

// directories are those in which a batch puts names.
type directories map[place]*directory

// place is a directory of the docroot, or of what is kept aside.
type place struct {
	dir   mirror.Name
	aside bool
}

type directory struct {
	file *os.File
	err  error // of its sync
}

// placeOf is where a part gets its name.
func (t *Tree) placeOf(p *Part) place {
	return place{p.Name.Parent(), !p.inDocroot && t.IsAside(p.Name)}
}

// open returns a directory of the batch, and makes it where it is missing.
func (dirs directories) open(t *Tree, at place) (*os.File, error) {
	if d := dirs[at]; d != nil {
		return d.file, nil
	}
	open := t.openDir
	if at.aside {
		open = t.openAside
	}
	file, err := open(at.dir)
	if err != nil {
		return nil, err
	}
	dirs[at] = &directory{file: file}
	return file, nil
}

func (t *Tree) publish(it *Publication, dirs directories) error {
	name := it.Part.Name
	err := t.rename(it, dirs)
	if errors.Is(err, fs.ErrNotExist) {
		// A directory may have been empty, and removed since it was opened.
		for _, at := range []place{{name.Parent(), false}, {name.Parent(), true}} {
			if d := dirs[at]; d != nil {
				d.file.Close()
				delete(dirs, at)
			}
		}
		err = t.rename(it, dirs)
	}
	return foreignError(name, err)
}

func (t *Tree) rename(it *Publication, dirs directories) error {
	name, at := it.Part.Name, t.placeOf(it.Part)
	dir, err := dirs.open(t, at)
	if err != nil {
		return err
	}
	if at.aside {
		doc, err := dirs.open(t, place{at.dir, false})
		if err != nil {
			return err
		}
		if err := t.makeRoom(it, doc, dir); err != nil {
			return err
		}
	}
	// The lock sees to it that it does; but where that was deleted, the name may have what
	// somebody else has just begun, and what gets its name has to be whole.
	if stands, err := it.Part.stands(); err == nil && !stands {
		return &os.PathError{Op: "rename", Path: partName(name), Err: syscall.ESTALE}
	}
	from := durable.Place{Dir: t.parts, Name: partName(name)}
	to := durable.Place{Dir: dir, Name: name.Base()}
	if it.Replace {
		err = durable.Replace(from, to)
	} else {
		err = durable.Rename(from, to)
	}
	if err == nil && !at.aside && t.IsAside(name) {
		err = t.DropAside(name) // a link takes the place of a file
	}
	return err
}

// openDir opens a directory of the docroot, and makes it and its parents. No
// symbolic link is followed on the way: one that was made a moment ago would lead
// what is published elsewhere than its name was judged by.
func (t *Tree) openDir(dir mirror.Name) (*os.File, error) {
	const flags = os.O_RDONLY | syscall.O_DIRECTORY
	d, err := t.openUnlinked(string(dir), flags)
	if dir == "" || !errors.Is(err, fs.ErrNotExist) {
		return d, err
	}
	up, err := t.openDir(dir.Parent())
	if err != nil {
		return nil, err
	}
	defer up.Close()
	if err := unix.Mkdirat(int(up.Fd()), dir.Base(), uint32(t.dirMode())); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, &os.PathError{Op: "mkdir", Path: string(dir), Err: err}
	}
	return t.openUnlinked(string(dir), flags)
}

// foreignError tells what stands in the way from what failed.
func foreignError(name mirror.Name, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR),
		errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.ELOOP):
		return fmt.Errorf("%s: %w: %w", name, mirror.ErrForeign, err)
	case errors.Is(err, syscall.EXDEV):
		return fmt.Errorf("%w: %w: docroot and state are on different file systems", mirror.ErrStore, err)
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) { // os.Root: the path leads out of the docroot
		return fmt.Errorf("%s: %w: %w", name, mirror.ErrForeign, err)
	}
	return storeError(name, err)
}

// Probe renames a file from the state directory into the docroot and removes
// it: what every publication will do. Comparing device numbers, as Open does,
// is quick but not enough: two bind mounts of one file system have the same,
// and no rename crosses them. For the start of a daemon and for check-config.
func (t *Tree) Probe() error {
	// Hidden, so that no request can ask for it; of this process alone, since
	// several may start at the same moment.
	name := mirror.Name(fmt.Sprintf(".mirror-probe-%d", os.Getpid()))
	p, err := t.NewPart(name)
	if err != nil {
		return err
	}
	defer p.Close()
	p.inDocroot = true
	pub := &Publication{Part: p, Replace: true}
	t.Publish([]*Publication{pub})
	if pub.Err != nil {
		p.Remove()
		return pub.Err
	}
	return t.doc.Remove(string(name))
}
