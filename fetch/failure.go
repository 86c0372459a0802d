package fetch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mirror"
	"mirror/config"
	"mirror/source"
	"mirror/store/index"
)

// isFinal reports whether no other upstream can do better.
func isFinal(err error) bool {
	for _, kind := range []error{mirror.ErrNoSpace, mirror.ErrStore, mirror.ErrTooLarge, mirror.ErrIsDirectory} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// allError is the failure of every upstream.
type allError struct {
	kind    error
	certain bool // all of them answered, and said the same
	causes  []error
	retry   time.Duration // the longest Retry-After
}

func (e *allError) Error() string {
	var b strings.Builder
	for i, c := range e.causes {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(c.Error())
	}
	return b.String()
}

func (e *allError) Unwrap() error { return e.kind }

// isGone reports whether every upstream has answered that there is no such thing:
// what is here may go on that word, and on no less.
func isGone(err error) bool {
	var all *allError
	return errors.As(err, &all) && all.certain
}

// summary is the one error that stands for those of all upstreams.
//
// "Not found" is what the upstreams that answered say, if they agree; it is
// certain only if all of them answered. An upstream that refuses or asks for
// patience has answered, one that is silent or broken has not.
func summary(failures []error) error {
	count := func(kind error) (n int) {
		for _, f := range failures {
			if errors.Is(f, kind) {
				n++
			}
		}
		return n
	}
	all := len(failures)
	e := &allError{kind: mirror.ErrBroken, causes: failures}
	missing, busy, refused := count(mirror.ErrNotFound), count(mirror.ErrBusy), count(mirror.ErrRefused)
	switch {
	case missing > 0 && busy == 0 && refused == 0 && count(mirror.ErrWrong) == 0:
		e.kind, e.certain = mirror.ErrNotFound, missing == all
	case busy > 0:
		e.kind = mirror.ErrBusy
	case refused == all:
		e.kind = mirror.ErrRefused
	case count(mirror.ErrWrong) > 0: // the others may not have it
		e.kind = mirror.ErrWrong
	case count(mirror.ErrHalfway) > 0:
		e.kind = mirror.ErrHalfway
	case count(mirror.ErrTimeout) == all:
		e.kind = mirror.ErrTimeout
	}
	for _, f := range failures {
		var s *source.Error
		if errors.As(f, &s) {
			e.retry = max(e.retry, s.RetryAfter)
		}
	}
	return e
}

// RetryAfter returns how long the upstreams asked to wait; 0: they did not.
func RetryAfter(err error) time.Duration {
	var all *allError
	if errors.As(err, &all) {
		return all.retry
	}
	return 0
}

// The words under which failures are recorded.
const (
	kindNotFound = "notfound"
	kindWrong    = "wrong"
	KindHalfway  = "halfway" // the upstream's files do not fit together
)

var kinds = []struct {
	word string
	err  error
}{
	{kindNotFound, mirror.ErrNotFound},
	{"directory", mirror.ErrIsDirectory},
	{"timeout", mirror.ErrTimeout},
	{"refused", mirror.ErrRefused},
	{"busy", mirror.ErrBusy},
	{"nospace", mirror.ErrNoSpace},
	{"toolarge", mirror.ErrTooLarge},
	{"foreign", mirror.ErrForeign},
	{"store", mirror.ErrStore},
	{"changed", mirror.ErrChanged},
	{kindWrong, mirror.ErrWrong},
	{KindHalfway, mirror.ErrHalfway},
	{"broken", mirror.ErrBroken},
}

func kindOf(err error) string {
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return k.word
		}
	}
	return "broken"
}

func errOf(word string) error {
	for _, k := range kinds {
		if k.word == word {
			return k.err
		}
	}
	return mirror.ErrBroken
}

// remembered returns the error that all upstreams gave a short while ago.
func (e *Engine) remembered(ctx context.Context, name mirror.Name) error {
	fail, ok, err := e.index.Failure(ctx, string(name))
	if err != nil {
		e.log.Warn("the record of failures cannot be read", "err", err)
		return nil
	}
	if !ok || !recalls(fail, e.now()) {
		return nil
	}
	if fail.Kind == kindWrong {
		return fmt.Errorf("/%s: %w: %s (it is not tried again before %s)", name, mirror.ErrWrong, fail.Cause, fail.Until.Format(time.TimeOnly))
	}
	// What a current index names is there, or will be: an upstream that lacked it a
	// moment ago is asked again.
	if hint, err := e.index.Hint(ctx, string(name)); err == nil && hint.Expected {
		return nil
	}
	return fmt.Errorf("/%s: %w (remembered until %s)", name, mirror.ErrNotFound, fail.Until.Format(time.TimeOnly))
}

// remember records a failure: for the other processes that follow, for the log
// reader, and, where all upstreams say that there is no such file, for negative_ttl.
func (e *Engine) remember(ctx context.Context, name mirror.Name, m *config.Mirror, upstream string, err error) {
	fail := index.Failure{Name: string(name), Kind: kindOf(err), Cause: err.Error(), Upstream: upstream, At: e.now()}
	fail.Until = fail.At
	var all *allError
	switch {
	case errors.As(err, &all) && all.certain:
		fail.Until = fail.At.Add(m.NegativeTTL)
	case errors.Is(err, mirror.ErrWrong):
		fail.Until = fail.At.Add(e.backOff(ctx, fail, leastWrong, mostWrong))
	case errors.Is(err, mirror.ErrHalfway):
		fail.Until = fail.At.Add(e.backOff(ctx, fail, leastHalfway, mostHalfway))
	}
	if err := e.index.PutFailure(ctx, fail); err != nil {
		e.log.Warn("a failure cannot be recorded", "path", "/"+string(name), "err", err)
	}
}

const (
	// The pauses between attempts at a file whose bytes are wrong: each costs a whole
	// transfer, and who put them there may take his time.
	leastWrong = time.Second
	mostWrong  = 10 * time.Minute

	// Those between refreshes that find an upstream in the middle of an update, or
	// behind: the one seldom takes long, the other may. What has come for the next
	// generation is not asked for again.
	leastHalfway = 2 * time.Second
	mostHalfway  = time.Minute
)

// backOff is twice the last pause after a failure of this kind.
func (e *Engine) backOff(ctx context.Context, fail index.Failure, least, most time.Duration) time.Duration {
	last, ok, err := e.index.Failure(ctx, fail.Name)
	if err != nil || !ok || last.Kind != fail.Kind {
		return least
	}
	return min(max(2*last.Until.Sub(last.At), least), most)
}
