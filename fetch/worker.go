package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"mirror"
	"mirror/store/index"
)

// Work fetches name under a lock that this process inherited, and returns once
// it is published, or has failed: what a worker process does. The files are those of
// Options.Spawn: the lock, and perhaps the connection that name was asked for on.
func (e *Engine) Work(name mirror.Name, files []*os.File) error {
	lock := e.tree.Locks.Adopt(files[0])
	p := e.placeOf(name)
	if p.m == nil {
		return fmt.Errorf("/%s: %w", name, mirror.ErrNoMirror)
	}
	var held *index.Record
	if p.m.IsMutable(string(p.rest)) {
		held = &index.Record{} // what it is, the second look will say
	}
	t := newTransfer(e, p, lock, held)
	t.takeLine(files[1:])
	e.mu.Lock()
	e.running[name] = t
	e.wg.Add(1)
	e.mu.Unlock()
	t.run()
	s, err := t.await(context.Background(), isDone)
	if err != nil {
		return err
	}
	e.wg.Wait() // what follows from it: newer packages
	return s.err
}

// Start begins the fetch of a missing file and does not wait for it. That it
// runs already is no error; that it is known to be missing upstream is.
func (e *Engine) Start(ctx context.Context, name mirror.Name) error {
	f, p, err := e.find(ctx, name)
	switch {
	case err == nil:
		return f.Close()
	case !errors.Is(err, errMissing):
		return err
	case p.m == nil:
		return e.outside(name)
	}
	if err := e.remembered(ctx, p.name); err != nil {
		return err
	}
	if e.via(ctx, p) {
		if p.name, err = e.tree.Resolve(name); err != nil {
			return err
		}
		p = e.placeOf(p.name)
	}
	_, err = e.begin(p, nil, false)
	return err
}

// OpenPublished opens name if the docroot has it; a miss is fs.ErrNotExist, and
// asks no upstream.
func (e *Engine) OpenPublished(ctx context.Context, name mirror.Name) (*File, error) {
	f, _, err := e.find(ctx, name)
	if errors.Is(err, errMissing) {
		return nil, fmt.Errorf("/%s: %w", name, fs.ErrNotExist)
	}
	return f, err
}
