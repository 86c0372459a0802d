package maint

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"mirror"
	"mirror/config"
	"mirror/fetch"
	"mirror/listing"
	"mirror/store"
)

// syncing is one run of Sync.
type syncing struct {
	Site
	SyncOptions
	ctx  context.Context
	stop context.CancelCauseFunc
	m    *config.Mirror
	tree *store.Tree
	sum  Synced

	plan
	times map[mirror.Name]listing.Span // of directories
	shut  map[mirror.Name]bool         // directories that are not gone into: something stands in their way
	deletion
}

// plan is what there is to be done, by step.
type plan struct {
	way     []mirror.Name          // of another kind than upstream: they make way
	dirs    []mirror.Name          // to be made, parents first
	files   []fetch.Wanted         // to be fetched or refreshed
	groups  map[string][]member    // hard links of one file
	hard    []fetch.Link           // hard links to be made of them
	links   []fetch.Link           // symbolic links
	instead map[mirror.Name]string // files that upstream are links, and why they are none here
	guessed []mirror.Name          // directories that their listing does not tell from files
}

// member is one name of a file that has several.
type member struct {
	name  mirror.Name
	entry listing.Entry
	here  fs.DirEntry // nil: nothing
}

// list plans what is needed for a directory and everything below it.
func (r *syncing) list(dir mirror.Name) error {
	into := func(dir mirror.Name) bool {
		return !r.excluded(dir) && dir.Base()[0] != '.' && askable(dir) && !r.shut[dir]
	}
	return r.Engine.Walk(r.ctx, dir, into, func(d fetch.Walked) {
		switch {
		case errors.Is(d.Err, fetch.ErrLoop):
			r.refuse(d.Name, d.Err.Error())
		case d.Err != nil:
			r.fail(d.Name, d.Err)
		default:
			r.directory(d)
		}
	})
}

// directory plans what one directory needs.
func (r *syncing) directory(d fetch.Walked) {
	r.sum.Directories++
	r.Progress.Directories.Add(1)
	here := r.here(d.Name)
	if !d.ModTime.IsZero() {
		r.times[d.Name] = listing.Exactly(d.ModTime.Unix())
	}
	r.count(here)
	listed := make(map[string]bool, len(d.Entries))
	for i := range d.Entries {
		e := &d.Entries[i]
		listed[e.Name] = true
		name := d.Name.Join(e.Name)
		r.listed(d.Name, name)
		switch {
		case e.Name[0] == '.':
			r.sum.Hidden++
		case !askable(name):
			r.refuse(name, "no request can ask for such a name")
		case r.excluded(name):
			r.sum.Excluded++
		case r.isOfOthers(name, e.Type == listing.Dir || e.Type == listing.Unknown):
			r.refuse(name, "another mirror has its place there")
		case !d.Links && r.isOurLink(name, here[e.Name]):
			r.shut[name] = true
			r.sum.Current++ // as who told of it said
		case e.Type == listing.Dir:
			r.subdirectory(name, e, here[e.Name])
		case e.Type == listing.Unknown && r.Conf.OtherMirror(r.m, string(name)):
			r.guessed = append(r.guessed, name)
		case e.Type == listing.Other:
			r.refuse(name, "it is neither a file nor a directory nor a link")
		case !r.included(name) || e.Type != listing.Symlink && r.isOld(e):
			r.sum.Excluded++
		case e.Type == listing.Symlink:
			r.symlink(name, e, here[e.Name])
		case e.HardLink != "":
			key := e.HardLink
			if !d.Tree {
				key = string(d.Name) + "/" + key
			}
			r.groups[key] = append(r.groups[key], member{name, *e, here[e.Name]})
		default:
			r.file(name, e, here[e.Name])
		}
	}
	r.absent(d, here, listed)
}

// here is what the docroot has in a directory.
func (r *syncing) here(dir mirror.Name) map[string]fs.DirEntry {
	if fi, err := r.tree.Lstat(pathOf(dir)); err != nil || !fi.IsDir() {
		return nil // it does not exist, or makes way
	}
	list, err := r.tree.ReadDir(dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			r.fail(dir, err)
		}
		return nil
	}
	here := make(map[string]fs.DirEntry, len(list))
	for _, entry := range list {
		here[entry.Name()] = entry
	}
	return here
}

// isOurLink reports whether a symbolic link of ours stands at a name.
func (r *syncing) isOurLink(name mirror.Name, here fs.DirEntry) bool {
	return here != nil && here.Type()&fs.ModeSymlink != 0 && r.Engine.Owns(r.ctx, name)
}

// isOld reports whether a file is certainly older than Since.
func (r *syncing) isOld(e *listing.Entry) bool {
	return !r.Since.IsZero() && e.MTime.Known && e.MTime.Hi < r.Since.Unix()
}

func (r *syncing) subdirectory(name mirror.Name, e *listing.Entry, here fs.DirEntry) {
	if here != nil && !here.IsDir() && !r.makeWay(name, here) {
		r.shut[name] = true
		return
	}
	if e.MTime.Known {
		r.times[name] = e.MTime
	}
	if here == nil || !here.IsDir() {
		r.dirs = append(r.dirs, name)
	}
}

