package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"mirror"
	"mirror/store"
)

// coarse is how far the kernel's file times may lag behind the clock: a few
// timer ticks.
const coarse = 20 * time.Millisecond

// follow opens a file that another process fetches. since is when the client
// asked: what ended before is not an answer to it.
func (e *Engine) follow(ctx context.Context, p place, since time.Time) (*File, error) {
	var f *File
	var err error
	waitErr := pollFrom(ctx, pollSoon, func() bool {
		// The lock is asked first: what its holder left is looked at after.
		held, lockErr := e.tree.Locks.Held(string(p.name))
		if errors.Is(lockErr, mirror.ErrBusy) { // no descriptor to ask with: later
			return false
		}
		if lockErr != nil {
			err = fmt.Errorf("%w: %w", mirror.ErrStore, lockErr)
			return true
		}
		if _, lookErr := e.tree.Lstat(p.name); lookErr == nil {
			err = errAgain
			return true
		}
		if f, err = e.openFollowed(ctx, p, since); f != nil || err != nil {
			return true
		}
		if held {
			return false
		}
		if err = e.failedSince(ctx, p.name, since); err == nil {
			err = errAgain
		}
		return true
	})
	if waitErr != nil {
		return nil, waitErr
	}
	return f, err
}

// Idle returns once nobody fetches name, in this process or another.
func (e *Engine) Idle(ctx context.Context, name mirror.Name) error {
	var err error
	waitErr := poll(ctx, func() bool {
		var held bool
		held, err = e.tree.Locks.Held(string(name))
		return err != nil || !held
	})
	return errors.Join(waitErr, err)
}

// failedSince returns the error that another process has recorded.
func (e *Engine) failedSince(ctx context.Context, name mirror.Name, since time.Time) error {
	fail, ok, err := e.index.Failure(ctx, string(name))
	if err != nil || !ok || fail.At.Before(since) {
		return nil
	}
	return fmt.Errorf("%w: %s", errOf(fail.Kind), fail.Cause)
}

// openFollowed returns the part of p once some of it may be read: once the
// lock's holder has confirmed it (see live). What nobody holds may be read in one
// case: a body without framing, which is never published, by those who asked
// before it was whole.
func (e *Engine) openFollowed(ctx context.Context, p place, since time.Time) (*File, error) {
	confirmed, err := e.tree.Locks.Noted(string(p.name), live)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", mirror.ErrStore, err)
	}
	part, err := e.tree.FollowPart(p.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	st, err := part.Stat()
	if err != nil {
		part.Close()
		return nil, err
	}
	meta := mirror.Meta{Size: -1}
	from := ""
	row, ok, err := e.index.Partial(ctx, string(p.name))
	if ok = ok && err == nil && row.Inode == part.Inode; ok {
		meta, from = metaOfRow(row), row.Upstream
	}
	unframed := ok && row.Total < 0 && !st.Changed.Before(since.Add(-coarse))
	switch {
	case st.Checked && (confirmed || unframed):
		meta.Size, meta.ModTime = st.Size, st.ModTime
	case !confirmed, st.Checked, store.Visible(st.Size, meta.Size, false) == 0:
		part.Close()
		return nil, nil
	}
	return &File{
		Meta: meta, e: e, name: p.name, ctx: ctx, part: part,
		grow:  &remote{e: e, place: p, part: part, total: meta.Size},
		relay: newRelay(e, p, meta, from),
	}, nil
}

// remote follows a part that another process writes. When that process dies,
// it takes the fetch over.
type remote struct {
	e *Engine
	place
	part  *store.Part
	total int64

	takeovers int
	own       *local // set once this process writes the part
	leave     func() // counts the client off own's transfer
}

func (r *remote) visible() int64 {
	if r.own != nil {
		return r.own.visible()
	}
	st, err := r.part.Stat()
	if err != nil {
		return 0
	}
	return store.Visible(st.Size, r.total, st.Checked)
}

func (r *remote) wait(ctx context.Context, pos int64) (int64, error) {
	if r.own != nil {
		return r.own.wait(ctx, pos)
	}
	var visible int64
	var err error
	waitErr := pollFrom(ctx, pollSoon, func() bool {
		held, lockErr := r.e.tree.Locks.Held(string(r.name))
		visible = r.visible() // after the lock: see follow
		if visible > pos {
			return true
		}
		if errors.Is(lockErr, mirror.ErrBusy) { // no descriptor to ask with: later
			return false
		}
		if err = lockErr; err != nil {
			return true
		}
		if held {
			if next, e := r.e.tree.FollowPart(r.name); e == nil {
				if next.Inode != r.part.Inode {
					err = mirror.ErrChanged // the holder began anew
				}
				next.Close()
			}
			return err != nil
		}
		err = r.takeOver(ctx)
		return err != nil || r.own != nil
	})
	switch {
	case waitErr != nil:
		return 0, waitErr
	case err != nil:
		return 0, err
	case r.own != nil:
		return r.own.wait(ctx, pos)
	}
	return visible, nil
}

func (r *remote) close() {
	if r.leave != nil {
		r.leave()
	}
}

// takeOver goes on with a fetch whose process has gone.
func (r *remote) takeOver(ctx context.Context) error {
	st, err := r.part.Stat()
	switch {
	case err != nil:
		return err
	case st.Gone:
		if err := r.e.failedSince(context.WithoutCancel(r.e.ctx), r.name, st.Changed.Add(-coarse)); err != nil {
			return err
		}
		return mirror.ErrChanged
	case st.Checked: // it was published meanwhile
		return io.ErrUnexpectedEOF
	case r.takeovers == maxTries:
		return fmt.Errorf("%w: the fetch of /%s was abandoned %d times", mirror.ErrBroken, r.name, maxTries)
	}
	r.takeovers++
	t, err := r.e.begin(r.place, nil, false)
	if t == nil || err != nil {
		return err // nil: another process goes on, and we follow that one
	}
	leave, ok := t.join()
	if !ok {
		return nil // it has ended, or was given up: look at the lock again
	}
	r.leave = leave
	r.own, err = t.attach(ctx, r.part.Inode)
	return err
}

// attach waits until a new transfer has found the part that is being read.
func (t *transfer) attach(ctx context.Context, inode uint64) (*local, error) {
	s, err := t.await(ctx, func(s *state) bool { return s.part != nil || s.head != nil || s.done })
	switch {
	case err != nil:
		return nil, err
	case s.part == nil && s.err != nil:
		return nil, s.err
	case s.part == nil || s.part.Inode != inode:
		return nil, mirror.ErrChanged
	}
	return &local{t, s.edition}, nil
}

func (r *remote) settled(ctx context.Context) (bool, error) {
	if r.own != nil {
		return r.own.settled(ctx)
	}
	if _, err := r.wait(ctx, r.total-1); err != nil && r.total > 0 {
		return false, err
	}
	published := false
	err := pollFrom(ctx, pollSoon, func() bool {
		held, _ := r.e.tree.Locks.Held(string(r.name))
		fi, err := r.e.tree.Lstat(r.name)
		published = err == nil && store.Inode(fi) == r.part.Inode
		return published || !held
	})
	return published, err
}
