package maint

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"mirror"
	"mirror/fetch"
	"mirror/listing"
)

// maxDepth bounds the rounds in which files turn out to be directories: a link that
// leads back makes them endless.
const maxDepth = 40

// run is the steps. Each finds in the docroot what the ones before it have made.
func (r *syncing) run(dir mirror.Name) error {
	r.times, r.shut = make(map[mirror.Name]listing.Span), make(map[mirror.Name]bool)
	r.top = dir
	if err := r.recall(); err != nil {
		return err
	}
	dirs := []mirror.Name{dir}
	for depth := 0; len(dirs) > 0 && depth < maxDepth; depth++ {
		r.plan = plan{groups: make(map[string][]member), instead: make(map[mirror.Name]string)}
		for _, dir := range dirs {
			switch err := r.list(dir); {
			case err != nil && depth == 0:
				return err
			case err != nil:
				r.fail(dir, err)
			}
		}
		r.choose()
		for _, w := range r.files {
			r.Progress.Files.Add(1)
			r.Progress.Bytes.Add(w.Size)
		}
		r.Progress.Listed.Store(true)
		if r.Delete {
			if err := r.tooMany(r.way); err != nil {
				return err
			}
		}
		if r.DryRun {
			r.spare()
			r.pretend()
			return cmp.Or(r.ctx.Err(), r.spared)
		}
		makeWay := func() error { return r.clear(r.way) }
		for _, step := range []func() error{makeWay, r.makeDirs, r.fetchFiles, r.makeLinks} {
			if err := step(); err != nil {
				return err
			}
		}
		dirs = r.guessed
	}
	r.spare()
	takeAway := r.drop
	if r.Delete {
		takeAway = func() error { return r.clear(r.gone) }
	}
	if err := takeAway(); err != nil {
		return err
	}
	r.setTimes()
	return r.spared
}

// clear takes names of ours out of the docroot: directories after what is in them.
func (r *syncing) clear(names []mirror.Name) error {
	var files, dirs []mirror.Name
	for _, name := range names {
		fi, err := r.tree.Lstat(name)
		switch {
		case err != nil: // gone already
		case fi.IsDir():
			dirs = append(dirs, name)
		default:
			files = append(files, name)
		}
	}
	emptied := make(map[mirror.Name]bool)
	err := r.Engine.RemoveMany(r.ctx, files, func(gone fetch.Removed) {
		if gone.Err != nil {
			r.fail(gone.Name, gone.Err)
			return
		}
		emptied[gone.Name.Parent()] = true
		r.sum.Deleted++
		r.tell("delete", gone.Name, "")
	})
	for _, dir := range r.Engine.RemoveDirs(r.ctx, dirs, emptied) {
		r.sum.DeletedDirs++
		r.tell("delete", dir, "")
	}
	return err
}

// makeDirs makes the directories, so that empty ones are there, too. With a
// choice of files there are only those that hold some.
func (r *syncing) makeDirs() error {
	if len(r.Include) > 0 || !r.Since.IsZero() {
		return r.parents()
	}
	for _, dir := range r.dirs {
		if err := r.tree.MakeDir(dir); err != nil {
			r.fail(dir, err)
		}
	}
	return r.ctx.Err()
}

// parents makes the directories of links; those of files come with them.
func (r *syncing) parents() error {
	for _, l := range slices.Concat(r.links, r.hard) {
		if dir := l.Name.Parent(); dir != "" {
			if err := r.tree.MakeDir(dir); err != nil {
				r.fail(l.Name, err)
			}
		}
	}
	return r.ctx.Err()
}

