package fetch

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"mirror"
	"mirror/repo"
	"mirror/store/index"
)

// A generation is an index on its way to its name, together with what has to
// change with it: what is here and, as the index says, should be something else;
// and what took the place of something that is here and was called by its digest.
//
//	top, checked ─> set ─> read ─┬─> fetch aside, each checked ─┬─> agree ─> publish
//	                             └──── read those that are <────┘
//	                                   indexes themselves
//
// If any of the metadata is not what the index says, upstream is half-way through
// an update: then nothing of it is published, the old generation stays, and what
// has arrived is kept for the next try.
type generation struct {
	e        *Engine
	top      *transfer
	ctx      context.Context
	readings []*reading
	seen     map[mirror.Name]bool
	staged   map[mirror.Name]bool // of the set

	mu      sync.Mutex
	members []*transfer   // guarded by mu; whole, waiting for publication
	stale   []misfit      // guarded by mu; packages that are not what the index says, and could not be fetched
	gone    []mirror.Name // guarded by mu; metadata that upstream has no more
	absent  []misfit      // what is not here, but may be on its way
	wanted  []index.Claim // newer packages of which an older one is here
}

func newGeneration(top *transfer) *generation {
	return &generation{e: top.e, top: top, ctx: top.ctx, seen: map[mirror.Name]bool{top.name: true}, staged: make(map[mirror.Name]bool)}
}

// publishGeneration publishes t's checked part with all that changes with it, and
// ends t.
func (t *transfer) publishGeneration() {
	g := newGeneration(t)
	top := t.content()
	err := g.gather(&top)
	if err == nil {
		err = t.outdated()
	}
	if err != nil {
		g.abandon(err)
		t.end(false, err)
		return
	}
	g.publish(append(g.members, t))
}

// renewGeneration does the same for a published file that upstream has just
// confirmed: another one of its set may be new, such as the signature that was not
// there yet. And if it is an index of which the record knows nothing, what does not
// fit to it is brought.
func (t *transfer) renewGeneration() {
	unread := t.unread()
	if !unread && (!t.confirmed || len(t.nature.Set) < 2) {
		return
	}
	f, err := t.e.openPublished(t.name)
	if err != nil {
		return
	}
	defer f.Close()
	t.lock.ReleaseSlot(poolAll)
	g := newGeneration(t)
	var top *content
	if unread {
		top = &content{f.file, t.rest, t.as, f.Meta.Size, t.held.Digest}
	}
	if err := g.gather(top); err != nil {
		t.e.log.Warn("what belongs to an index cannot be brought", "path", "/"+string(t.name), "err", err)
		g.abandon(err)
		return
	}
	if len(g.members)+len(g.readings) > 0 {
		g.publish(g.members)
	}
}

// gather fetches all that changes with the top. nil: that is its set.
func (g *generation) gather(top *content) error {
	var set []staging
	for _, rest := range g.top.nature.Set {
		if s, ok := g.ofSet(mirror.Name(g.top.m.Prefix + rest)); ok {
			set = append(set, s)
		}
	}
	if err := g.stage(set); err != nil {
		return err
	}
	if err := g.followAll(g.vouching(top, g.members)); err != nil {
		return err
	}
	before := len(g.members)
	if err := g.stageLate(); err != nil {
		return err
	}
	if err := g.followAll(g.vouching(nil, g.members[before:])); err != nil {
		return err
	}
	if top == nil && len(g.members) == 0 {
		return nil
	}
	return g.agree()
}

// vouching returns what is to be read of the top (nil: nothing) and others of its
// set: of those that say the same the last one, which vouches for the others.
func (g *generation) vouching(top *content, members []*transfer) (list []content) {
	last := make(map[string]int)
	add := func(c content, index string) {
		if i, ok := last[index]; ok {
			list[i] = c
			return
		}
		last[index] = len(list)
		list = append(list, c)
	}
	for _, rest := range g.top.nature.Set {
		if top != nil && string(top.rest) == rest {
			add(*top, g.top.nature.Index)
		}
		for _, t := range members {
			if string(t.rest) == rest && t.nature.Index != "" {
				add(t.content(), t.nature.Index)
			}
		}
	}
	if top != nil && len(list) == 0 {
		list = append(list, *top)
	}
	return list
}

