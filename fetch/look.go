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
func (e *Engine) look(ctx context.Context, p place) (*File, error) {
	name, m, rest := p.name, p.m, p.rest
	f, err := e.openPublished(name)
	if err != nil || m == nil || !m.IsMutable(string(rest)) {
		return f, err
	}
	if e.resumeGenerations(ctx) {
		f.Close()
		if f, err = e.openPublished(name); err != nil {
			return nil, err
		}
	}
	rec, ok := e.claim(ctx, name, f.info)
	if !ok {
		return f, nil // what others put there is theirs to keep fresh
	}
	store.MarkUsed(f.file, f.info, e.now())
	f.Meta.ETag, f.Meta.ContentType = rec.ETag, rec.ContentType
	if lead := e.leader(ctx, p); lead.name != name {
		if held, err := e.held(ctx, lead.name); err == nil && held != nil {
			name, rest, rec = lead.name, lead.rest, *held
		}
	}
	if isFresh(rec, m, e.now()) {
		return f, nil
	}
	fail, _, err := e.index.Failure(ctx, string(name))
	if err != nil {
		e.log.Warn("the record of failures cannot be read", "err", err)
	}
	next, _ := due(rec.Checked, m, fail.At, e.now())
	if next == NextServe {
		return f, nil
	}
	t, err := e.begin(name, m, rest, &rec, false)
	if err != nil {
		e.log.Warn("a file that is due cannot be refreshed", "path", "/"+string(name), "err", err)
		return f, nil
	}
	if next == NextRefresh {
		return f, nil
	}
	wait, cancel := context.WithTimeout(ctx, staleWait)
	defer cancel()
	e.refreshed(wait, name, t)
	if again, err := e.openPublished(p.name); err == nil {
		f.Close()
		return again, nil
	}
	return f, nil
}

// due says what a request for a mutable file of ours leads to, and when that
// changes by itself. checked is when its upstream last confirmed it, failed when
// the last attempt failed (zero: none did). What happened in the future does not
// count: the clock was wrong then, or is now.
func due(checked time.Time, m *config.Mirror, failed, now time.Time) (Next, time.Time) {
	age, pause := now.Sub(checked), now.Sub(failed)
	switch {
	case age >= 0 && age <= m.MaxAge:
		return NextServe, checked.Add(m.MaxAge)
	case pause >= 0 && pause < refreshAgain:
		return NextServe, failed.Add(refreshAgain)
	case age > m.MaxAge+m.MaxStale:
		return NextConfirm, time.Time{}
	}
	return NextRefresh, time.Time{}
}

// isFresh reports whether a mutable file need not be asked for.
func isFresh(rec index.Record, m *config.Mirror, now time.Time) bool {
	next, _ := due(rec.Checked, m, time.Time{}, now)
	return next == NextServe
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
		published: true, aside: e.tree.IsAside(name), file: file, info: info,
	}, nil
}

// claim returns the record of a docroot file, if the file is ours: its size and
// mtime are the record's. It completes a publication that was cut off between
// the rename and the record, from its intent.
func (e *Engine) claim(ctx context.Context, name mirror.Name, fi fs.FileInfo) (index.Record, bool) {
	if fi.Mode()&fs.ModeSymlink != 0 {
		return e.claimLink(ctx, name, fi)
	}
	rec, ok, err := e.index.File(ctx, string(name))
	if err != nil {
		e.log.Warn("the record cannot be read", "path", "/"+string(name), "err", err)
		return rec, false
	}
	if ok && rec.Ours && rec.Describes(fi.Size(), fi.ModTime()) {
		return rec, true
	}
	p, ok, err := e.index.Partial(ctx, string(name))
	if err != nil || !ok || !p.Became(store.Inode(fi), fi.Size(), fi.ModTime()) {
		return e.claimAside(ctx, name, fi, rec)
	}
	rec = p.Record()
	if err := e.index.Publish(ctx, []index.Record{rec}); err != nil {
		e.log.Warn("an interrupted publication cannot be recorded", "path", "/"+string(name), "err", err)
	}
	return rec, true
}

// Owns reports whether what stands at name is ours.
func (e *Engine) Owns(ctx context.Context, name mirror.Name) bool {
	fi, err := e.tree.Lstat(name)
	if err != nil || fi.IsDir() {
		return false
	}
	_, ours := e.claim(ctx, name, fi)
	return ours
}

// Recover completes the publications that a crash cut off between the rename
// and the record. A daemon calls it when it starts.
func (e *Engine) Recover(ctx context.Context) error {
	e.resumeGenerations(ctx)
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
