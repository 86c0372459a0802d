package maint

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"mirror"
	"mirror/fetch"
)

// deletion is what a sync with Delete takes away, and what keeps it from that.
//
// What a listing lacks is gone upstream only if the listing was read to its end
// and to the letter, and is not older than what it lacks. Even then a disk that is
// not mounted shows an empty directory, or half a tree: so a sync deletes nothing
// where everything would go, or a lot.
//
// A sync without Delete goes by the same proof, and puts on record that the upstream
// has dropped these: GC takes them away in time.
type deletion struct {
	top    mirror.Name   // of what is synced
	gone   []mirror.Name // to be deleted; a directory after what is in it
	had    int           // files and links that are here
	spared error         // why nothing of gone goes; nil: it may

	dropped map[mirror.Name]string // what was on record as dropped, and by which word
	back    []string               // of these, what a listing has again by which they were dropped
}

// few is how many files may go, however few are here.
const few = 10

// count counts what is in a directory.
func (r *syncing) count(here map[string]fs.DirEntry) {
	for _, entry := range here {
		if !entry.IsDir() {
			r.had++
		}
	}
}

// absent plans to delete what a directory no longer has upstream, if its listing
// proves that.
func (r *syncing) absent(d fetch.Walked, here map[string]fs.DirEntry, listed map[string]bool) {
	var names []mirror.Name
	for base := range here {
		name := d.Name.Join(base)
		if !listed[base] && base[0] != '.' && !r.leavesOut(name, here[base]) && !r.isOfOthers(name, false) && !r.isCatalog(name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	why := ""
	switch {
	case !d.Ended:
		why = "its listing is not certain to be whole"
	case d.Unread > 0:
		why = fmt.Sprintf("its listing was not read to the letter: %d of its lines were not understood", d.Unread)
	case d.Doubt != nil:
		why = d.Doubt.Error()
	}
	if why != "" {
		if r.Delete {
			r.sum.Undeleted = append(r.sum.Undeleted, Note{d.Name, why})
		}
		return
	}
	before := len(r.gone)
	for _, name := range names {
		r.obsolete(name, here[name.Base()], d.AsOf)
	}
	shown := func(name string) bool { return name[0] != '.' }
	if d.Name == r.top && len(r.gone) > before && !slices.ContainsFunc(slices.Collect(maps.Keys(listed)), shown) {
		r.spared = fmt.Errorf("%s is empty upstream, as a disk is that is not mounted: nothing was deleted", Quote(r.top))
	}
}

// leavesOut reports whether the choice of names leaves out what is here: then it
// stays.
func (r *syncing) leavesOut(name mirror.Name, here fs.DirEntry) bool {
	switch {
	case r.excluded(name):
		return true
	case here.IsDir():
		return false
	case !r.included(name):
		return true
	case r.Since.IsZero() || here.Type()&fs.ModeSymlink != 0:
		return false
	}
	fi, err := r.tree.Lstat(name)
	return err != nil || fi.ModTime().Before(r.Since)
}

// isOfOthers reports whether a name is another mirror's. A directory above its
// prefix is this one's as well.
func (r *syncing) isOfOthers(name mirror.Name, dir bool) bool {
	if !r.Conf.OtherMirror(r.m, string(name)) {
		return false
	}
	m, _, ok := r.Conf.Match(string(name) + "/")
	return !dir || !ok || m != r.m
}

// isCatalog reports whether a name is that of the mirror's catalog, which need not
// list itself, or of a directory above it.
func (r *syncing) isCatalog(name mirror.Name) bool {
	return r.m.Index != "" && strings.HasPrefix(r.m.Index+"/", r.rest(name)+"/")
}

// obsolete plans to delete a name that a listing as of then lacks, and what is
// below it, as far as it is ours.
func (r *syncing) obsolete(name mirror.Name, here fs.DirEntry, then time.Time) {
	if !here.IsDir() {
		switch {
		case !r.Engine.Owns(r.ctx, name):
			if r.Delete {
				r.keep(name, "it is not upstream")
			}
		case !r.isNewer(name, then):
			r.gone = append(r.gone, name)
		}
		return
	}
	below := r.here(name)
	r.count(below)
	for _, base := range slices.Sorted(maps.Keys(below)) {
		if base[0] != '.' && !r.leavesOut(name.Join(base), below[base]) {
			r.obsolete(name.Join(base), below[base], then)
		}
	}
	r.gone = append(r.gone, name)
}

// isNewer reports whether an upstream had a file of ours after some moment.
func (r *syncing) isNewer(name mirror.Name, then time.Time) bool {
	rec, ok, err := r.Engine.Index().File(r.ctx, string(name))
	return err != nil || !ok || rec.Fetched.After(then) || rec.Checked.After(then)
}

// tooMany says why names are not to be deleted: there are too many of them.
func (r *syncing) tooMany(names []mirror.Name) error {
	files := 0
	for _, name := range names {
		if fi, err := r.tree.Lstat(name); err == nil && !fi.IsDir() {
			files++
		}
	}
	switch {
	case r.MaxDelete > 0 && files > r.MaxDelete:
		return fmt.Errorf("nothing was deleted: %d files would go, and --max-delete lets %d", files, r.MaxDelete)
	case r.MaxDelete == 0 && files > few && files > r.had/2:
		return fmt.Errorf("nothing was deleted: %d files of %d would go, which is more than half of them: --max-delete %[1]d lets them go", files, r.had)
	}
	return nil
}

// spare keeps what is gone upstream, where a mistake there is likelier.
func (r *syncing) spare() {
	if r.spared == nil {
		r.spared = r.tooMany(r.gone)
	}
	if r.spared == nil {
		return
	}
	r.gone = nil
	if r.Delete {
		r.sum.Undeleted = append(r.sum.Undeleted, Note{r.top, r.spared.Error()})
	} else {
		r.spared = nil // nothing was to go
	}
}

// recall reads what was dropped before.
func (r *syncing) recall() error {
	r.dropped = make(map[mirror.Name]string)
	for d, err := range r.Engine.Index().Dropped(r.ctx, time.Now()) {
		if err != nil {
			return err
		}
		r.dropped[mirror.Name(d.Name)] = d.Via
	}
	return nil
}

// listed notes a name that a directory has upstream. What an index has dropped stays
// dropped: upstreams keep files for a while that they do not name any more.
func (r *syncing) listed(dir, name mirror.Name) {
	if via, ok := r.dropped[name]; ok && via == string(dir) {
		r.back = append(r.back, string(name))
	}
}

// drop puts on record what is gone upstream, and what is there again.
func (r *syncing) drop() error {
	if err := r.Engine.Index().ClearDropped(r.ctx, r.back...); err != nil {
		return err
	}
	now := time.Now()
	by := make(map[mirror.Name][]string)
	for _, name := range r.obsoleteFiles() {
		by[name.Parent()] = append(by[name.Parent()], string(name))
		r.sum.Dropped++
		r.tell("drop", name, "it is no longer upstream")
	}
	for _, dir := range slices.Sorted(maps.Keys(by)) {
		if err := r.Engine.Index().MarkDropped(r.ctx, string(dir), now, by[dir]...); err != nil {
			return err
		}
	}
	return nil
}

// obsoleteFiles are the files and links of gone, if they stay for now.
func (r *syncing) obsoleteFiles() []mirror.Name {
	var list []mirror.Name
	for _, name := range r.gone {
		if fi, err := r.tree.Lstat(name); err == nil && !fi.IsDir() && !r.Delete {
			list = append(list, name)
		}
	}
	return list
}
