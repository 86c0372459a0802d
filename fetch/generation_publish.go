package fetch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mirror"
	"mirror/store"
	"mirror/store/index"
)

// publish gives all of a generation their names, in the order in which a client
// that asks meanwhile is harmed least:
//
//	1  names that are new: nobody knows them yet
//	2  what changes under its name
//	3  the set, the one that vouches for all at the end
//
// A journal of it is written first: if this process dies, or the disk is full in the
// middle, whoever comes next goes on. See Engine.resumeGenerations.
func (g *generation) publish(all []*transfer) {
	ctx := context.WithoutCancel(g.ctx)
	steps := g.inOrder(all)
	items := make(map[*transfer]*store.Publication)
	for _, t := range all {
		items[t] = &store.Publication{Part: t.part}
	}
	if err := g.announce(ctx, steps, items); err != nil {
		for _, t := range all {
			t.end(false, fmt.Errorf("%w: %w", mirror.ErrStore, err))
		}
		return
	}
	g.learn(ctx)
	g.awaitStragglers(ctx)
	g.removeGone(ctx)
	var recs []index.Record
	var cut error // what the rest is not published for
	for _, step := range steps {
		var pubs []*store.Publication
		for _, t := range step {
			items[t].Replace = t.held != nil && g.e.publish.mayReplace(ctx, t)
			pubs = append(pubs, items[t])
			items[t].Err = cut
		}
		g.e.tree.Publish(pubs)
		for _, t := range step {
			switch err := items[t].Err; {
			case err == nil:
				recs = append(recs, t.row.Record())
			case cut == nil && !errors.Is(err, mirror.ErrForeign): // what others put there is theirs
				cut = fmt.Errorf("/%s: %w: %w", g.top.name, errCutOff, err)
			}
		}
	}
	if err := g.e.index.Publish(ctx, recs); err != nil {
		g.e.log.Warn("published files cannot be recorded; run `mirrorctl reindex`, then `mirrorctl adopt` them", "files", len(recs), "err", err)
	}
	if cut == nil {
		g.done(ctx)
	}
	for _, t := range all { // the top is the last: nobody waits for what is done after it
		switch err := items[t].Err; {
		case err == nil:
			t.named(nil)
		case cut != nil:
			t.end(false, cut)
		default:
			t.unnamed(err)
		}
	}
}

// errCutOff ends what is left of a publication: the journal has it.
var errCutOff = errors.New("its publication was cut off, and is gone on with later")

// announce puts all on disk that a publication needs, the journal last.
func (g *generation) announce(ctx context.Context, steps [][]*transfer, items map[*transfer]*store.Publication) error {
	var every []*store.Publication
	var rows []index.Partial
	j := journal{Top: escaped(g.top.name)}
	for _, step := range steps {
		var entries []entry
		for _, t := range step {
			every = append(every, items[t])
			rows = append(rows, t.row)
			it := entry{Name: escaped(t.name), Row: t.row}
			if fi, err := g.e.tree.Lstat(t.name); err == nil && t.held != nil && g.e.publish.mayReplace(ctx, t) {
				over := incarnationOf(fi)
				it.Over = &over
			}
			entries = append(entries, it)
		}
		j.Steps = append(j.Steps, entries)
	}
	g.e.tree.Sync(every)
	for _, it := range every {
		if it.Err != nil {
			return it.Err
		}
	}
	if err := g.e.index.Intend(ctx, rows); err != nil {
		return err
	}
	err := g.e.writeJournal(j)
	if err != nil { // part of it may be there
		err = errors.Join(err, g.e.tree.RemoveJournal(g.top.name))
	}
	return err
}

// done is reached when everything has its name.
func (g *generation) done(ctx context.Context) {
	if err := g.e.tree.RemoveJournal(g.top.name); err != nil {
		g.e.log.Warn("a journal cannot be removed", "path", "/"+string(g.top.name), "err", err)
	}
	if err := g.e.index.ForgetFailures(ctx, g.top.m.Prefix, kindWrong); err != nil {
		g.e.log.Warn("failures cannot be forgotten", "err", err)
	}
	g.after()
}

// learn records what the indexes say. It comes before they have their names: who
// asks for what they name finds it known.
func (g *generation) learn(ctx context.Context) {
	for _, r := range g.readings {
		r.Learned = g.e.now()
		if _, err := g.e.index.Learn(ctx, r.IndexFile, r.claims); err != nil {
			g.e.log.Warn("what an index says cannot be recorded", "path", "/"+r.Source, "err", err)
		}
	}
}

// inOrder sorts what is to be published into steps.
func (g *generation) inOrder(all []*transfer) [][]*transfer {
	var added, changed []*transfer
	set := make([][]*transfer, len(g.top.nature.Set)+1)
	for _, t := range all {
		i := slices.Index(g.top.nature.Set, string(t.rest))
		switch {
		case i >= 0:
			set[i] = append(set[i], t)
		case t == g.top:
			set[len(set)-1] = append(set[len(set)-1], t)
		case t.held == nil:
			added = append(added, t)
		default:
			changed = append(changed, t)
		}
	}
	steps := append([][]*transfer{added, changed}, set...)
	return slices.DeleteFunc(steps, func(s []*transfer) bool { return len(s) == 0 })
}

// after does what can wait until the generation is published.
func (g *generation) after() {
	ctx := context.WithoutCancel(g.ctx)
	misfits := slices.DeleteFunc(g.misfits(ctx, g.stale), func(name mirror.Name) bool {
		// Two indexes that do not agree do not take it away from each other.
		held, err := g.e.held(ctx, name)
		return err == nil && held != nil && g.isOthers(ctx, held, func(string) bool { return true })
	})
	g.remove(ctx, misfits, "a file that is not what its index says, and cannot be fetched, was removed")
	g.e.prefetch(g.top.m, g.wanted)
}

// removeGone removes what upstream has no more. It comes before the rest has its
// names: a client that misses it is told the truth, one that finds it would find it
// of another generation.
func (g *generation) removeGone(ctx context.Context) {
	g.remove(ctx, g.gone, "a file that upstream has no more was removed together with the change of what it belongs to")
}

func (g *generation) remove(ctx context.Context, names []mirror.Name, what string) {
	err := g.e.RemoveMany(ctx, names, func(r Removed) {
		if r.Err != nil {
			g.e.log.Warn("a file cannot be removed", "path", "/"+string(r.Name), "err", r.Err)
			return
		}
		g.e.log.Warn(what, "path", "/"+string(r.Name))
	})
	if err != nil {
		g.e.log.Warn("files cannot be removed", "err", err)
	}
}
