package main

import (
	"fmt"

	"mirror/fetch"
	"mirror/maint"
)

// expected tells what is known of the bytes, and by whom.
func (e explanation) expected(r *maint.Report) {
	for _, x := range r.Expected {
		if x.Index != "" {
			made := ""
			if !x.Made.IsZero() {
				made = ", which is of " + moment(x.Made, e.now)
			}
			e.line("vouched for", "by %s%s", x.Index, made)
		} else {
			e.line("vouched for", "by its own name")
		}
		what := "any bytes"
		if x.Algorithm != "" {
			what = x.Algorithm + " " + x.Digest
		}
		if x.Size >= 0 {
			what += fmt.Sprintf(", %d bytes", x.Size)
		}
		switch x.Fits {
		case fetch.FitsYes:
			what += "; that is what is here"
		case fetch.FitsNo:
			what += "; what is here is NOT that"
		case fetch.FitsUnknown:
			what += "; what is here could not be read"
		}
		e.line("expected", "%s", what)
	}
	if w := r.Wrong; w != nil {
		e.line("wrong bytes", "%s that came %s are kept as %s", size(w.Size), moment(w.At, e.now), w.File)
	}
}

// freshness tells how current a mutable file of ours is.
func (e explanation) freshness(r *maint.Report) {
	f := r.Freshness
	if f == nil {
		return
	}
	if f.Leader != "" {
		e.line("refreshed with", "%s, confirmed %s", f.Leader, moment(f.Confirmed, e.now))
	}
	if !f.Stale {
		return
	}
	switch {
	case f.StaleSince.IsZero():
		e.line("stale", "nobody knows how old it is")
	default:
		e.line("stale", "since %s", moment(f.StaleSince, e.now))
	}
	switch c := f.Failure; {
	case c != nil:
		e.line("because", "%s, %s: %s", kindSince(c, e), moment(c.At, e.now), c.Cause)
	default:
		e.line("because", "nobody has asked the upstream since")
	}
	if !f.HalfwaySince.IsZero() {
		e.line("half-way", "the upstream is in the middle of an update, since %s", moment(f.HalfwaySince, e.now))
	}
	if !f.SilentSince.IsZero() {
		e.line("silent", "the upstream does not answer, since %s; clients do not wait for it", moment(f.SilentSince, e.now))
	}
	switch {
	case f.Refreshing:
		e.line("tried again", "right now")
	case !f.Again.IsZero():
		e.line("tried again", "with the first request after %s", moment(f.Again, e.now))
	default:
		e.line("tried again", "with the next request")
	}
}

// kindSince tells of which kind a failure was, and since when it is always that.
func kindSince(f *maint.Failure, e explanation) string {
	if f.Since.IsZero() {
		return f.Kind
	}
	return fmt.Sprintf("%s since %s, last", f.Kind, moment(f.Since, e.now))
}
