package maint

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"mirror"
	"mirror/config"
)

// SyncOptions is how a subtree is brought.
type SyncOptions struct {
	DryRun bool // tell what would be done, and do nothing
	Delete bool // take out of the docroot what is ours and no longer upstream

	// Include and Exclude are patterns of names below the mirror's prefix, as
	// the configuration has them. A file or link is taken if it matches one of
	// Include, where there are any, and none of Exclude; a directory that
	// matches one of Exclude is not gone into. What this choice, or Since, leaves
	// out is not deleted either.
	Include, Exclude []string

	// MaxDelete is how many files and links may be deleted: if more would be, none
	// is. 0: half of those that are here, and in any case a few.
	MaxDelete int

	Since time.Time // only files that are not older; zero: all
	Jobs  int       // files asked for at a time, at most limits.per_upstream; 0: a few

	Progress *Progress // nil: nobody watches
	// Tell is called with each thing that is done, or with DryRun would be, one
	// at a time; nil: nobody wants to know.
	Tell func(Action)
}

// Progress is how far a sync is. Its fields grow.
type Progress struct {
	Directories   atomic.Int64 // listed
	Files, Bytes  atomic.Int64 // to be fetched
	Done, Arrived atomic.Int64 // of these
	Listed        atomic.Bool  // everything was
}

// Action is one thing that a sync does.
type Action struct {
	Verb string // "fetch", "replace", "confirm", "ask", "link", "hard link", "delete", "drop", "keep", "refuse", "fail"
	Name mirror.Name
	Text string // where a link leads, or why it was refused or failed
}

// Note is what a sync has to say of one name.
type Note struct {
	Name mirror.Name
	Text string
}

// Synced is what a sync did, or with DryRun would do.
type Synced struct {
	Directories int
	Fetched     int
	Replaced    int
	Asked       int   // with DryRun: would be replaced if they have changed
	Current     int   // files that were there as they are upstream
	Bytes       int64 // that arrived
	Symlinks    int   // made or changed
	HardLinks   int
	Deleted     int // files and links
	DeletedDirs int
	Dropped     int // without Delete: files and links that are no longer upstream
	Hidden      int // names that begin with a dot: they are never mirrored
	Excluded    int // by Include, Exclude and Since

	Kept    []Note // stands in the way, or would be deleted, and is not ours
	Refused []Note // links that were not made, and what cannot be mirrored
	Failed  []Note
	// Undeleted are directories of which the listing does not prove that what
	// it lacks is gone.
	Undeleted []Note

	Took time.Duration
}

// Sync makes a directory of the docroot, and everything below it, what it is
// upstream: names, sizes, times, links. What is there already is not fetched
// again, so one that was broken off goes on where it was. The error is what ended
// it; what concerns single names is in Failed.
func (s Site) Sync(ctx context.Context, dir mirror.Name, o SyncOptions) (Synced, error) {
	dir, err := s.Engine.Tree().Resolve(dir) // what links lead to has one place
	if err != nil {
		return Synced{}, err
	}
	below := string(dir) + "/"
	if dir == "" {
		below = ""
	}
	m, _, ok := s.Conf.Match(below)
	if !ok {
		return Synced{}, s.outside(dir)
	}
	lock, err := s.alone("sync/"+m.Prefix, "sync of "+Quote(mirror.Name(m.Prefix)))
	if err != nil {
		return Synced{}, err
	}
	defer lock.Unlock()
	if err := s.Engine.Recover(ctx); err != nil {
		return Synced{}, err
	}
	if o.Progress == nil {
		o.Progress = new(Progress)
	}
	if o.Tell == nil {
		o.Tell = func(Action) {}
	}
	begun := time.Now()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &syncing{Site: s, SyncOptions: o, ctx: ctx, stop: stop, m: m, tree: s.Engine.Tree()}
	err = r.run(dir)
	if errors.Is(err, mirror.ErrNotFound) && r.sum.Directories == 0 {
		if _, statErr := s.Engine.Stat(ctx, dir); statErr == nil {
			err = fmt.Errorf("%s is a file: mirrorctl fetch brings it, sync brings directories", Quote(dir))
		}
	}
	r.sum.Took = time.Since(begun)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return r.sum, err
}

// excluded reports whether a name is left out by its name alone.
func (r *syncing) excluded(name mirror.Name) bool {
	return config.MatchAny(r.Exclude, r.rest(name))
}

// included reports whether a file or link is taken, by its name.
func (r *syncing) included(name mirror.Name) bool {
	return len(r.Include) == 0 || config.MatchAny(r.Include, r.rest(name))
}

// rest is the name below the mirror's prefix.
func (r *syncing) rest(name mirror.Name) string {
	return strings.TrimPrefix(string(name), r.m.Prefix)
}

func (r *syncing) tell(verb string, name mirror.Name, text string) {
	r.Tell(Action{verb, name, text})
}

func (r *syncing) keep(name mirror.Name, why string) {
	r.sum.Kept = append(r.sum.Kept, Note{name, why})
	r.tell("keep", name, why)
}

func (r *syncing) refuse(name mirror.Name, why string) {
	r.sum.Refused = append(r.sum.Refused, Note{name, why})
	r.tell("refuse", name, why)
}

// fail notes what went wrong with one name. What would go wrong with all others,
// too, ends the sync.
func (r *syncing) fail(name mirror.Name, err error) {
	if r.ctx.Err() != nil {
		return // it was broken off
	}
	why := strings.TrimPrefix(err.Error(), "/"+string(name)+": ")
	if errors.Is(err, mirror.ErrForeign) {
		r.keep(name, why)
		return
	}
	r.sum.Failed = append(r.sum.Failed, Note{name, why})
	r.tell("fail", name, why)
	if errors.Is(err, mirror.ErrNoSpace) {
		r.stop(err)
	}
}
