package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"time"

	"mirror"
	"mirror/store"
	"mirror/store/index"
)

// Duty is what there is to do about a mutable file of ours.
type Duty struct {
	// Leader is the file that is to be refreshed for it: itself, or the one that
	// vouches for it.
	Leader mirror.Name
	IsDue  bool
	Unused time.Duration // since a client last read the file, to about an hour
}

// Duty tells whether a published file is to be refreshed. False: it is not mutable,
// or not ours.
func (e *Engine) Duty(ctx context.Context, name mirror.Name) (Duty, bool) {
	p := e.placeOf(name)
	if p.m == nil || !p.m.IsMutable(string(p.rest)) {
		return Duty{}, false
	}
	fi, err := e.tree.Lstat(name)
	if err != nil || !fi.Mode().IsRegular() {
		return Duty{}, false
	}
	rec, ours := e.claim(ctx, name, fi)
	if !ours {
		return Duty{}, false
	}
	now := e.now()
	s := e.standing(ctx, p, rec)
	return Duty{
		Leader: s.lead.name, IsDue: s.next != NextServe,
		Unused: now.Sub(store.Used(fi)),
	}, true
}

// Refresh has a published file of ours confirmed by its upstream, together with
// what vouches for it, whether or not it is due. It returns what became of it, and
// waits for that as long as ctx lets it.
func (e *Engine) Refresh(ctx context.Context, name mirror.Name) (Brought, error) {
	p := e.placeOf(name)
	if p.m == nil {
		return 0, e.outside(name)
	}
	before, err := e.held(ctx, name)
	switch {
	case err != nil:
		return 0, err
	case before == nil:
		return 0, fmt.Errorf("/%s: %w", name, fs.ErrNotExist)
	}
	if err := e.refreshSince(ctx, e.leader(ctx, p), e.now()); err != nil {
		return 0, err
	}
	after, err := e.held(ctx, name)
	switch {
	case err != nil:
		return 0, err
	case after != nil && bytes.Equal(after.Digest, before.Digest):
		return Confirmed, nil
	}
	return Replaced, nil
}

// confirmedSince reports whether a file was confirmed at a moment or later. What
// happened in the future does not count: the clock was wrong then, or is now.
func (e *Engine) confirmedSince(held *index.Record, since time.Time) bool {
	return !held.Checked.Before(since) && !held.Checked.After(e.now())
}

// refreshSince has a published file confirmed by its upstream, unless it was after
// a moment. It is an error if it is not there.
func (e *Engine) refreshSince(ctx context.Context, p place, since time.Time) error {
	for range maxTries {
		held, err := e.held(ctx, p.name)
		switch {
		case err != nil:
			return err
		case held == nil:
			return fmt.Errorf("/%s: %w", p.name, fs.ErrNotExist)
		case e.confirmedSince(held, since):
			return nil
		}
		t, err := e.beginAs(order{since: since}, p, held, true)
		if err != nil {
			return err
		}
		if t == nil { // another process is at it
			if err := e.Idle(ctx, p.name); err != nil {
				return err
			}
			if err := e.failedSince(ctx, p.name, since); err != nil {
				return err
			}
			continue
		}
		s, err := t.await(ctx, isDone)
		switch {
		case err != nil:
			return err
		case s.err != nil:
			return s.err
		}
	}
	return fmt.Errorf("/%s: %w: it was being refreshed again and again", p.name, mirror.ErrBusy)
}
