package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"mirror"
	"mirror/config"
	"mirror/listing"
	"mirror/store"
)

// place is where a name is: a file that can be reached by several ways, through
// symbolic links, is fetched and recorded at one.
type place struct {
	name mirror.Name
	m    *config.Mirror // nil: none is configured for the name
	rest mirror.Name    // name below the mirror's prefix
}

func (e *Engine) placeOf(name mirror.Name) place {
	m, rest, _ := e.conf.Match(string(name))
	return place{name, m, mirror.Name(rest)}
}

// placeOfDir is placeOf for a directory: a prefix is one, too.
func (e *Engine) placeOfDir(name mirror.Name) place {
	if name == "" {
		return e.placeOf("")
	}
	p := e.placeOf(name + "/")
	return place{name, p.m, mirror.Name(strings.TrimSuffix(string(p.rest), "/"))}
}

// find is look at the place to which the links of the docroot lead from name.
func (e *Engine) find(ctx context.Context, name mirror.Name) (*File, place, error) {
	p := e.placeOf(name)
	f, err := e.look(ctx, p)
	if !errors.Is(err, store.ErrLinked) {
		return f, p, err
	}
	real, err := e.tree.Resolve(name)
	if err != nil {
		return nil, p, err
	}
	if p = e.placeOf(real); p.m == nil && real != name {
		// Others' links may lead to others' files. Nothing is fetched there.
		if f, err = e.look(ctx, p); errors.Is(err, errMissing) {
			err = fmt.Errorf("/%s leads to /%s, where nothing is: %w", name, real, mirror.ErrForeign)
		}
		return f, p, err
	}
	f, err = e.look(ctx, p)
	return f, p, err
}

// linked remembers of which directories the links are made.
type linked struct {
	mu   sync.Mutex
	dirs map[mirror.Name]settled // guarded by mu
}

type settled struct {
	until    time.Time // when it is looked at again
	unlisted bool
	// twins are the names of the files that have several in the directory, by
	// each of them.
	twins map[string][]listing.Entry
}

// maxLinked is how many directories are remembered.
const maxLinked = 10_000

// via makes the symbolic links that the way to a missing name leads through, one
// after the other, and reports whether there is any: then it has another place.
//
// It waits staleWait at most for each directory: an upstream that takes longer than
// that to tell its links is asked for the file as it was named.
func (e *Engine) via(ctx context.Context, p place) (moved bool) {
	for e.meetsLink(ctx, p) {
		moved = true
		real, err := e.tree.Resolve(p.name)
		if p = e.placeOf(real); err != nil || p.m == nil {
			break // which whoever looks at the name finds, too
		}
	}
	return moved
}

