package maint

import (
	"encoding/hex"
	"path/filepath"
	"time"

	"mirror/fetch"
	"mirror/repo"
	"mirror/store/index"
)

// Freshness is how current a mutable file of ours is, and why it is not.
type Freshness struct {
	// Leader is the path of the file that vouches for it: it is due when that one is,
	// and refreshed with it. Absent: it goes by itself.
	Leader    string    `json:"leader,omitempty"`
	Confirmed time.Time `json:"confirmed,omitzero"` // by the upstream, the leader
	Age       int64     `json:"age"`                // seconds since then
	Stale     bool      `json:"stale"`

	// Only of a stale one.
	StaleSince   time.Time `json:"stale_since,omitzero"`
	Failure      *Failure  `json:"failure,omitempty"`      // why the leader was not confirmed since
	HalfwaySince time.Time `json:"halfway_since,omitzero"` // the upstream is in the middle of an update
	SilentSince  time.Time `json:"silent_since,omitzero"`  // the mirror's upstreams; nobody waits for them
	Refreshing   bool      `json:"refreshing,omitempty"`   // right now
	Again        time.Time `json:"again_after,omitzero"`   // absent: with the next request
}

// Expected is what is known of a file's bytes.
type Expected struct {
	Index     string    `json:"index,omitempty"` // path of the file that says so; absent: the name itself
	Made      time.Time `json:"made,omitzero"`   // that index, by its own word
	Algorithm string    `json:"algorithm,omitempty"`
	Digest    string    `json:"digest,omitempty"`
	Size      int64     `json:"size"` // -1: it does not tell

	// Fits: "yes" or "no", the file that is here; "unknown", it could not be read.
	Fits fetch.Fits `json:"fits,omitempty"`
}

// Rejected is what was last fetched of a file and is not what it has to be.
type Rejected struct {
	File string    `json:"file"` // where it is kept
	Size int64     `json:"size"`
	At   time.Time `json:"at"`
}

func failureOf(f *index.Failure) *Failure {
	if f == nil {
		return nil
	}
	r := &Failure{Kind: f.Kind, Cause: f.Cause, At: f.At}
	if f.Since.Before(f.At) {
		r.Since = f.Since
	}
	if f.Until.After(f.At) && f.Kind != fetch.KindHalfway { // that is when it is asked again
		r.Remembered = f.Until
	}
	return r
}

func freshnessOf(in *fetch.Inspection) *Freshness {
	k := in.Keeping
	if k == nil {
		return nil
	}
	f := &Freshness{
		Confirmed: k.Confirmed, Age: int64(k.Age / time.Second), Stale: k.Stale,
		Failure: failureOf(k.Failure), Refreshing: k.Refreshing, Again: k.Again,
	}
	if k.Leader != "" {
		f.Leader = "/" + k.Leader.Escape()
	}
	if k.Stale && !k.Confirmed.IsZero() {
		f.StaleSince = k.Confirmed.Add(k.Life)
	}
	if k.Failure != nil && k.Failure.Kind == fetch.KindHalfway {
		f.HalfwaySince = k.Failure.Since
	}
	if k.Silence != nil {
		f.SilentSince = k.Silence.Since
	}
	return f
}

func expectedOf(in *fetch.Inspection) []Expected {
	var list []Expected
	for _, x := range in.Expected {
		e := Expected{Made: x.Made, Size: x.Size, Fits: x.Fits}
		if x.Algorithm != repo.NoAlgorithm {
			e.Algorithm, e.Digest = x.Algorithm.String(), hex.EncodeToString([]byte(x.Sum))
		}
		if by := x.Source; by != "" {
			e.Index = "/" + by.Escape()
		} else if x.Index != "" {
			e.Index = "/" + x.Index.Escape()
		}
		list = append(list, e)
	}
	return list
}

func (s Site) wrongOf(in *fetch.Inspection) *Rejected {
	if in.Wrong == nil {
		return nil
	}
	return &Rejected{File: filepath.Join(s.Conf.State, in.Wrong.Path), Size: in.Wrong.Size, At: in.Wrong.At}
}
