package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"mirror"
	"mirror/config"
	"mirror/internal/keylock"
	"mirror/store"
	"mirror/store/index"
)

// claimAside is claim for a file of which the record, which says rec, does not
// speak: nobody but us keeps files aside, so one that stands there is ours all the
// same. Since nothing is known of it, it is due.
func (e *Engine) claimAside(ctx context.Context, name mirror.Name, fi fs.FileInfo, rec index.Record) (index.Record, bool) {
	if !e.tree.StandsAside(name, fi) {
		return rec, false
	}
	rec = index.Record{Name: string(name), Size: fi.Size(), ModTime: fi.ModTime(), Inode: store.Inode(fi), Ours: true}
	if isObserver(ctx) {
		return rec, true
	}
	if err := e.index.Adopt(ctx, rec); err != nil {
		e.log.Warn("a file that was not recorded cannot be recorded", "path", "/"+string(name), "err", err)
	}
	return rec, true
}

// Rearrange moves mutable files of ours to where the configuration has them, which
// may say so since a moment ago. It does nothing if that was done for this
// configuration, or is being done: whoever passes may call it. What is being fetched
// is left to the next call.
func (e *Engine) Rearrange(ctx context.Context) error {
	if e.Arranged() {
		return nil
	}
	lock, err := e.tree.Locks.TryLock("\x00rearrange")
	if errors.Is(err, keylock.ErrHeld) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w: %w", mirror.ErrStore, err)
	}
	defer lock.Unlock()
	r := &rearrangement{Engine: e, ctx: ctx}
	if err := r.run(); err != nil {
		return err
	}
	if r.moved+r.dropped > 0 {
		e.log.Info("mutable files were moved to where they are kept now", "moved", r.moved, "given up", r.dropped)
	}
	if r.left > 0 {
		e.log.Warn("some mutable files are not yet where they are to be kept", "files", r.left, "err", r.why)
		return nil
	}
	return e.tree.WriteState(arrangedName, []byte(arrangement(e.conf)))
}

// Arranged reports whether Rearrange has nothing to do.
func (e *Engine) Arranged() bool {
	have, err := e.tree.ReadState(arrangedName)
	return (err == nil || errors.Is(err, fs.ErrNotExist)) && string(have) == arrangement(e.conf)
}

// arrangedName is the file of the state directory that tells, by arrangement, what
// its files were arranged by. Without it nothing is kept aside.
const arrangedName = "arranged"

// arrangement tells apart configurations by which different files are kept aside.
func arrangement(conf *config.Config) string {
	if !slices.ContainsFunc(conf.Mirrors, func(m config.Mirror) bool { return isArranged(&m) }) {
		return ""
	}
	h := sha256.New()
	for i := range conf.Mirrors {
		m := &conf.Mirrors[i]
		fmt.Fprintf(h, "%q %q %q %q %d %t\n", m.Prefix, m.Index, m.Mutable, m.Immutable, m.MutableIn, m.IsPython())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// isArranged reports whether the files of a mirror are gone through. Pages that
// only turned out to be those of a Python index were never in the docroot.
func isArranged(m *config.Mirror) bool { return m.MutableIn == config.InState || m.IsPython() }

// rearrangement is one run of Rearrange.
type rearrangement struct {
	*Engine
	ctx context.Context

	moved, dropped, left int
	why                  error // of the last that was left
}

func (r *rearrangement) run() error {
	if root := r.tree.AsideRoot(); root != nil {
		err := fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
			if name := mirror.Name(path); err == nil && d.Type().IsRegular() && !r.tree.IsAside(name) {
				r.settle(name, r.putBack)
			}
			return errors.Join(err, r.ctx.Err())
		})
		if err != nil {
			return fmt.Errorf("what is kept in the state directory cannot be gone through: %w", err)
		}
	}
	return r.misplaced(r.ctx, func(name mirror.Name) { r.settle(name, r.moveAside) })
}

// settle has a file moved, under its name's lock.
func (r *rearrangement) settle(name mirror.Name, move func(mirror.Name) error) {
	lock, err := r.tree.Locks.TryLock(string(name))
	if err == nil {
		err = move(name)
		lock.Unlock()
	}
	if err != nil {
		r.left++
		r.why = fmt.Errorf("/%s: %w", name, err)
	}
}

// moveAside moves a file out of the docroot, if it is there and ours.
func (r *rearrangement) moveAside(name mirror.Name) error {
	fi, err := r.tree.Lstat(name)
	if err != nil || !fi.Mode().IsRegular() || r.tree.StandsAside(name, fi) {
		return nil // gone meanwhile
	}
	if _, ours := r.claim(r.ctx, name, fi); !ours {
		return nil
	}
	r.moved++
	return r.tree.MoveAside(name)
}

// putBack moves a file into the docroot. Where another has taken its name, or
// nothing is known of it, it is given up: it can be fetched again.
func (r *rearrangement) putBack(name mirror.Name) error {
	fi, err := r.tree.LstatAside(name)
	if err != nil {
		return nil // gone meanwhile
	}
	if _, ours := r.claim(r.ctx, name, fi); ours {
		if err := r.tree.PutBack(name); !errors.Is(err, mirror.ErrForeign) {
			r.moved++
			return err
		}
	}
	r.dropped++
	return r.tree.DropAside(name)
}

// misplaced calls found for each file of ours that stands in the docroot and is to
// be kept aside.
func (e *Engine) misplaced(ctx context.Context, found func(mirror.Name)) error {
	for i := range e.conf.Mirrors {
		m := &e.conf.Mirrors[i]
		if !isArranged(m) {
			continue
		}
		for rec, err := range e.index.Files(ctx, m.Prefix) {
			if err != nil {
				return fmt.Errorf("reading the record: %w", err)
			}
			name := mirror.Name(rec.Name)
			if !rec.Ours || rec.Target != "" || !e.tree.IsAside(name) {
				continue
			}
			fi, err := e.tree.Lstat(name)
			if err == nil && rec.Describes(fi.Size(), fi.ModTime()) && !e.tree.StandsAside(name, fi) {
				found(name)
			}
		}
	}
	return nil
}

// Misplaced lists the files of ours that the web server finds in the docroot, though
// they are to be kept aside: those that Rearrange has not come to.
func (e *Engine) Misplaced(ctx context.Context) (names []mirror.Name, err error) {
	err = e.misplaced(ctx, func(name mirror.Name) { names = append(names, name) })
	return names, err
}
