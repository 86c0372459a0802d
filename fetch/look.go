package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"mirror"
	"mirror/config"
	"mirror/store"
	"mirror/store/index"
)

const (
	// staleWait bounds how long a client waits for the refresh of a file that
	// is older than max_age and max_stale together: an idle mirror's index of
	// last week is worth a short wait.
	staleWait = 2 * time.Second

	// refreshAgain is the pause after a refresh that failed: an upstream that
	// is down is not asked at every request.
	refreshAgain = 10 * time.Second
)

// look returns the published file, or errMissing. A mutable one that is due is
// refreshed behind the client's back; past max_stale the client waits for that,
// for staleWait at most.
func (e *Engine) look(ctx context.Context, name mirror.Name, m *config.Mirror, rest mirror.Name) (*File, error) {
	f, err := e.openPublished(name)
	if err != nil || m == nil || !m.IsMutable(string(rest)) {
		return f, err
	}
	rec, ok := e.claim(ctx, name, f.info)
	if !ok {
		return f, nil // what others put there is theirs to keep fresh
	}
	f.Meta.ETag, f.Meta.ContentType = rec.ETag, rec.ContentType
	if isFresh(rec, m, e.now()) || e.failedLately(ctx, name) {
		return f, nil
	}
	t, err := e.begin(name, m, rest, &rec, false)
	if err != nil {
		e.log.Warn("a file that is due cannot be refreshed", "path", "/"+string(name), "err", err)
		return f, nil
	}
	if e.now().Sub(rec.Checked) <= m.MaxAge+m.MaxStale {
		return f, nil
	}
	wait, cancel := context.WithTimeout(ctx, staleWait)
	defer cancel()
	e.refreshed(wait, name, t)
	if again, err := e.openPublished(name); err == nil {
		f.Close()
		return again, nil
	}
	return f, nil
}

// isFresh reports whether a mutable file need not be asked for. One that was
// checked in the future is due: the clock was wrong then, or is now.
func isFresh(rec index.Record, m *config.Mirror, now time.Time) bool {
	age := now.Sub(rec.Checked)
	return age >= 0 && age <= m.MaxAge
}

// refreshed waits until the refresh of name has ended, here (t) or elsewhere.
func (e *Engine) refreshed(ctx context.Context, name mirror.Name, t *transfer) {
	if t != nil {
		t.await(ctx, func(s *state) bool { return s.done })
		return
	}
	poll(ctx, func() bool {
		held, err := e.tree.Locks.Held(string(name))
		return err != nil || !held
	})
}

func (e *Engine) openPublished(name mirror.Name) (*File, error) {
	file, info, err := e.tree.OpenFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errMissing
	}
	if err != nil {
		return nil, err
	}
	return &File{
		Meta:      mirror.Meta{Size: info.Size(), ModTime: info.ModTime()},
		published: true, file: file, info: info,
	}, nil
}

// blocked reports a link to nowhere as ErrForeign: it is nobody's file, and
// nothing can be published over it.
func (e *Engine) blocked(name mirror.Name) error {
	if fi, err := e.tree.Lstat(name); err == nil && fi.Mode()&fs.ModeSymlink != 0 {
		return fmt.Errorf("/%s: %w", name, mirror.ErrForeign)
	}
	return nil
}

// claim returns the record of a docroot file, if the file is ours: its size and
// mtime are the record's. It completes a publication that was cut off between
// the rename and the record, from its intent.
func (e *Engine) claim(ctx context.Context, name mirror.Name, fi fs.FileInfo) (index.Record, bool) {
	rec, ok, err := e.index.File(ctx, string(name))
	if err != nil {
		e.log.Warn("the record cannot be read", "path", "/"+string(name), "err", err)
		return rec, false
	}
	if ok && recorded(rec, fi) {
		return rec, true
	}
	p, ok, err := e.index.Partial(ctx, string(name))
	if err != nil || !ok || !intended(p, fi) {
		return rec, false
	}
	rec = p.Record()
	if err := e.index.Publish(ctx, []index.Record{rec}); err != nil {
		e.log.Warn("an interrupted publication cannot be recorded", "path", "/"+string(name), "err", err)
	}
	return rec, true
}

// intended reports whether fi is the file that p was about to become.
func intended(p index.Partial, fi fs.FileInfo) bool {
	return p.Publishing && p.Inode == store.Inode(fi) && p.Total == fi.Size() && p.ModTime.Equal(fi.ModTime())
}

// failedLately reports whether a refresh failed so recently that the next one
// is not yet worth trying.
func (e *Engine) failedLately(ctx context.Context, name mirror.Name) bool {
	fail, ok, err := e.index.Failure(ctx, string(name))
	now := e.now()
	return err == nil && ok && !now.Before(fail.At) && now.Before(fail.At.Add(refreshAgain))
}

// Recover completes the publications that a crash cut off between the rename
// and the record. A daemon calls it when it starts.
func (e *Engine) Recover(ctx context.Context) error {
	for p, err := range e.index.Partials(ctx) {
		if err != nil {
			return fmt.Errorf("reading the unfinished files: %w", err)
		}
		if !p.Publishing {
			continue
		}
		if fi, err := e.tree.Lstat(mirror.Name(p.Name)); err == nil {
			e.claim(ctx, mirror.Name(p.Name), fi)
		}
	}
	return nil
}
