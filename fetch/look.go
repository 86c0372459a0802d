package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"mirror"
	"mirror/store"
	"mirror/store/index"
)

// look returns the published file, or errMissing. A mutable one that is due is
// refreshed behind the client's back; past max_stale the client waits for that,
// for staleWait at most.
func (e *Engine) look(ctx context.Context, p place) (*File, error) {
	f, err := e.openPublished(p.name)
	if err != nil || p.m == nil || !p.m.IsMutable(string(p.rest)) {
		return f, err
	}
	if e.resumeGenerations(ctx) {
		f.Close()
		if f, err = e.openPublished(p.name); err != nil {
			return nil, err
		}
	}
	s, ok := e.standingOf(ctx, p, f)
	if !ok {
		return f, nil // what others put there is theirs to keep fresh
	}
	f.file.MarkUsed(e.now())
	if s.next == NextServe {
		return f, nil
	}
	t, err := e.begin(s.lead, &s.rec, false)
	if err != nil {
		e.log.Warn("a file that is due cannot be refreshed", "path", "/"+string(s.lead.name), "err", err)
		return f, nil
	}
	if s.next == NextRefresh {
		return f, nil
	}
	e.awaitRefresh(ctx, s.lead, t)
	if again, err := e.openPublished(p.name); err == nil {
		f.Close()
		e.standingOf(ctx, p, again)
		return again, nil
	}
	return f, nil
}

// standingOf is standing for the open file of p, of which it tells what is known.
// False: it is not ours.
func (e *Engine) standingOf(ctx context.Context, p place, f *File) (standing, bool) {
	rec, ok := e.claim(ctx, p.name, f.info)
	if !ok {
		return standing{}, false
	}
	s := e.standing(ctx, p, rec)
	f.Meta.ETag, f.Meta.ContentType = rec.ETag, rec.ContentType
	f.Fresh, f.digest = s.Freshness, rec.Digest
	return s, true
}

func (e *Engine) openPublished(name mirror.Name) (*File, error) {
	file, err := e.tree.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errMissing
	}
	if err != nil {
		return nil, err
	}
	info := file.Info()
	return &File{
		Meta: mirror.Meta{Size: info.Size(), ModTime: info.ModTime()},
		e:    e, name: name, published: true, aside: e.tree.IsAside(name), file: file, info: info,
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
	ours := ok && rec.Ours && rec.Describes(fi.Size(), fi.ModTime())
	if ours && rec.Inode == store.Inode(fi) {
		return rec, true
	}
	// A file of the same size and time may be the next version all the same.
	p, ok, err := e.index.Partial(ctx, string(name))
	if err != nil || !ok || !p.Became(store.Inode(fi), fi.Size(), fi.ModTime()) {
		if ours {
			return rec, true
		}
		return e.claimAside(ctx, name, fi, rec)
	}
	rec = p.Record()
	if isObserver(ctx) {
		return rec, true
	}
	if err := e.index.Publish(ctx, []index.Record{rec}); err != nil {
		e.log.Warn("an interrupted publication cannot be recorded", "path", "/"+string(name), "err", err)
	}
	return rec, true
}

// observer is the key of a context under which nothing is recorded: who only wants to
// know what there is does not complete what was cut off.
type observer struct{}

func isObserver(ctx context.Context) bool { return ctx.Value(observer{}) != nil }

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
