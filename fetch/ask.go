package fetch

import (
	"context"
	"errors"
	"fmt"
	"os"

	"mirror"
	"mirror/source"
)

const (
	// maxRounds bounds how often the list of upstreams is gone through for
	// one file. A round is only followed by another if it brought bytes: so
	// this is how often a connection may break in the middle.
	maxRounds = 8

	// maxRestarts bounds how often a file may change while it is fetched.
	maxRestarts = 3
)

// askAll goes through the upstreams, in order of preference, until one has
// given the whole file. It returns nil when the held file is still current.
func (t *transfer) askAll() (*source.Result, error) {
	restarts := 0
	for range maxRounds {
		before := t.now().have
		var failures []error
		changed := false
		for _, src := range t.e.sources[t.m] {
			resumed := t.now().have > 0
			res, err := t.attempt(src)
			if errors.Is(err, mirror.ErrChanged) && (t.row.Name == "" || t.isFrom(src)) && restarts < maxRestarts {
				// The bytes at hand came from this very upstream.
				restarts++
				t.forget()
				before = 0
				res, err = t.attempt(src)
			}
			switch {
			case errors.Is(err, mirror.ErrWrong):
				before = 0
				res, err = t.again(src, res, err, resumed)
			case errors.Is(err, mirror.ErrHalfway):
				before = 0
				t.forget() // another upstream may be through with it
			}
			switch {
			case err == nil:
				return res, nil
			case errors.Is(err, source.ErrNotModified):
				return nil, t.touch(src, res.Meta)
			case t.ctx.Err() != nil:
				return nil, context.Cause(t.ctx)
			case isFinal(err):
				return nil, err
			case errors.Is(err, mirror.ErrChanged):
				changed = true // another upstream's version: the others may agree
			}
			failures = append(failures, err)
		}
		switch {
		case t.now().have > before:
		case changed && restarts < maxRestarts:
			// Nobody has the version of which we hold a beginning.
			restarts++
			t.forget()
		default:
			return nil, summary(failures)
		}
	}
	return nil, fmt.Errorf("%w: /%s broke off %d times", mirror.ErrBroken, t.name, maxRounds)
}

// attempt asks one upstream for what is missing, and compares the whole with what
// is known of it: with an error, a result says that it was not what it should be.
func (t *transfer) attempt(src upstream) (*source.Result, error) {
	var res *source.Result
	var err error
	switch {
	case t.nature.Page != "":
		res, err = t.askPage(src)
	case t.alias != "":
		res, err = t.ask(src, t.alias)
		if errors.Is(err, mirror.ErrNotFound) { // not every upstream keeps those
			res, err = t.ask(src, t.rest)
		}
	default:
		res, err = t.ask(src, t.rest)
	}
	switch {
	case err == nil && t.body != nil:
		return res, nil // take has compared it
	case err == nil:
		return res, t.verify(src)
	case errors.Is(err, source.ErrNotModified):
		return res, err
	}
	return nil, err
}

// again is the second attempt at a file whose bytes were wrong (err): what was
// expected may be out of date, or the bytes from which it was resumed.
func (t *transfer) again(src upstream, res *source.Result, err error, resumed bool) (*source.Result, error) {
	renewed, whole := t.renew(), res != nil
	if renewed && whole {
		if err = t.verify(src); err == nil {
			return res, nil
		}
	}
	if t.part != nil && t.now().have > 0 {
		err = fmt.Errorf("%w (what came is kept as %s in the state directory)", err, t.setAside())
	}
	if !resumed && (!renewed || whole) || !errors.Is(err, mirror.ErrWrong) {
		return nil, err
	}
	if res, err = t.attempt(src); errors.Is(err, mirror.ErrWrong) && t.part != nil {
		t.setAside()
	}
	return res, err
}

