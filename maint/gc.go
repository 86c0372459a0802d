package maint

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"mirror"
	"mirror/config"
	"mirror/fetch"
	"mirror/repo"
	"mirror/store/index"
)

// GCOptions is how the collection goes about it.
type GCOptions struct {
	DryRun bool             // tell what would be removed, and remove nothing
	Tell   func(Collection) // called with each file that is removed; nil: nobody wants to know
}

// Collection is one file that is removed.
type Collection struct {
	Name  mirror.Name
	Since time.Time // when the upstream was seen to have dropped it
	Via   string    // by what: an index, or the listing of a directory
}

// Collected is what a collection did, or with DryRun would do.
type Collected struct {
	Removed int
	Bytes   int64 // in these
	Dirs    int   // that were empty then
	Waiting int   // dropped, and not for long enough
	Back    int   // dropped, and confirmed by the upstream since: their time begins anew
	Others  int   // files that others have put in the place of dropped ones
	Failed  []Note
}

// collecting is how many files go together: so many are looked up at once, and
// nobody has learned anything new of one before it goes.
const collecting = 64

// GC removes the files of ours that their upstreams dropped longer ago than their
// mirror's keep_dropped. What dropped means is on record, by the word of an index
// or a listing that was read to its end, and it is asked for once more: a file that
// any index names now stays. Beside them go unfinished files that nobody has gone on
// with, and damaged ones, when their time has come.
func (s Site) GC(ctx context.Context, o GCOptions) (Collected, error) {
	lock, err := s.alone("gc", "collection")
	if err != nil {
		return Collected{}, err
	}
	defer lock.Unlock()
	if err := s.Engine.Recover(ctx); err != nil {
		return Collected{}, err
	}
	if o.Tell == nil {
		o.Tell = func(Collection) {}
	}
	g := &collection{Site: s, GCOptions: o, ctx: ctx, now: time.Now(), emptied: make(map[mirror.Name]bool)}
	err = g.run()
	if o.DryRun {
		return g.sum, err
	}
	g.removeDirs()
	return g.sum, errors.Join(err, s.Engine.Tree().Sweep(g.now), s.Engine.Tree().SweepBad(g.now))
}

// collection is one run of GC.
type collection struct {
	Site
	GCOptions
	ctx     context.Context
	now     time.Time
	sum     Collected
	learned map[string][]time.Time // by index: when it dropped files, the latest first
	emptied map[mirror.Name]bool   // directories that something was removed from
}

func (g *collection) run() error {
	if err := g.readGenerations(); err != nil {
		return err
	}
	var due []index.Dropped
	for d, err := range g.Engine.Index().Dropped(g.ctx, g.now) {
		if err != nil {
			return err
		}
		if !g.isDue(d) {
			continue
		}
		if due = append(due, d); len(due) == collecting {
			if err := g.collect(due); err != nil {
				return err
			}
			due = due[:0]
		}
	}
	return g.collect(due)
}

// isDue reports whether a dropped file's time is over.
func (g *collection) isDue(d index.Dropped) bool {
	m, _, ok := g.Conf.Match(d.Name)
	if !ok {
		return false // of a mirror that is not configured any more
	}
	if m.KeepDropped == config.KeepForever || g.now.Sub(d.Since) < m.KeepDropped && !g.isOld(m, d) {
		g.sum.Waiting++
		return false
	}
	return true
}

// readGenerations finds out when each index dropped files: each time was another
// generation of it.
func (g *collection) readGenerations() error {
	g.learned = make(map[string][]time.Time)
	for d, err := range g.Engine.Index().Dropped(g.ctx, g.now) {
		if err != nil {
			return err
		}
		times := g.learned[d.Via]
		if !slices.ContainsFunc(times, d.Since.Equal) {
			g.learned[d.Via] = append(times, d.Since)
		}
	}
	for _, times := range g.learned {
		slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	}
	return nil
}

// isOld reports whether a dropped file is metadata that is called by its digest, of a
// generation before the last few.
func (g *collection) isOld(m *config.Mirror, d index.Dropped) bool {
	if !isByDigest(m, d.Name) {
		return false
	}
	later := slices.IndexFunc(g.learned[d.Via], d.Since.Equal) // generations since it was dropped, but for the present one
	return later+1 >= m.KeepGenerations
}

// isByDigest reports whether a file of a mirror is called by its digest.
func isByDigest(m *config.Mirror, name string) bool {
	know, err := repo.New(m.Profile)
	return err == nil && know.Of(strings.TrimPrefix(name, m.Prefix)).Claim.Name != ""
}

// collect removes the files that are still dropped.
func (g *collection) collect(due []index.Dropped) error {
	about := make(map[mirror.Name]index.Dropped)
	var names []mirror.Name
	for _, d := range due {
		goes, err := g.goes(d)
		if err != nil {
			return err
		}
		if goes {
			names = append(names, mirror.Name(d.Name))
			about[mirror.Name(d.Name)] = d
		}
	}
	if g.DryRun {
		for _, name := range names {
			fi, err := g.Engine.Tree().Lstat(name)
			if err == nil {
				g.removed(about[name], fi.Size())
			}
		}
		return g.ctx.Err()
	}
	return g.Engine.RemoveMany(g.ctx, names, func(r fetch.Removed) {
		switch {
		case errors.Is(r.Err, mirror.ErrForeign):
			g.sum.Others++
		case r.Err != nil:
			why := strings.TrimPrefix(r.Err.Error(), "/"+string(r.Name)+": ")
			g.sum.Failed = append(g.sum.Failed, Note{r.Name, why})
		default:
			g.removed(about[r.Name], r.Size)
		}
	})
}

func (g *collection) removed(d index.Dropped, size int64) {
	g.sum.Removed++
	g.sum.Bytes += size
	g.emptied[mirror.Name(d.Name).Parent()] = true
	g.Tell(Collection{mirror.Name(d.Name), d.Since, d.Via})
}

// goes reports whether nobody has named a dropped file since.
func (g *collection) goes(d index.Dropped) (bool, error) {
	x := g.Engine.Index()
	expected, err := x.Expected(g.ctx, d.Name)
	if err != nil || len(expected) > 0 {
		return false, err
	}
	rec, known, err := x.File(g.ctx, d.Name)
	if err != nil || !known {
		return false, err
	}
	if !rec.Checked.After(d.Since) {
		return true, nil
	}
	// The upstream had it after all. Its time begins anew, since the word by which
	// it was dropped is not given twice.
	g.sum.Back++
	if g.DryRun {
		return false, nil
	}
	if err := x.ClearDropped(g.ctx, d.Name); err != nil {
		return false, err
	}
	return false, x.MarkDropped(g.ctx, d.Via, rec.Checked, d.Name)
}

// removeDirs removes the directories that are empty now, up to their mirror's own.
func (g *collection) removeDirs() {
	var dirs []mirror.Name
	for dir := range g.emptied {
		for ; g.isBelow(dir); dir = dir.Parent() {
			dirs = append(dirs, dir)
		}
	}
	slices.SortFunc(dirs, func(a, b mirror.Name) int { return cmp.Compare(b, a) }) // what is in one before it
	g.sum.Dirs += len(g.Engine.RemoveDirs(g.ctx, slices.Compact(dirs), g.emptied))
}

// isBelow reports whether a directory is one of a mirror, and not its top.
func (g *collection) isBelow(dir mirror.Name) bool {
	_, rest, ok := g.Conf.Match(string(dir))
	return ok && rest != ""
}
