package source

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"

	"mirror"
	"mirror/listing"
)

// listBatch is how many names are read at a time: a directory of a million is
// given up between two batches when its reader is.
const listBatch = 1000

// List implements Lister: everything is exact, and nothing is ever unmodified.
func (f *File) List(ctx context.Context, dir mirror.Name, _ *mirror.Meta) (Listing, error) {
	l, err := f.list(ctx, dir)
	if err != nil {
		return Listing{}, f.failure(ctx, dir, err)
	}
	return l, nil
}

func (f *File) list(ctx context.Context, dir mirror.Name) (Listing, error) {
	l := Listing{Listing: listing.Listing{Format: "file"}, Meta: mirror.Meta{Size: -1}}
	base, err := f.root(dir)
	if err != nil {
		return l, err
	}
	defer base.Close()
	at := string(dir)
	if at == "" {
		at = "."
	}
	d, err := base.OpenFile(at, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return l, err
	}
	defer d.Close()
	root, err := base.OpenRoot(at) // so that every name in it is one step away
	if err != nil {
		return l, err
	}
	defer root.Close()
	if fi, err := d.Stat(); err == nil {
		l.Meta.ModTime = fi.ModTime()
	}
	for {
		names, err := d.Readdirnames(listBatch)
		for _, name := range names {
			if e, err := entry(root, name); err == nil {
				l.Entries = append(l.Entries, e)
			} else if !os.IsNotExist(err) { // not deleted meanwhile
				l.Unread++
				l.FirstUnread = name
			}
		}
		if err == io.EOF {
			l.Ended = true
			return l, nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return l, err
		}
	}
}

// entry is what a name of the directory is, itself.
func entry(root *os.Root, name string) (listing.Entry, error) {
	fi, err := root.Lstat(name)
	if err != nil {
		return listing.Entry{}, err
	}
	st := fi.Sys().(*syscall.Stat_t)
	e := listing.Entry{
		Name:  name,
		Type:  listing.Other,
		MTime: listing.Exactly(fi.ModTime().Unix()),
		Mode:  listing.Perm(uint16(st.Mode)),
	}
	switch {
	case fi.Mode().IsRegular():
		e.Type, e.Size = listing.File, listing.Exactly(fi.Size())
		if st.Nlink > 1 {
			e.HardLink = fmt.Sprintf("%d:%d", st.Dev, st.Ino)
		}
	case fi.IsDir():
		e.Type = listing.Dir
	case fi.Mode()&os.ModeSymlink != 0:
		e.Type = listing.Symlink
		e.Target, err = root.Readlink(name)
	}
	return e, err
}
