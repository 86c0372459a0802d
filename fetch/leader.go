package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"mirror"
	"mirror/config"
	"mirror/store/index"
)

// leader returns the published file that vouches for the one at p, so that the two
// are refreshed together: the last of the set that is here, or that of the index
// that names it. It is p itself where nothing else vouches for it.
func (e *Engine) leader(ctx context.Context, p place) place {
	if p.m == nil || p.m.Profile == profileNone {
		return p
	}
	looks := mostLooks
	return e.leaderWithin(ctx, p, mostLeaders, &looks)
}

// mostLeaders is how many indexes can name each other: Release, Packages, package.
const mostLeaders = 3

// mostLooks bounds how many indexes are looked at for one leader: any number of them
// can name a file.
const mostLooks = 50

func (e *Engine) leaderWithin(ctx context.Context, p place, most int, looks *int) place {
	if lead, ok := e.leaderOfSet(ctx, p.m, p.rest); ok {
		p = lead
	}
	for _, x := range e.learned(ctx, p.m, p.rest) {
		if *looks--; *looks < 0 {
			break
		}
		by := e.placeOf(mirror.Name(x.Source))
		if by.name == p.name || by.m != p.m || most == 0 {
			continue
		}
		lead := e.leaderWithin(ctx, by, most-1, looks)
		if lead.name != by.name || by.m.IsMutable(string(by.rest)) && e.Owns(ctx, by.name) {
			return lead
		}
	}
	return p
}

// leaderOfSet returns the last file of a set that is here and ours.
func (e *Engine) leaderOfSet(ctx context.Context, m *config.Mirror, rest mirror.Name) (place, bool) {
	set := e.nature(m, rest).Set
	for i := len(set) - 1; i >= 0; i-- {
		if name := mirror.Name(m.Prefix + set[i]); e.Owns(ctx, name) && !e.isGivenUp(ctx, name) {
			return place{name, m, mirror.Name(set[i])}, true
		}
	}
	return place{}, false
}

// givenUpTime is how long all upstreams say of an index that there is none before
// nothing waits for it any more.
const givenUpTime = time.Hour

// isGivenUp reports whether the upstreams have had no such file for that long.
func (e *Engine) isGivenUp(ctx context.Context, name mirror.Name) bool {
	fail, ok, err := e.index.Failure(ctx, string(name))
	return err == nil && ok && fail.Kind == kindNotFound && e.now().Sub(fail.Since) > givenUpTime
}

// isWithdrawn reports whether nothing has to fit to what an index says of a file any
// more: the index was given up, and nothing of its set is left in its place; or it is
// configured as one that never changes, and the file does.
func (e *Engine) isWithdrawn(ctx context.Context, m *config.Mirror, x index.Expected, rest mirror.Name) bool {
	source := mirror.Name(strings.TrimPrefix(x.Source, m.Prefix))
	if m.IsMutable(string(rest)) && !m.IsMutable(string(source)) && e.nature(m, source).Claim.Name == "" {
		return true
	}
	if !e.isGivenUp(ctx, mirror.Name(x.Source)) {
		return false
	}
	_, ok := e.leaderOfSet(ctx, m, source)
	return !ok
}

// renewWait bounds how long a fetch waits for the index that its file does not fit
// to.
const renewWait = 15 * time.Second

// renew has the indexes confirmed that say what a missing file has to be, unless
// they were after the fetch began: upstream may have moved on. It reports whether
// they say something else now.
func (t *transfer) renew() bool {
	if t.forgetLost() {
		return t.expectAnew()
	}
	if t.held != nil || t.generation != nil {
		return false
	}
	lead := t.e.leader(t.ctx, t.place)
	if lead.name == t.name || t.confirmLeader(lead) != nil {
		return false
	}
	return t.expectAnew()
}

// expectAnew looks up once more what is known of t's bytes, and reports whether that is
// something else now. A record that cannot be read now is no reason to take for right
// what was wrong.
func (t *transfer) expectAnew() bool {
	list, err := t.e.index.Expected(t.ctx, string(t.name))
	if err != nil {
		return false
	}
	before := t.expected
	t.expected = append(t.e.counting(t.ctx, t.m, t.rest, list), t.e.ofName(t.m, t.rest)...)
	return !slices.EqualFunc(before, t.expected, func(a, b index.Expected) bool { return a.Claim == b.Claim && a.Via == b.Via })
}

// forgetLost forgets what was learned from files that vouched for all others and have
// gone: whoever takes such a file away means what it said, too. Nobody would bring a
// newer one by himself. It reports whether there was any.
func (t *transfer) forgetLost() (forgot bool) {
	if t.generation != nil {
		return false
	}
	for _, x := range t.expected {
		via, ok, err := t.e.index.IndexFile(t.ctx, x.Via)
		if err != nil || !ok {
			continue
		}
		by := t.e.placeOf(mirror.Name(via.Source))
		if by.m != t.m || len(t.e.nature(by.m, by.rest).Set) == 0 {
			continue
		}
		if _, err := t.e.tree.Lstat(by.name); !errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := t.e.index.ForgetIndex(t.ctx, x.Via); err != nil {
			t.e.log.Warn("an index that has gone cannot be forgotten", "path", "/"+via.Source, "err", err)
			continue
		}
		t.e.log.Info("what an index says is forgotten, since it has gone", "path", "/"+via.Source)
		forgot = true
	}
	return forgot
}

// accompany has the set of a missing file refreshed before the file is asked for,
// so that it fits to those of the set that are here.
func (t *transfer) accompany() {
	if t.held != nil || t.generation != nil || len(t.nature.Set) == 0 {
		return
	}
	if lead, ok := t.e.leaderOfSet(t.ctx, t.m, t.rest); ok && lead.name != t.name {
		t.confirmLeader(lead) // if that fails, the file is compared with what is known
	}
}

// confirmLeader has the file confirmed that vouches for t's, unless it was since t
// began.
func (t *transfer) confirmLeader(lead place) error {
	fail, ok, err := t.e.index.Failure(t.ctx, string(lead.name))
	if pause := t.e.now().Sub(fail.At); err == nil && ok && pause >= 0 && pause < refreshAgain {
		return errPaused // there may be many files that do not fit, and each would have it asked for
	}
	t.waits(true)
	defer t.waits(false)
	if t.group == nil && t.e.limited { // the slot may be what that fetch needs
		t.lock.ReleaseSlot(poolAll)
		defer waitSlot(t.ctx, t.lock, poolAll, t.e.conf.Limits.Fetches) // its error is that of what is asked next
	}
	ctx, cancel := context.WithTimeout(t.ctx, renewWait)
	defer cancel()
	return t.e.refreshSince(ctx, lead, t.begun)
}

var errPaused = fmt.Errorf("%w: it failed a moment ago", mirror.ErrBusy)

// bringWithLeader refreshes a file of ours together with the one that vouches for
// it, and reports whether that is what had to be done.
func (e *Engine) bringWithLeader(ctx context.Context, g *group, p place, held *index.Record) (how Brought, size int64, done bool, err error) {
	if held == nil || !p.m.IsMutable(string(p.rest)) {
		return how, 0, false, nil
	}
	lead := e.leader(ctx, p)
	if lead.name == p.name {
		return how, 0, false, nil
	}
	if err := e.refreshSince(ctx, lead, g.begun); err != nil {
		return how, 0, true, err
	}
	now, err := e.held(ctx, p.name)
	switch {
	case err != nil || now == nil:
		return how, 0, false, err
	case bytes.Equal(now.Digest, held.Digest):
		return Confirmed, 0, true, nil
	}
	return Replaced, now.Size, true, nil
}