// ask asks one upstream for what is missing of the file, by its own name or
// another one.
func (t *transfer) ask(src upstream, path mirror.Name) (*source.Result, error) {
	t.upstream = src.String()
	leave, err := t.admit(src)
	if err != nil {
		return nil, err
	}
	defer leave()
	r := source.Request{
		Path: path, MaxSize: t.e.conf.Limits.MaxSize, Accept: t.nature.Accept,
		RefuseHTML: t.nature.Page == "" && t.m.RefusesHTML(string(t.rest)),
		Held:       t.condition(src),
		Wrote:      t.appended, Line: t.line,
	}
	if t.line = nil; !t.brief {
		defer r.Line.Close() // it was for one request
	}
	if s := t.now(); s.have > 0 && s.meta.Pinned() {
		r.Part, r.Have, r.SameUpstream = t.part.File(), s.meta, t.isFrom(src)
	}
	if t.group == nil && t.generation == nil { // of those there are several at a time anyway
		r.Extra = &source.Extra{
			Connections: t.m.Connections, Scratch: t.e.tree.Scratch,
			Slot:     func() (release func(), ok bool) { return t.e.extraSlot(src.pool) },
			SlotFree: func() bool { return t.e.slotFree(src.pool) },
		}
	}
	r.Start = func(m mirror.Meta) (*os.File, error) {
		if t.brief {
			return nil, errHandedOver
		}
		if !sizeFits(t.expected, m.Size) {
			return nil, t.wrong(fmt.Sprintf("%s has %d bytes, and should have %d", src.URL(path), m.Size, t.expected[0].Size))
		}
		if r.Part == nil { // there is nothing, or nothing tells what version it is of
			if err := t.restart(); err != nil {
				return nil, err
			}
		}
		t.started(src, m)
		return t.part.File(), nil
	}
	if t.isPlain() {
		r.Small = func(m mirror.Meta, body []byte) bool { return t.take(src, m, body) }
		if !t.brief {
			r.First = func(m mirror.Meta, head []byte) { t.show(src, m, head) }
		}
	}
	var res source.Result
	if t.group.batches(src) {
		res, err = t.group.batch.fetch(r, t.group.sizes[t.name])
	} else {
		res, err = src.Fetch(t.ctx, r)
	}
	// What was shown is nowhere to go on from, but for those who do so without the disk.
	if err != nil && t.part == nil && !errors.Is(err, mirror.ErrNoSpace) {
		t.update(func(s *state) { s.restart(state{meta: mirror.Meta{Size: -1}}) })
	}
	return &res, err
}

// condition describes the held file to src, in the upstream's own words; nil
// where they do not tell one version from another, as of an adopted file, whose
// mtime may be anything, and where the held one is not to be believed.
func (t *transfer) condition(src upstream) *mirror.Meta {
	if t.held == nil || t.group != nil && t.group.anew || t.generation != nil && t.expected != nil { // of a generation it is known to be another
		return nil
	}
	m := mirror.Meta{Size: t.held.Size, LastModified: t.held.LastModified}
	if t.held.Upstream == src.URL(t.rest) {
		m.ETag = t.held.ETag // it means nothing to another upstream
	}
	if m.ETag == "" && m.LastModified == "" {
		return nil
	}
	return &m
}

// isFrom reports whether the part's bytes came from src.
func (t *transfer) isFrom(src upstream) bool { return t.row.Upstream == src.URL(t.rest) }

// touch records that the held file is still current, and the validators that
// src sent along (RFC 9111, 4.3.4).
func (t *transfer) touch(src upstream, meta mirror.Meta) error {
	if t.held.Upstream != src.URL(t.rest) {
		meta.ETag = "" // it means nothing to the upstream of the record
	}
	err := t.e.index.Touch(t.ctx, string(t.name), t.e.now(), meta.ETag, meta.LastModified, meta.Fresh)
	if err != nil {
		return fmt.Errorf("%w: recording that /%s is current: %w", mirror.ErrStore, t.name, err)
	}
	return nil
}