// followAll reads indexes, and those that are fetched for them in turn.
func (g *generation) followAll(queue []content) error {
	for ; len(queue) > 0; queue = queue[1:] {
		staged, err := g.follow(queue[0])
		if err != nil {
			return err
		}
		queue = append(queue, staged...)
	}
	return nil
}

// ofSet says what is to be done about another name of the top's set: what is here
// is asked for.
func (g *generation) ofSet(name mirror.Name) (staging, bool) {
	if g.seen[name] {
		return staging{}, false
	}
	g.seen[name] = true
	held, err := g.e.held(g.ctx, name)
	if err != nil || held == nil {
		return staging{}, false
	}
	g.staged[name] = true
	return staging{name: name, held: held}, true
}

// follow reads an index, and fetches what is to change with it. It returns those
// of the files that are indexes themselves.
func (g *generation) follow(c content) ([]content, error) {
	m := g.top.m
	if g.e.nature(m, c.as).Index == "" {
		return nil, nil
	}
	r := g.top.reading
	if r == nil || r.Source != m.Prefix+string(c.rest) {
		var err error
		if r, err = g.e.read(g.ctx, m, c); g.ctx.Err() != nil {
			return nil, context.Cause(g.ctx) // nothing is known of it yet
		} else if err != nil {
			g.e.log.Info("a file is no index, though it is called like one", "path", "/"+m.Prefix+string(c.rest), "err", err)
			return nil, nil
		}
	}
	r.Digest = c.digest
	g.readings = append(g.readings, r)
	list, unread, err := g.changes(r)
	if err != nil {
		return nil, err
	}
	before := len(g.members)
	if err := g.stage(list); err != nil {
		return nil, err
	}
	var indexes []content
	for _, t := range g.members[before:] {
		if t.nature.Index != "" {
			indexes = append(indexes, t.content())
		}
	}
	for _, c := range unread {
		staged, err := g.followHeld(c)
		if err != nil {
			return nil, err
		}
		indexes = append(indexes, staged...)
	}
	return indexes, nil
}

// staging is a file that is to be fetched aside.
type staging struct {
	name     mirror.Name
	held     *index.Record
	expected []index.Expected
	alias    mirror.Name
	spare    bool // a package: if it cannot be fetched, it goes
}

// changes compares what is here with what an index says.
// unread is what is as it should be, and an index of which the record knows nothing.
func (g *generation) changes(r *reading) (list []staging, unread []*index.Claim, err error) {
	slots, err := g.e.index.SlotsHeld(g.ctx, r.Name)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", mirror.ErrStore, err)
	}
	aliases := make(map[string]string) // by digest
	for i := range r.claims {
		if c := &r.claims[i]; c.Slot != "" && !c.Package && repo.Algorithm(c.Algorithm) == repo.SHA256 {
			aliases[c.Digest] = c.Name
		}
	}
	for i := range r.claims {
		c := &r.claims[i]
		name := mirror.Name(c.Name)
		if g.seen[name] {
			continue
		}
		rec, ok, err := g.e.index.File(g.ctx, c.Name)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", mirror.ErrStore, err)
		}
		newer := c.Slot != "" && slots[c.Slot]
		if !(ok && rec.Ours) && !newer {
			if !c.Package {
				g.absent = append(g.absent, misfit{name, *c})
			}
			continue
		}
		held, err := g.e.held(g.ctx, name)
		if err != nil {
			continue // it is not ours, or a link is on its way
		}
		switch {
		case held != nil:
			same, err := g.e.is(held, *c)
			if err == nil && same && g.isUnread(c, held) {
				unread = append(unread, c)
			}
			if err != nil || same || c.Package && g.isAgainstSigned(held) {
				continue
			}
		case !newer:
			continue
		case c.Package:
			if isNew, err := g.isNew(r, c); err == nil && isNew {
				g.wanted = append(g.wanted, *c)
			}
			continue
		}
		g.seen[name] = true
		s := staging{name: name, held: held, expected: []index.Expected{{Claim: *c, Via: r.Name}}, spare: c.Package}
		if a := aliases[c.Digest]; a != c.Name && repo.Algorithm(c.Algorithm) == repo.SHA256 {
			s.alias = mirror.Name(a[min(len(r.m.Prefix), len(a)):])
		}
		list = append(list, s)
	}
	return list, unread, nil
}

