package fetch

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"mirror"
	"mirror/listing"
	"mirror/store/index"
)

// Presence says how much of an upstream's file the mirror has.
type Presence uint8

// The presences. Directories and links have none.
const (
	Absent   Presence = iota // only upstream
	Arriving                 // being fetched
	Here                     // whole, in the docroot
)

// Item is an entry of a directory, and what is here of it.
type Item struct {
	listing.Entry
	Presence Presence
	Done     int64 // bytes that have arrived, while it is Arriving
}

// Items returns the entries of d that can be asked for, directories first, and
// with them the files of ours that are no longer listed. What the listing tells
// of a file only roughly is told exactly once the file is here. What others put
// into the docroot is not shown.
func (e *Engine) Items(ctx context.Context, d *Directory) ([]Item, error) {
	local, err := e.local(d.Name)
	if err != nil {
		return nil, err
	}
	arriving := e.arriving(ctx, d.Name)
	items := make([]Item, 0, len(d.Entries))
	for _, entry := range d.Entries {
		if !mirror.Askable(entry.Name) {
			continue
		}
		it := Item{Entry: entry}
		if f := local[entry.Name]; f != nil {
			e.refine(&it, d.Name, f)
			delete(local, entry.Name)
		}
		if done, ok := arriving[entry.Name]; ok && it.Presence == Absent {
			it.Presence, it.Done = Arriving, done
		}
		items = append(items, it)
	}
	if d.Upstream != "" {
		items = e.appendDropped(ctx, items, d.Name, local)
	}
	slices.SortFunc(items, func(a, b Item) int { return inOrder(a.Entry, b.Entry) })
	return items, nil
}

// inOrder compares entries by where they are shown: directories first.
func inOrder(a, b listing.Entry) int {
	if a, b := a.Type == listing.Dir, b.Type == listing.Dir; a != b {
		if a {
			return -1
		}
		return 1
	}
	return cmp.Compare(a.Name, b.Name)
}

// local is what the docroot has in a directory.
func (e *Engine) local(dir mirror.Name) (map[string]fs.DirEntry, error) {
	list, err := e.tree.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	local := make(map[string]fs.DirEntry, len(list))
	for _, f := range list {
		local[f.Name()] = f
	}
	return local, nil
}

// refine adds what the docroot's file tells.
func (e *Engine) refine(it *Item, dir mirror.Name, f fs.DirEntry) {
	switch {
	case f.IsDir() && it.Type == listing.Unknown:
		it.Type = listing.Dir
		return
	case !f.Type().IsRegular() || it.Type != listing.Unknown && it.Type != listing.File:
		return
	}
	it.Presence = Here
	if it.Type == listing.File && it.Size.Exact() && it.MTime.Exact() {
		return
	}
	fi, err := e.tree.Lstat(dir.Join(it.Name))
	if err != nil {
		return
	}
	it.Type = listing.File
	// A file that the listing contradicts is of another version than it shows.
	if it.Size.Holds(fi.Size()) && it.MTime.Holds(fi.ModTime().Unix()) {
		it.Size, it.MTime = listing.Exactly(fi.Size()), listing.Exactly(fi.ModTime().Unix())
	}
}

// appendDropped adds the files of ours that the upstream no longer lists.
func (e *Engine) appendDropped(ctx context.Context, items []Item, dir mirror.Name, local map[string]fs.DirEntry) []Item {
	for name, f := range local {
		if !mirror.Askable(name) || !f.Type().IsRegular() {
			continue
		}
		fi, err := e.tree.Lstat(dir.Join(name))
		if err != nil {
			continue
		}
		if _, ours := e.claim(ctx, dir.Join(name), fi); !ours {
			continue
		}
		items = append(items, Item{Presence: Here, Entry: listing.Entry{
			Name: name, Type: listing.File,
			Size: listing.Exactly(fi.Size()), MTime: listing.Exactly(fi.ModTime().Unix()),
		}})
	}
	return items
}

// arriving returns the files of a directory that are being fetched, here or in
// another process, and how many of their bytes have arrived.
func (e *Engine) arriving(ctx context.Context, dir mirror.Name) map[string]int64 {
	files := make(map[string]int64)
	e.mu.Lock()
	for name, t := range e.running {
		if name.Parent() == dir {
			files[name.Base()] = t.now().have
		}
	}
	e.mu.Unlock()
	prefix := ""
	if dir != "" {
		prefix = string(dir) + "/"
	}
	for p, err := range e.index.PartialsBelow(ctx, prefix) {
		if err != nil {
			e.log.Warn("the unfinished files cannot be read from the record", "err", err)
			break
		}
		name := mirror.Name(p.Name)
		if _, known := files[name.Base()]; known || name.Parent() != dir {
			continue
		}
		if done, ok := e.growing(name, p); ok {
			files[name.Base()] = done
		}
	}
	return files
}

// growing looks at a part that another process may be writing.
func (e *Engine) growing(name mirror.Name, p index.Partial) (done int64, ok bool) {
	if held, err := e.tree.Locks.Held(string(name)); err != nil || !held {
		return 0, false
	}
	part, err := e.tree.FollowPart(name)
	if err != nil {
		return 0, false
	}
	defer part.Close()
	st, err := part.Stat()
	return st.Size, err == nil && part.Inode == p.Inode
}
