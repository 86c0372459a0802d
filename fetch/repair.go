package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"mirror"
	"mirror/store/index"
)

// Repair brings a file anew, whatever is here of it: the upstream is asked for all
// of it, and what it sends goes every way that a fetch goes. What is here stays
// until then, and if it cannot be had. What is not ours is mirror.ErrForeign.
func (e *Engine) Repair(ctx context.Context, name mirror.Name) (size int64, err error) {
	m := e.placeOf(name).m
	if m == nil {
		return 0, e.outside(name)
	}
	var failed error
	err = e.FetchMany(ctx, m, []Wanted{{Name: name}}, Many{
		Jobs: 1, Anew: true,
		Done: func(_ Wanted, how Brought, got int64, err error) {
			size, failed = got, err
			if err == nil && how == Confirmed { // it was not even asked for
				failed = fmt.Errorf("/%s: %w: it was changed meanwhile", name, mirror.ErrForeign)
			}
		},
	})
	return size, errors.Join(err, failed)
}

// Expectations returns what is known of a file's bytes, by its repository's indexes or
// by its name alone: any of them will do. None: nothing is known.
func (e *Engine) Expectations(ctx context.Context, name mirror.Name) []index.Expected {
	p := e.placeOf(name)
	if p.m == nil {
		return nil
	}
	return e.expectations(ctx, p.m, p.rest)
}

// Quarantine takes a damaged file of ours out of the docroot, into the state
// directory, and returns where it is there: the next request fetches it. rec is its
// record; a file that has another by now stays (mirror.ErrChanged).
func (e *Engine) Quarantine(ctx context.Context, rec index.Record) (path string, err error) {
	name := mirror.Name(rec.Name)
	lock, err := e.lock(name)
	if err != nil {
		return "", err
	}
	defer lock.Unlock()
	now, err := e.held(ctx, name)
	switch {
	case err != nil:
		return "", err
	case now == nil || !bytes.Equal(now.Digest, rec.Digest) || !now.Fetched.Equal(rec.Fetched):
		return "", fmt.Errorf("/%s: %w", name, mirror.ErrChanged)
	}
	if path, err = e.tree.Quarantine(name); err != nil {
		return "", err
	}
	return path, e.forget(context.WithoutCancel(ctx), []mirror.Name{name})
}
