package fetch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mirror"
)

// A straggler is a file that was not here when a generation looked at what is to
// change with it, and was being fetched, as the generation before had it. Neither
// may miss the other:
//
//	the straggler                      the generation
//	lock, look up what is expected     look at what is here: not the straggler
//	fetch, compare                     learn what is expected from now on
//	outdated: look it up once more     awaitStragglers: is it locked, or here by now?
//	publish, unlock                    publish
//
// If the straggler's second look came too early to see what was learned, then it is
// locked, or here, when the generation looks.

// outdated says why a checked file that changes is not to be published: since it was
// compared, another version came to be expected.
func (t *transfer) outdated() error {
	if t.generation != nil || t.held != nil || t.m.Profile == profileNone || !t.m.IsMutable(string(t.rest)) {
		return nil
	}
	expected, err := t.lookUp()
	if len(expected) == 0 || err != nil {
		return err
	}
	size := t.now().have
	if fits, err := matchesAny(expected, size, t.summer(size)); fits || err != nil {
		return err
	}
	return fmt.Errorf("/%s: %w: what names it has changed since it was asked for", t.name, mirror.ErrHalfway)
}

// awaitStragglers waits for those that are being fetched, and removes what does not
// fit: nobody has been promised it yet.
func (g *generation) awaitStragglers(ctx context.Context) {
	var late []misfit
	for _, f := range g.absent {
		if f.want.Slot != "" {
			continue // it has the name of its digest
		}
		held, err := g.e.tree.Locks.Held(string(f.name))
		if err == nil && held && !g.isMember(f.name) {
			g.e.over(ctx, f.name, busyWait) // it is told below what came of it
		}
		if _, err := g.e.tree.Lstat(f.name); err == nil {
			late = append(late, f)
		}
	}
	g.remove(ctx, g.misfits(ctx, late), "a file that arrived while what names it changed was removed")
}

// stageLate fetches those of the set that have come, or were on their way, since the
// set was looked at. Of two that are both on their way the first of the set waits for
// the last, and says so; the last waits for a first that does not wait.
func (g *generation) stageLate() error {
	later := false
	for _, rest := range g.top.nature.Set {
		name := mirror.Name(g.top.m.Prefix + rest)
		if name == g.top.name {
			later = true
			continue
		}
		if g.staged[name] {
			continue
		}
		if held, err := g.e.tree.Locks.Held(string(name)); err == nil && held {
			if later {
				g.top.waits(true)
			}
			g.e.over(g.ctx, name, busyWait) // what came of it is looked at now
			if later {
				g.top.waits(false)
			}
		}
		delete(g.seen, name)
		if s, ok := g.ofSet(name); ok {
			if err := g.stage([]staging{s}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *generation) isMember(name mirror.Name) bool {
	return name == g.top.name || slices.ContainsFunc(g.members, func(t *transfer) bool { return t.name == name })
}

// misfits returns those that are here, and are not what is said of them.
func (g *generation) misfits(ctx context.Context, list []misfit) (names []mirror.Name) {
	for _, f := range list {
		held, err := g.e.held(ctx, f.name)
		if err != nil || held == nil {
			continue
		}
		if same, err := g.e.is(held, f.want); err == nil && !same { // else somebody has brought it meanwhile
			names = append(names, f.name)
		}
	}
	return names
}

// waits tells the others whether t waits for another fetch.
func (t *transfer) waits(begins bool) {
	if !begins {
		t.lock.Unnote(string(t.name), waiting)
		return
	}
	if err := t.lock.Note(string(t.name), waiting); err != nil {
		t.e.log.Warn("other processes cannot be told what a fetch waits for", "path", "/"+string(t.name), "err", err)
	}
}

// over waits until nobody fetches name, for so long at most, and not at all where
// who does so waits for another fetch.
func (e *Engine) over(ctx context.Context, name mirror.Name, most time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, most, mirror.ErrBusy)
	defer cancel()
	var err error
	waitErr := poll(ctx, func() bool {
		var held, waits bool
		if held, err = e.tree.Locks.Held(string(name)); err != nil || !held {
			return true
		}
		if waits, err = e.tree.Locks.Noted(string(name), waiting); err == nil && waits {
			err = fmt.Errorf("/%s: %w: it waits for another fetch itself", name, mirror.ErrBusy)
		}
		return err != nil
	})
	return errors.Join(waitErr, err)
}