// makeWay plans to take away what is of another kind than upstream. It reports
// false where that is not ours.
func (r *syncing) makeWay(name mirror.Name, here fs.DirEntry) bool {
	if !here.IsDir() {
		if !r.Engine.Owns(r.ctx, name) {
			r.keep(name, "it is of another kind upstream")
			return false
		}
		r.way = append(r.way, name)
		return true
	}
	what, stays := r.below(name)
	switch {
	case stays != nil:
		r.keep(name, "it is no directory upstream, and "+Quote(stays.Name)+" "+stays.Text)
		return false
	case len(what) > 1 && !r.Delete:
		r.keep(name, "it is no directory upstream, and not empty: --delete makes way")
		return false
	}
	r.way = append(r.way, what...)
	return true
}

// below is a directory and everything in it, the directory last; stays is
// something in it that nobody may take away, and why.
func (r *syncing) below(dir mirror.Name) (what []mirror.Name, stays *Note) {
	for base, entry := range r.here(dir) {
		name := dir.Join(base)
		switch {
		case r.leavesOut(name, entry):
			stays = &Note{name, "was left out by choice"}
		case entry.IsDir():
			more, other := r.below(name)
			what = append(what, more...)
			if other != nil {
				stays = other
			}
		case base[0] != '.' && r.Engine.Owns(r.ctx, name):
			what = append(what, name)
		default:
			stays = &Note{name, "is not ours"}
		}
	}
	return append(what, dir), stays
}

// file plans to fetch a file, unless it is here as it is upstream.
func (r *syncing) file(name mirror.Name, e *listing.Entry, here fs.DirEntry) {
	if here != nil && here.IsDir() && e.Type != listing.Symlink && !e.Size.Known && r.isDirectory(name) {
		r.guessed = append(r.guessed, name)
		return
	}
	if here != nil && !here.Type().IsRegular() && !r.makeWay(name, here) {
		return
	}
	if r.isCurrent(name, e, here) {
		r.sum.Current++
		return
	}
	size := int64(0)
	if e.Type != listing.Symlink && e.Size.Known {
		size = e.Size.Hi
	}
	r.files = append(r.files, fetch.Wanted{Name: name, Size: size, New: here == nil})
}

// isDirectory asks about what is a directory here and shown as a file: some web servers
// show a link to a directory so. Nothing gives way before the upstream has said that
// there is none; where it shows something else, the sync fails there.
func (r *syncing) isDirectory(name mirror.Name) bool {
	_, err := r.Engine.List(r.ctx, name)
	return !errors.Is(err, mirror.ErrNotFound)
}

// isCurrent reports whether the docroot's file is what the listing says. Where
// that tells no time, a file that may change has to be asked for.
func (r *syncing) isCurrent(name mirror.Name, e *listing.Entry, here fs.DirEntry) bool {
	if here == nil || !here.Type().IsRegular() || e.Type == listing.Symlink {
		return false
	}
	if !e.MTime.Known && r.m.IsMutable(r.rest(name)) {
		return false
	}
	fi, err := r.tree.Lstat(name)
	return err == nil && e.Size.Holds(fi.Size()) && e.MTime.Holds(fi.ModTime().Unix())
}

// symlink plans to make a link, or to follow it.
func (r *syncing) symlink(name mirror.Name, e *listing.Entry, here fs.DirEntry) {
	why := ""
	if !r.m.Links {
		why = "links = false"
	} else if err := fetch.Inside(r.m.Prefix, name, e.Target); err != nil {
		why = err.Error()
	}
	if why != "" {
		r.instead[name] = why
		r.file(name, e, here)
		return
	}
	if here != nil && here.IsDir() && !r.makeWay(name, here) {
		return
	}
	l := r.Engine.LinkOf(r.m, name, e)
	l.ModTime, _ = r.newTime(name, e.MTime)
	if here == nil || !r.Engine.Stands(l) {
		r.links = append(r.links, l)
	}
}

// broad is how broad a span of time may be, in seconds, for its beginning to be
// taken as a time: listings that tell the day tell no more of old files.
const broad = 24 * 60 * 60

// newTime is the time that a name is to have, and whether it has another. What it
// has stays where the span holds it, which may be less exact. Where nothing is
// known the time is zero.
func (r *syncing) newTime(name mirror.Name, span listing.Span) (at time.Time, differs bool) {
	if !span.Known || span.Width() >= broad {
		return time.Time{}, false
	}
	fi, err := r.tree.Lstat(pathOf(name))
	if err == nil && span.Holds(fi.ModTime().Unix()) {
		return fi.ModTime(), false
	}
	return time.Unix(span.Lo, 0), true
}

// choose settles which name of a file with several is fetched: one that is here
// already, or the first where nothing of others stands. The rest become links to it.
func (r *syncing) choose() {
	for _, key := range slices.Sorted(maps.Keys(r.groups)) {
		group := r.groups[key]
		slices.SortFunc(group, func(a, b member) int { return strings.Compare(string(a.name), string(b.name)) })
		first := slices.IndexFunc(group, func(m member) bool {
			return r.isCurrent(m.name, &m.entry, m.here) && r.Engine.Owns(r.ctx, m.name)
		})
		if first < 0 {
			first = max(0, slices.IndexFunc(group, func(m member) bool {
				return m.here == nil || r.Engine.Owns(r.ctx, m.name)
			}))
		}
		of := group[first]
		r.file(of.name, &of.entry, of.here)
		for i, m := range group {
			if i == first || m.here != nil && m.here.IsDir() && !r.makeWay(m.name, m.here) {
				continue
			}
			l := fetch.Link{Name: m.name, Of: of.name}
			if m.here != nil && r.isCurrent(of.name, &of.entry, of.here) && r.Engine.Stands(l) {
				r.sum.Current++
				continue
			}
			r.hard = append(r.hard, l)
		}
	}
}
