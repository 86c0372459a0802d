package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"mirror"
	"mirror/internal/keylock"
	"mirror/store"
	"mirror/store/index"
)

// resumeGenerations goes on with publications that a crash cut off. It does
// nothing about those that another process is at. It reports whether there was
// something to do.
func (e *Engine) resumeGenerations(ctx context.Context) (resumed bool) {
	files, err := e.tree.Journals()
	if err != nil {
		e.log.Warn("the journals cannot be read", "err", err)
		return false
	}
	for _, file := range files {
		switch err := e.resumeJournal(ctx, file, nil); {
		case err == nil:
			resumed = true
		case !errors.Is(err, keylock.ErrHeld) && !errors.Is(err, fs.ErrNotExist):
			e.log.Warn("a publication that was cut off cannot be gone on with", "journal", file, "err", err)
		}
	}
	return resumed
}

// resumeJournal does what is left of a journal: keylock.ErrHeld says that others
// are at it, or at one of its files. own is a lock that the caller holds; nil: none.
func (e *Engine) resumeJournal(ctx context.Context, file string, own *transfer) error {
	j, err := e.readJournal(file)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx) // a client that leaves does not cut it off once more
	locks := make(map[escaped]bool)
	lock := func(name escaped) (*keylock.Lock, error) {
		if locks[name] || own != nil && own.name == mirror.Name(name) {
			return nil, nil
		}
		locks[name] = true
		return e.tree.Locks.TryLock(string(name))
	}
	top, err := lock(j.Top)
	if err != nil {
		return err
	}
	if top != nil {
		defer top.Unlock()
	}
	// What was read before may have been done meanwhile, and another begun.
	if j, err = e.readJournal(file); err != nil {
		return err
	}
	for _, step := range j.Steps {
		for _, it := range step {
			l, err := lock(it.Name)
			if err != nil { // whoever has it may be about to replace the part: next time
				return err
			}
			if l != nil {
				defer l.Unlock()
			}
		}
	}
	for _, step := range j.Steps {
		if err := e.resumeStep(ctx, step); errors.Is(err, errLost) {
			return e.giveUp(ctx, j, err)
		} else if err != nil {
			return err
		}
	}
	if err := e.relearn(ctx, j); err != nil {
		return err
	}
	e.log.Info("a publication that was cut off has been completed", "path", "/"+string(j.Top))
	return e.tree.RemoveJournal(mirror.Name(j.Top))
}