// isOthers reports whether a file that is here is what an index says of it that is not
// of this generation.
func (g *generation) isOthers(ctx context.Context, held *index.Record, counts func(source string) bool) bool {
	m := g.top.m
	return slices.ContainsFunc(g.e.learned(ctx, m, mirror.Name(held.Name[len(m.Prefix):])), func(x index.Expected) bool {
		if slices.ContainsFunc(g.readings, func(r *reading) bool { return r.Name == x.Via }) || !counts(x.Source) {
			return false
		}
		same, err := g.e.is(held, x.Claim)
		return err == nil && same
	})
}

// isAgainstSigned reports whether a file that is here is what a signed index says of
// it, and this one, which says something else, is not signed.
func (g *generation) isAgainstSigned(held *index.Record) bool {
	m := g.top.m
	if m.Keyring == "" || g.e.isSigned(g.ctx, m, string(g.top.name), mostLeaders) {
		return false
	}
	return g.isOthers(g.ctx, held, func(source string) bool { return g.e.isSigned(g.ctx, m, source, mostLeaders) })
}

// isUnread reports whether a file that is here is an index of which the record knows
// nothing, or something else, as after it was lost: nobody asks for it by itself, since
// the one that names it does for all.
func (g *generation) isUnread(c *index.Claim, held *index.Record) bool {
	n := g.e.nature(g.top.m, g.whatIsIn(c))
	if n.Index == "" || slices.ContainsFunc(g.readings, func(r *reading) bool { return r.Name == g.top.m.Prefix+n.Index }) {
		return false
	}
	known, ok, err := g.e.index.IndexFile(g.ctx, g.top.m.Prefix+n.Index)
	return err == nil && (!ok || known.Source == held.Name && !bytes.Equal(known.Digest, held.Digest))
}

// whatIsIn is the name, below the prefix, that tells what is in a file.
func (g *generation) whatIsIn(c *index.Claim) mirror.Name {
	name := c.Name
	if c.As != "" {
		name = c.As
	}
	return mirror.Name(name[len(g.top.m.Prefix):])
}

// followHeld is follow for an index that is here.
func (g *generation) followHeld(c *index.Claim) ([]content, error) {
	held, err := g.e.held(g.ctx, mirror.Name(c.Name))
	if err != nil || held == nil || !g.isUnread(c, held) { // one of several that say the same does for all
		return nil, nil
	}
	f, err := g.e.openPublished(mirror.Name(c.Name))
	if err != nil {
		return nil, nil
	}
	defer f.Close()
	return g.follow(content{f.file, mirror.Name(c.Name[len(g.top.m.Prefix):]), g.whatIsIn(c), f.Meta.Size, held.Digest})
}

// isNew reports whether the index did not name a file before.
func (g *generation) isNew(r *reading, c *index.Claim) (bool, error) {
	expected, err := g.e.index.Expected(g.ctx, c.Name)
	return !slices.ContainsFunc(expected, func(x index.Expected) bool { return x.Via == r.Name }), err
}

// is reports whether a published file of ours is what a claim says.
func (e *Engine) is(held *index.Record, c index.Claim) (bool, error) {
	if repo.Algorithm(c.Algorithm) == repo.SHA256 && held.Digest != nil {
		return matches(c, held.Size, func(repo.Algorithm) (string, error) { return string(held.Digest), nil })
	}
	f, err := e.openPublished(mirror.Name(held.Name))
	if err != nil {
		return false, err
	}
	defer f.Close()
	return matches(c, f.Meta.Size, summer(f.file, f.Meta.Size))
}
