package fetch

import (
	"context"
	"errors"
	"fmt"

	"mirror"
	"mirror/source"
)

// Stat describes name without fetching it: from the docroot, from the fetch
// that runs, or from an upstream.
func (e *Engine) Stat(ctx context.Context, name mirror.Name) (mirror.Meta, error) {
	f, p, err := e.find(ctx, name)
	switch {
	case err == nil:
		f.Close()
		return f.Meta, nil
	case !errors.Is(err, errMissing):
		return mirror.Meta{}, err
	case p.m == nil:
		return mirror.Meta{}, e.outside(name)
	}
	if err := e.remembered(ctx, p.name); err != nil {
		return mirror.Meta{}, err
	}
	e.mu.Lock()
	t := e.running[p.name]
	e.mu.Unlock()
	if t != nil {
		if s := t.now(); s.started && s.meta.Size >= 0 {
			return s.meta, nil
		}
	}
	// A 404 is not remembered: there are upstreams that say so to HEAD alone.
	meta, _, err := e.statUpstream(ctx, p)
	return meta, err
}

func (e *Engine) statUpstream(ctx context.Context, p place) (mirror.Meta, string, error) {
	var failures []error
	for _, src := range e.sources[p.m] {
		meta, err := e.stat(ctx, src, p.rest)
		if err == nil && p.m.RefusesHTML(string(p.rest)) && source.IsHTML(meta.ContentType) {
			err = fmt.Errorf("%w: %s is said to be an HTML page", mirror.ErrBroken, src.URL(p.rest))
		}
		switch {
		case err == nil:
			return meta, src.URL(p.rest), nil
		case ctx.Err() != nil:
			return mirror.Meta{}, "", context.Cause(ctx)
		case isFinal(err):
			return mirror.Meta{}, "", err
		}
		failures = append(failures, err)
	}
	return mirror.Meta{}, "", summary(failures)
}

// stat asks one upstream, within the bound of what it may be asked at a time.
func (e *Engine) stat(ctx context.Context, src upstream, rest mirror.Name) (mirror.Meta, error) {
	slot, err := e.upstreamSlot(ctx, src)
	if err != nil {
		return mirror.Meta{}, err
	}
	defer slot.Unlock()
	return src.Stat(ctx, rest)
}