// relearn records what the indexes of a publication say: whoever was cut off may not
// have come to that, and a power cut takes it back.
func (e *Engine) relearn(ctx context.Context, j journal) error {
	for _, step := range slices.Backward(j.Steps) { // what vouches for an index says what it is
		for i := range step {
			if err := e.learnPublished(ctx, &step[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// learnPublished records what a file of a journal says, if it has its name and is an index.
func (e *Engine) learnPublished(ctx context.Context, it *entry) error {
	p := e.placeOf(mirror.Name(it.Name))
	if p.m == nil { // the configuration has changed meanwhile
		return nil
	}
	as := knownAs(p, e.expectations(ctx, p.m, p.rest))
	if e.nature(p.m, as).Index == "" {
		return nil
	}
	f, err := e.openPublished(p.name)
	if err != nil {
		return nil
	}
	defer f.Close()
	if !it.becomes().equal(incarnationOf(f.info)) {
		return nil
	}
	r, err := e.read(ctx, p.m, content{f.file, p.rest, as, f.Meta.Size, it.Row.Digest})
	if err != nil {
		e.log.Info("a file is no index, though it is called like one", "path", "/"+string(p.name), "err", err)
		return nil
	}
	r.Learned = e.now()
	_, err = e.index.Learn(ctx, r.IndexFile, r.claims)
	return err
}

// errLost: a file that a journal tells of is nowhere.
var errLost = errors.New("it has been lost")

// resumeStep publishes what is left of a step: all of it, unless something of it
// has been lost.
func (e *Engine) resumeStep(ctx context.Context, step []entry) error {
	var pubs []*store.Publication
	for i := range step {
		it := &step[i]
		name := mirror.Name(it.Name)
		fi, err := e.tree.Lstat(name)
		here := err == nil && fi.Mode().IsRegular()
		if here && it.becomes().equal(incarnationOf(fi)) {
			continue // it has its name already
		}
		part, err := e.tree.FollowPart(name)
		if err == nil {
			defer part.Close()
			var st store.PartState
			st, err = part.Stat()
			if err == nil && !(st.Checked && it.becomes().equal(incarnation{part.Inode, st.Size, st.ModTime})) {
				err = errLost
			}
		}
		if err != nil {
			if rec, ours := e.recordAt(ctx, name, fi); ours && bytes.Equal(rec.Digest, it.Row.Digest) {
				continue // somebody else has brought the same
			}
			return fmt.Errorf("/%s: %w", name, errLost)
		}
		replace := here && (it.Over != nil && it.Over.equal(incarnationOf(fi)) || e.Owns(ctx, name))
		pubs = append(pubs, &store.Publication{Part: part, Replace: replace})
	}
	e.tree.Publish(pubs)
	for _, pub := range pubs {
		switch {
		case errors.Is(pub.Err, mirror.ErrForeign):
			e.log.Info("somebody has put a file where one of a publication belongs that was cut off: it stays", "path", "/"+string(pub.Part.Name))
			if err := pub.Part.Remove(); err != nil {
				return err
			}
		case pub.Err != nil:
			return pub.Err
		}
	}
	var recs []index.Record
	for i := range step {
		it := &step[i]
		fi, err := e.tree.Lstat(mirror.Name(it.Name))
		if err != nil || !it.becomes().equal(incarnationOf(fi)) {
			continue
		}
		if rec, ours := e.claim(ctx, mirror.Name(it.Name), fi); !ours || !bytes.Equal(rec.Digest, it.Row.Digest) {
			recs = append(recs, it.Row.Record())
		}
	}
	return e.index.Publish(ctx, recs)
}

// recordAt is claim for what may not be there (nil).
func (e *Engine) recordAt(ctx context.Context, name mirror.Name, fi fs.FileInfo) (index.Record, bool) {
	if fi == nil {
		return index.Record{}, false
	}
	return e.claim(ctx, name, fi)
}

// giveUp ends a publication of which files have been lost. What is published of it
// does not fit to the rest, so the next request has the rest confirmed.
func (e *Engine) giveUp(ctx context.Context, j journal, why error) error {
	top := mirror.Name(j.Top)
	e.log.Warn("a publication that was cut off cannot be completed, and is begun anew", "path", "/"+string(top), "err", why)
	if err := e.index.Touch(ctx, string(top), time.Unix(0, 0), "", "", 0); err != nil {
		return err
	}
	return e.tree.RemoveJournal(top)
}

// journalOf returns the file of the journal that tells of a part; "": none does.
func (e *Engine) journalOf(part *store.Part) string {
	files, err := e.tree.Journals()
	if err != nil {
		return ""
	}
	for _, file := range files {
		j, err := e.readJournal(file)
		if err != nil {
			continue
		}
		for _, step := range j.Steps {
			for i := range step {
				if mirror.Name(step[i].Name) == part.Name && step[i].Row.Inode == part.Inode {
					return file
				}
			}
		}
	}
	return ""
}

// completeGeneration goes on with a publication that was cut off, if what is left
// of an earlier fetch belongs to one: it is not to be fetched anew. left: there may
// be something of an earlier fetch.
func (t *transfer) completeGeneration() (left bool, err error) {
	part, err := t.e.tree.FollowPart(t.name)
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist), nil
	}
	defer part.Close()
	if st, err := part.Stat(); err != nil || !st.Checked {
		return true, nil
	}
	file := t.e.journalOf(part)
	if file == "" {
		return true, nil
	}
	err = t.e.resumeJournal(t.ctx, file, t)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return true, fmt.Errorf("/%s: %w: it belongs to a publication that was cut off: %v", t.name, mirror.ErrBusy, err)
	}
	return true, nil
}