// fetchFiles brings the files. Directories that were taken for files it adds to
// those guessed.
func (r *syncing) fetchFiles() error {
	return r.Engine.FetchMany(r.ctx, r.m, r.files, fetch.Many{
		Jobs:  r.Jobs,
		Wrote: func(n int) { r.Progress.Arrived.Add(int64(n)) },
		Done: func(w fetch.Wanted, how fetch.Brought, size int64, err error) {
			r.Progress.Done.Add(1)
			why, followed := r.instead[w.Name]
			switch {
			case err == nil:
				r.brought(w.Name, how, size)
				if followed {
					r.refuse(w.Name, why+"; what it leads to is here in its place")
				}
			case followed && !errors.Is(err, mirror.ErrForeign):
				r.refuse(w.Name, why+"; and there is no file behind it")
			case errors.Is(err, mirror.ErrIsDirectory):
				r.guessed = append(r.guessed, w.Name)
			default:
				r.fail(w.Name, err)
			}
		},
	})
}

func (r *syncing) brought(name mirror.Name, how fetch.Brought, size int64) {
	r.sum.Bytes += size
	switch how {
	case fetch.Fetched:
		r.sum.Fetched++
		r.tell("fetch", name, "")
	case fetch.Replaced:
		r.sum.Replaced++
		r.tell("replace", name, "")
	case fetch.Confirmed:
		r.sum.Current++
	}
}

// makeLinks makes hard links, of which the files are here now, and symbolic ones.
func (r *syncing) makeLinks() error {
	r.hard = slices.DeleteFunc(r.hard, func(l fetch.Link) bool {
		_, err := r.tree.Lstat(l.Of)
		if err != nil {
			r.fail(l.Name, fmt.Errorf("it is another name of %s, which could not be fetched", Quote(l.Of)))
		}
		return err != nil
	})
	err := r.Engine.MakeLinks(r.ctx, r.hard, func(l fetch.Link, made bool, err error) {
		switch {
		case err != nil:
			r.fail(l.Name, err)
		case made:
			r.sum.HardLinks++
			r.tell("hard link", l.Name, Quote(l.Of))
		default:
			r.sum.Current++
		}
	})
	if err != nil {
		return err
	}
	return r.Engine.MakeLinks(r.ctx, r.links, func(l fetch.Link, made bool, err error) {
		switch {
		case err != nil:
			r.fail(l.Name, err)
		case made:
			r.sum.Symlinks++
			r.tell("link", l.Name, l.Target)
		}
	})
}

// setTimes gives directories their times, the deepest first: each change in one
// changes its own.
func (r *syncing) setTimes() {
	dirs := slices.SortedFunc(maps.Keys(r.times), func(a, b mirror.Name) int {
		return cmp.Compare(strings.Count(string(b), "/"), strings.Count(string(a), "/"))
	})
	for _, dir := range dirs {
		at, differs := r.newTime(dir, r.times[dir])
		if !differs {
			continue
		}
		switch err := r.tree.SetDirTime(dir, at); {
		case errors.Is(err, fs.ErrPermission):
			r.refuse(dir, "its time cannot be set, since it belongs to another user")
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			r.fail(dir, err)
		}
	}
}

// pretend tells what would be done.
func (r *syncing) pretend() {
	goes := r.way
	if r.Delete {
		goes = slices.Concat(r.way, r.gone)
	}
	r.sum.Dropped = len(r.obsoleteFiles())
	for _, name := range goes {
		if fi, err := r.tree.Lstat(name); err == nil && fi.IsDir() {
			r.sum.DeletedDirs++
		} else {
			r.sum.Deleted++
		}
		r.tell("delete", name, "")
	}
	for _, w := range r.files {
		if why, followed := r.instead[w.Name]; followed {
			r.refuse(w.Name, why+"; what it leads to is asked for in its place")
			continue
		}
		if !w.New {
			r.sum.Asked++
			r.tell("ask", w.Name, "")
			continue
		}
		r.sum.Fetched++
		r.sum.Bytes += w.Size
		r.tell("fetch", w.Name, "")
	}
	for _, l := range r.hard {
		r.sum.HardLinks++
		r.tell("hard link", l.Name, Quote(l.Of))
	}
	for _, l := range r.links {
		r.sum.Symlinks++
		r.tell("link", l.Name, l.Target)
	}
}