// meetsLink makes the symbolic links of the directories on the way to a missing
// name, and reports whether one of them is in its way.
//
// Only listings tell links, so each directory on the way is listed, once in
// listing_max_age, of those mirrors of which an upstream tells them. A directory
// that the docroot has needs no question about itself. One that cannot be listed
// ends the way: what is below it can be listed no better.
func (e *Engine) meetsLink(ctx context.Context, p place) bool {
	tells := e.listers[p.m][0].linked || p.m.Index != ""
	if !p.m.Links || !tells || string(p.rest) == p.m.Index { // the catalog itself is what tells
		return false
	}
	dir := mirror.Name(strings.TrimSuffix(p.m.Prefix, "/"))
	if parent := p.name.Parent(); e.tree.HasDir(parent) {
		dir = parent // and so all on the way to it are directories
	}
	below := strings.TrimPrefix(strings.TrimPrefix(string(p.name), string(dir)), "/")
	for segment := range strings.SplitSeq(below, "/") {
		if e.settleLinks(ctx, dir).unlisted {
			return false
		}
		dir = dir.Join(segment)
		if fi, err := e.tree.Lstat(dir); err == nil && fi.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// settleLinks makes the links of a directory, unless that was done a short while
// ago. Where it cannot be listed there are none: then files are asked for as they
// are named.
func (e *Engine) settleLinks(ctx context.Context, dir mirror.Name) settled {
	e.linked.mu.Lock()
	s := e.linked.dirs[dir]
	e.linked.mu.Unlock()
	if e.now().Before(s.until) {
		return s
	}
	s = settled{until: e.now().Add(refreshAgain)}
	ctx, cancel := context.WithTimeout(ctx, staleWait)
	defer cancel()
	d, err := e.List(ctx, dir)
	s.unlisted = err != nil
	if err == nil {
		e.makeLinksOf(ctx, d)
		s.twins = twins(d.Entries)
		if m := e.placeOfDir(dir).m; m != nil && d.Stale == nil {
			s.until = d.Checked.Add(max(m.ListingMaxAge, refreshAgain))
		}
	}
	e.linked.mu.Lock()
	defer e.linked.mu.Unlock()
	if len(e.linked.dirs) >= maxLinked || e.linked.dirs == nil {
		e.linked.dirs = make(map[mirror.Name]settled)
	}
	e.linked.dirs[dir] = s
	return s
}

// twins finds the hard links of a directory to one file.
func twins(entries []listing.Entry) map[string][]listing.Entry {
	groups := make(map[string][]listing.Entry)
	for _, e := range entries {
		if e.Type == listing.File && e.HardLink != "" && mirror.Askable(e.Name) {
			groups[e.HardLink] = append(groups[e.HardLink], e)
		}
	}
	var byName map[string][]listing.Entry
	for _, group := range groups {
		if len(group) == 1 {
			continue
		}
		if byName == nil {
			byName = make(map[string][]listing.Entry)
		}
		for _, e := range group {
			byName[e.Name] = group
		}
	}
	return byName
}

// linkTwin gives a missing file the inode of another name of its own that is
// here, and reports whether there was one: the two are one file upstream.
func (e *Engine) linkTwin(ctx context.Context, p place) bool {
	e.linked.mu.Lock()
	group := e.linked.dirs[p.name.Parent()].twins[p.name.Base()]
	e.linked.mu.Unlock()
	for _, twin := range group {
		of := p.name.Parent().Join(twin.Name)
		rec, err := e.held(ctx, of)
		if of == p.name || err != nil || rec == nil || !twin.Size.Exact() || twin.Size.Lo != rec.Size || !twin.MTime.Holds(rec.ModTime.Unix()) {
			continue // not here, or of another version
		}
		made := false
		e.MakeLinks(ctx, []Link{{Name: p.name, Of: of, Upstream: e.sources[p.m][0].URL(p.rest)}}, func(_ Link, ok bool, _ error) { made = ok })
		if made {
			return true
		}
	}
	return false
}

// makeLinksOf puts into the docroot the symbolic links of a directory whose
// targets stay inside the mirror. Of others, the upstream serves the content
// under their own name.
func (e *Engine) makeLinksOf(ctx context.Context, d *Directory) {
	m := e.placeOfDir(d.Name).m
	if m == nil || !m.Links {
		return
	}
	var list []Link
	for _, entry := range d.Entries {
		name := d.Name.Join(entry.Name)
		if entry.Type != listing.Symlink || !mirror.Askable(entry.Name) || e.conf.OtherMirror(m, string(name)) || Inside(m.Prefix, name, entry.Target) != nil {
			continue
		}
		list = append(list, e.LinkOf(m, name, &entry))
	}
	if len(list) == 0 {
		return
	}
	err := e.tree.MakeDir(d.Name)
	if err == nil {
		err = e.MakeLinks(ctx, list, func(l Link, made bool, err error) {
			if err != nil && !errors.Is(err, mirror.ErrBusy) {
				e.log.Warn("a symbolic link cannot be made", "path", "/"+string(l.Name), "target", l.Target, "err", err)
			}
		})
	}
	if err != nil && ctx.Err() == nil {
		e.log.Warn("the symbolic links of a directory cannot be made", "path", "/"+string(d.Name)+"/", "err", err)
	}
}
