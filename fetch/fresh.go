package fetch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mirror"
	"mirror/config"
	"mirror/store/index"
)

const (
	// staleWait bounds how long a client waits for the refresh of a file that is
	// past its freshness and max_stale together: an idle mirror's index of last week
	// is worth a short wait.
	staleWait = 2 * time.Second

	// refreshAgain is the pause after a refresh that failed: an upstream that
	// is down is not asked at every request. Nor is one that calls its files stale
	// as soon as they leave it.
	refreshAgain = 10 * time.Second

	// knownSilent is how long it counts that an upstream was silent: longer than it
	// takes to give one up (timeouts) and to ask it again, so that while clients
	// come, one that hangs is waited for once.
	knownSilent = 5 * time.Minute
)

// Freshness is how current a mutable file of ours is.
type Freshness struct {
	Known bool          // false: the file never changes, or is not ours to refresh
	Age   time.Duration // since its upstream confirmed it, or the index that vouches for it
	Stale bool          // that is longer than it is good for
}

// standing is what a request for a mutable file of ours goes by.
type standing struct {
	Freshness
	lead place         // what is refreshed for the file: itself, or what vouches for it
	rec  index.Record  // of lead
	life time.Duration // for which lead is fresh, from when it was confirmed
	fail index.Failure // the last of lead since then; zero: none, or it is fresh

	next  Next
	until time.Time // when next is another; zero: not by time alone
}

// standing says what a request for the mutable file at p leads to. rec describes
// that file. What happened in the future does not count: the clock was wrong then, or
// is now.
func (e *Engine) standing(ctx context.Context, p place, rec index.Record) standing {
	s := standing{lead: p, rec: rec, life: p.m.MaxAge}
	if lead := e.leader(ctx, p); lead.name == p.name {
		s.life = e.ownLife(p, rec)
	} else if held, err := e.held(ctx, lead.name); err == nil && held != nil {
		s.lead, s.rec = lead, *held
	}
	now := e.now()
	age := now.Sub(s.rec.Checked)
	s.Freshness = Freshness{Known: true, Age: max(0, age), Stale: age < 0 || age > s.life}
	s.next, s.until = NextServe, s.rec.Checked.Add(s.life)
	if !s.Stale {
		return s
	}
	fail, _, err := e.index.Failure(ctx, string(s.lead.name))
	if err != nil {
		e.log.Warn("the record of failures cannot be read", "err", err)
	}
	if !fail.At.Before(s.rec.Checked) {
		s.fail = fail
	}
	again := notBefore(fail)
	switch {
	case !now.Before(fail.At) && now.Before(again):
		s.until = again
	case age > s.life+p.m.MaxStale && !e.isSilent(ctx, p.m, now):
		s.next, s.until = NextConfirm, time.Time{}
	default:
		s.next, s.until = NextRefresh, time.Time{}
	}
	return s
}

// notBefore is when to ask again for a file of ours whose refresh has failed.
func notBefore(fail index.Failure) time.Time {
	switch fail.Kind {
	case KindHalfway, kindWrong:
		return fail.Until
	}
	return fail.At.Add(refreshAgain)
}

// isFresh reports whether the file at p, which rec describes and which is not
// refreshed with another, need not be asked for.
func (e *Engine) isFresh(ctx context.Context, p place, rec index.Record) bool {
	life := p.m.MaxAge
	if rec.Fresh != 0 && e.leader(ctx, p).name == p.name {
		life = e.ownLife(p, rec)
	}
	age := e.now().Sub(rec.Checked)
	return age >= 0 && age <= life
}

// ownLife is for how long a file is fresh that no other vouches for: what its
// upstream said of it (RFC 9111, 4.2), within bounds, unless it is part of a
// repository's metadata, for which what its publisher intended with the files of a
// web server counts for little.
func (e *Engine) ownLife(p place, rec index.Record) time.Duration {
	if rec.Fresh == 0 {
		return p.m.MaxAge
	}
	if n := e.nature(p.m, p.rest); n.Index != "" || len(n.Set) > 0 {
		return p.m.MaxAge
	}
	return min(max(rec.Fresh, refreshAgain), p.m.MaxAge+p.m.MaxStale)
}

// awaitRefresh waits until the refresh of p has ended, here (t) or elsewhere, or has
// taken staleWait. Nobody waits for one that has taken longer already, nor again for an
// upstream that was waited for in vain.
func (e *Engine) awaitRefresh(ctx context.Context, p place, t *transfer) {
	patience := staleWait
	if t != nil {
		patience -= max(0, e.now().Sub(t.begun))
	}
	wait, cancel := context.WithTimeoutCause(ctx, patience, errSilent)
	defer cancel()
	if t != nil {
		t.await(wait, isDone)
	} else {
		e.Idle(wait, p.name)
	}
	if errors.Is(context.Cause(wait), errSilent) {
		e.noteSilence(ctx, p.m, fmt.Errorf("%w: no answer about /%s within %s", mirror.ErrTimeout, p.name, staleWait))
	}
}

var errSilent = errors.New("the refresh takes too long to be waited for")

// What is known of a mirror's upstreams together is recorded as a failure of the
// mirror's prefix, which is no file's name: all processes go by it.
const (
	kindSilent = "silent"
	kindHeard  = "heard"
)

// isSilent reports whether somebody has waited for a mirror's upstreams in vain, a
// short while ago.
func (e *Engine) isSilent(ctx context.Context, m *config.Mirror, now time.Time) bool {
	return e.silence(ctx, m, now) != nil
}

// silence is what isSilent goes by; nil: the upstreams are not known to be silent.
func (e *Engine) silence(ctx context.Context, m *config.Mirror, now time.Time) *index.Failure {
	fail, ok, err := e.index.Failure(ctx, m.Prefix)
	ago := now.Sub(fail.At)
	if err != nil || !ok || fail.Kind != kindSilent || ago < 0 || ago >= knownSilent {
		return nil
	}
	return &fail
}

// noteSilence records that a mirror's upstreams were waited for in vain.
func (e *Engine) noteSilence(ctx context.Context, m *config.Mirror, why error) {
	e.noteUpstreams(ctx, m, kindSilent, why.Error())
}

func (e *Engine) noteUpstreams(ctx context.Context, m *config.Mirror, kind, cause string) {
	now := e.now()
	err := e.index.PutFailure(context.WithoutCancel(ctx), index.Failure{Name: m.Prefix, Kind: kind, Cause: cause, At: now, Until: now})
	if err != nil {
		e.log.Warn("what is known of an upstream cannot be recorded", "prefix", "/"+m.Prefix, "err", err)
	}
}

// tell records what a refresh has learned of its mirror's upstreams as such: that
// they are silent, or no longer. A missing file tells nothing: that one takes long says
// little of the others, and it has its own clients' patience.
func (t *transfer) tell(err error) {
	e := t.e
	switch now := e.now(); {
	case !t.refresh:
	case err == nil && t.upstream != "":
		if e.isSilent(t.ctx, t.m, now) {
			e.noteUpstreams(t.ctx, t.m, kindHeard, "")
		}
	case err != nil && !t.now().started && t.ctx.Err() == nil && now.Sub(t.begun) > staleWait:
		e.noteSilence(t.ctx, t.m, err)
	}
}
