package fetch

import (
	"context"
	"time"

	"mirror"
	"mirror/repo"
	"mirror/store/index"
)

// Keeping is how a mutable file of ours is kept current.
type Keeping struct {
	Freshness
	Leader    mirror.Name   // the file that vouches for it and is refreshed for it; "": itself
	Confirmed time.Time     // when the leader last was; zero: nobody knows
	Life      time.Duration // for which it is good from then on

	// Of a stale one.
	Failure    *index.Failure // why the leader could not be confirmed since; nil: nobody has failed
	Silence    *index.Failure // somebody has waited for the mirror's upstreams in vain, and it still counts
	Refreshing bool           // somebody holds the leader's lock
	Again      time.Time      // no request leads to another try before; zero: the next one does
}

// inspectKeeping tells what s says of the file at name.
func (e *Engine) inspectKeeping(ctx context.Context, s standing, name mirror.Name) *Keeping {
	k := &Keeping{Freshness: s.Freshness, Confirmed: s.rec.Checked, Life: s.life}
	if s.lead.name != name {
		k.Leader = s.lead.name
	}
	if !s.Stale {
		return k
	}
	if s.fail.Kind != "" {
		k.Failure = &s.fail
	}
	k.Silence = e.silence(ctx, s.lead.m, e.now())
	k.Refreshing, _ = e.tree.Locks.Held(string(s.lead.name))
	if s.next == NextServe {
		k.Again = s.until
	}
	return k
}

// Fits says whether a file is what is expected of it.
type Fits string

// What it can say.
const (
	FitsYes     Fits = "yes"
	FitsNo      Fits = "no"
	FitsUnknown Fits = "unknown" // it could not be read
	FitsNothing Fits = ""        // there is no file
)

// Expectation is what is known of a file's bytes, and whether those of the file that
// is there are so.
type Expectation struct {
	Index  mirror.Name // that says so, by the name of its content; "": the file's own name
	Source mirror.Name // the file in which that was read; "": as Index
	Made   time.Time   // the index, by its own word; zero: it does not say
	Size   int64       // -1: it does not tell
	repo.Digest
	Fits Fits
}

func (e *Engine) inspectExpected(ctx context.Context, in *Inspection) []Expectation {
	var list []Expectation
	for _, x := range e.expectations(ctx, in.Mirror, in.Rest) {
		known := Expectation{
			Index: mirror.Name(x.Via), Size: x.Size,
			Digest: repo.Digest{Algorithm: repo.Algorithm(x.Algorithm), Sum: x.Digest},
		}
		if via, ok, err := e.index.IndexFile(ctx, x.Via); err == nil && ok && x.Via != "" {
			known.Source, known.Made = mirror.Name(via.Source), via.Made
		}
		if in.Found != nil {
			known.Fits = e.fitsTo(in, x.Claim)
		}
		list = append(list, known)
	}
	return list
}

// fitsTo compares the file that was found with a claim. What the record does not tell
// is read.
func (e *Engine) fitsTo(in *Inspection, c index.Claim) Fits {
	held := index.Record{Name: in.Mirror.Prefix + string(in.Rest), Size: in.Found.Size()}
	if in.recorded() {
		held.Digest = in.Record.Digest
	}
	switch same, err := e.is(&held, c); {
	case err != nil:
		return FitsUnknown
	case same:
		return FitsYes
	}
	return FitsNo
}
