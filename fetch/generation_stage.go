package fetch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mirror"
	"mirror/store/index"
)

// stage fetches files aside, a few at a time. Its error is that of one that the
// generation cannot do without.
func (g *generation) stage(list []staging) error {
	var wg sync.WaitGroup
	var failed error // guarded by g.mu
	few := make(gate, min(fewJobs, g.e.conf.Limits.PerUpstream))
	for _, s := range list {
		if err := few.enter(g.ctx); err != nil {
			wg.Wait()
			return err
		}
		wg.Go(func() {
			defer few.leave()
			t, err := g.fetch(s)
			g.mu.Lock()
			defer g.mu.Unlock()
			switch {
			case err == nil && t != nil:
				g.members = append(g.members, t)
			case err == nil:
			case s.spare && !g.isHere(err):
				g.stale = append(g.stale, misfit{s.name, s.expected[0].Claim})
			case isGone(err) && g.settled(), errors.Is(err, mirror.ErrWrong) && s.expected != nil && g.stuck():
				g.gone = append(g.gone, s.name)
			case failed == nil:
				failed = g.without(s.name, err)
			}
		})
	}
	wg.Wait()
	return failed
}

// misfit is a package that is not what an index says.
type misfit struct {
	name mirror.Name
	want index.Claim
}

// isHere reports whether an error is due to circumstances here, and no reason to
// take anything away.
func (g *generation) isHere(err error) bool {
	return g.ctx.Err() != nil || errors.Is(err, errShutdown) || errors.Is(err, mirror.ErrNoSpace) || errors.Is(err, mirror.ErrStore)
}

// settleTime is how long an upstream is given to put what an index names beside it.
const settleTime = 10 * time.Minute

// settled reports whether upstream has had the top for so long that what is not
// there will not come.
func (g *generation) settled() bool {
	made := g.top.now().meta.ModTime
	return !made.IsZero() && g.e.now().Sub(made) > settleTime
}

// stuckTime is how long the whole is kept back for one part of it that is wrong: no
// update takes as long.
const stuckTime = 24 * time.Hour

// stuck reports whether upstream has been half-way for so long that it is no update.
func (g *generation) stuck() bool {
	fail, ok, err := g.e.index.Failure(g.ctx, string(g.top.name))
	return err == nil && ok && fail.Kind == KindHalfway && g.e.now().Sub(fail.Since) > stuckTime
}

// without is the error of a generation that a file is missing for. What is due to
// circumstances here keeps its kind, so that it is dealt with as such.
func (g *generation) without(name mirror.Name, err error) error {
	kind := mirror.ErrHalfway
	switch {
	case context.Cause(g.ctx) != nil:
		return context.Cause(g.ctx)
	case errors.Is(err, errShutdown):
		return err
	case errors.Is(err, mirror.ErrNoSpace):
		kind = mirror.ErrNoSpace
	case errors.Is(err, mirror.ErrStore):
		kind = mirror.ErrStore
	}
	return fmt.Errorf("/%s: %w: /%s does not fit to it: %v", g.top.name, kind, name, err)
}

// busyWait is how long a generation waits for a fetch of somebody else's.
const busyWait = 10 * time.Second

// spareWait is the same for a package: another generation may have it, and wait for
// one that this has. What came of it is looked at in the end.
const spareWait = time.Second

// fetch fetches one file aside. No transfer: upstream has what is here.
func (g *generation) fetch(s staging) (*transfer, error) {
	p := place{s.name, g.top.m, s.name[len(g.top.m.Prefix):]}
	for {
		t, err := g.e.beginAs(order{generation: g, expected: s.expected, alias: s.alias}, p, s.held, true)
		if err != nil {
			return nil, err
		}
		if t != nil && t.generation == g {
			return g.await(t)
		}
		g.top.waits(true)
		wait := busyWait
		if s.spare {
			wait = spareWait
		}
		err = g.e.over(g.ctx, s.name, wait)
		g.top.waits(false)
		if err != nil {
			return nil, err
		}
	}
}

func (g *generation) await(t *transfer) (*transfer, error) {
	s, err := t.await(g.ctx, func(s *state) bool { return s.done || s.staged })
	if err != nil {
		t.cancel(err)
		s, _ = t.await(context.WithoutCancel(g.ctx), func(s *state) bool { return s.done || s.staged })
	}
	switch {
	case s.staged:
		return t, nil
	case s.err != nil:
		return nil, s.err
	case !s.published:
		return nil, fmt.Errorf("%w: it comes without a length", mirror.ErrBroken)
	}
	return nil, err // not modified
}

// errAside ends what was fetched for a generation that is not published now.
var errAside = fmt.Errorf("%w: it is kept for when the rest of it fits", mirror.ErrHalfway)

// abandon ends what was fetched. It stays on disk for the next try, unless there is
// no space for it.
func (g *generation) abandon(why error) {
	if errors.Is(why, mirror.ErrNoSpace) {
		for _, t := range g.members {
			t.end(false, fmt.Errorf("%w: %w", errAside, mirror.ErrNoSpace))
		}
		return
	}
	for _, t := range g.members {
		t.row.Publishing = false
		if err := g.e.index.PutPartial(context.WithoutCancel(g.ctx), t.row); err != nil {
			g.e.log.Warn("an unfinished file cannot be recorded", "path", "/"+string(t.name), "err", err)
		}
		t.end(false, errAside)
	}
}
