package fetch

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"

	"mirror"
	"mirror/config"
	"mirror/store"
	"mirror/store/index"
)

// Next is what the next request for a name leads to.
type Next string

// The ways in which a request goes on, in the order in which they are tried.
const (
	NextServe     Next = "serve"     // from the docroot; nobody is asked
	NextRefresh   Next = "refresh"   // from the docroot, while the upstream is asked whether it changed
	NextConfirm   Next = "confirm"   // the upstream is asked first, for staleWait at most
	NextDirectory Next = "directory" // it is a directory
	NextRefuse    Next = "refuse"    // what stands at the name is nothing that may be served
	NextOutside   Next = "outside"   // not found, since no mirror has it
	NextRecall    Next = "recall"    // not found, as all upstreams said a short while ago
	NextFollow    Next = "follow"    // the fetch that runs
	NextPublish   Next = "publish"   // the finished file that a crash left
	NextResume    Next = "resume"    // the unfinished file
	NextFetch     Next = "fetch"     // from the start
)

// Inspection is what there is of a name at one moment.
type Inspection struct {
	Mirror  *config.Mirror // nil: below no prefix
	Rest    mirror.Name    // the name below the prefix
	Mutable bool

	Found fs.FileInfo // the docroot's file; nil: it has none
	Aside bool        // that file is kept in the state directory
	Err   error       // why what stands at the name is no file to be served

	Record  *index.Record
	Partial *index.Partial
	Failure *index.Failure

	// Ours: the record, or the intent of a publication that was cut off,
	// speaks of Found.
	Ours     bool
	Fetching bool // somebody holds the name's lock

	Expected []Expectation // what is known of the file's bytes: any of them will do
	Wrong    *store.Wrong  // what was last fetched of it and is not what it has to be
	Keeping  *Keeping      // of a mutable file of ours that is there

	Have  int64  // bytes of the unfinished file; -1: there is none
	Unfit string // why it cannot be gone on with; "": it can

	Next  Next
	Until time.Time // when Next is another; zero: not by time alone
}

// Inspect tells what the engine would go by if name were asked for now, at the
// place that the docroot's links lead to. It changes nothing, and asks no upstream.
func (e *Engine) Inspect(ctx context.Context, name mirror.Name) (*Inspection, error) {
	ctx = context.WithValue(ctx, observer{}, true)
	in := &Inspection{}
	real, linkErr := e.tree.Resolve(name)
	if linkErr == nil {
		name = real
	}
	if p := e.placeOf(name); p.m != nil {
		in.Mirror, in.Rest, in.Mutable = p.m, p.rest, p.m.IsMutable(string(p.rest))
	}
	var err error
	// The lock is asked first: what its holder left is looked at after.
	if in.Fetching, err = e.tree.Locks.Held(string(name)); err != nil {
		return nil, err
	}
	if in.Record, in.Partial, in.Failure, err = e.index.Lookup(ctx, string(name)); err != nil {
		return nil, err
	}
	f, err := e.openPublished(name)
	switch {
	case err == nil:
		in.Found, in.Aside = f.info, e.tree.StandsAside(name, f.info)
		f.Close()
	case linkErr != nil:
		in.Err = linkErr
	case !errors.Is(err, errMissing):
		in.Err = err
	}
	if in.Found != nil {
		in.Ours = in.recorded() || in.Partial != nil && in.Partial.Became(store.Inode(in.Found), in.Found.Size(), in.Found.ModTime())
	}
	if err := e.inspectPart(in, name); err != nil {
		return nil, err
	}
	if in.Mirror != nil {
		in.Expected = e.inspectExpected(ctx, in)
		if in.Wrong, err = e.tree.Wrong(name); err != nil {
			return nil, err
		}
	}
	in.Next, in.Until = e.next(ctx, in, name)
	return in, nil
}

// inspectPart looks at the unfinished file.
func (e *Engine) inspectPart(in *Inspection, name mirror.Name) error {
	in.Have = -1
	part, err := e.tree.FollowPart(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer part.Close()
	st, err := part.Stat()
	if err != nil {
		return err
	}
	in.Have = st.Size
	var row index.Partial
	if in.Partial != nil {
		row = *in.Partial
	}
	in.Unfit = unfit(row, part, st, e.boot)
	if in.Unfit == "" && !st.Checked && !metaOfRow(row).Pinned() {
		in.Unfit = "the upstream gave nothing to tell its version by"
	}
	if fi, err := part.File().Stat(); err == nil && int(fi.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
		in.Unfit = "it belongs to another user than the one that asks"
	}
	return nil
}

// next walks the way of a request: see Open.
func (e *Engine) next(ctx context.Context, in *Inspection, name mirror.Name) (Next, time.Time) {
	switch {
	case errors.Is(in.Err, mirror.ErrIsDirectory):
		return NextDirectory, time.Time{}
	case in.Err != nil:
		return NextRefuse, time.Time{}
	case in.Found != nil:
		return e.nextOfFound(ctx, in, name)
	case in.Mirror == nil && errors.Is(e.outside(name), mirror.ErrIsDirectory):
		return NextDirectory, time.Time{}
	case in.Mirror == nil:
		return NextOutside, time.Time{}
	case in.Failure != nil && recalls(*in.Failure, e.now()):
		return NextRecall, in.Failure.Until
	case in.Fetching:
		return NextFollow, time.Time{}
	case in.Have < 0 || in.Unfit != "":
		return NextFetch, time.Time{}
	case in.Have == in.Partial.Total:
		return NextPublish, time.Time{}
	}
	return NextResume, time.Time{}
}

// nextOfFound is next for a file that the docroot has: see look.
func (e *Engine) nextOfFound(ctx context.Context, in *Inspection, name mirror.Name) (Next, time.Time) {
	if !in.Mutable || !in.Ours {
		return NextServe, time.Time{}
	}
	rec := in.Record
	if !in.recorded() { // an intent tells when its fetch began
		r := in.Partial.Record()
		rec = &r
	}
	s := e.standing(ctx, place{name, in.Mirror, in.Rest}, *rec)
	in.Keeping = e.inspectKeeping(ctx, s, name)
	return s.next, s.until
}

// recorded reports whether the record says that what was found is ours.
func (in *Inspection) recorded() bool {
	return in.Record != nil && in.Record.Ours && in.Record.Describes(in.Found.Size(), in.Found.ModTime())
}

// recalls reports whether a failure still answers requests.
func recalls(fail index.Failure, now time.Time) bool {
	return (fail.Kind == kindNotFound || fail.Kind == kindWrong) && !now.Before(fail.At) && now.Before(fail.Until)
}

// unfit says why a fetch cannot go on with what an earlier one left in part, of
// which the record says row; "": it can. A zero row is none.
func unfit(row index.Partial, part *store.Part, st store.PartState, boot string) string {
	switch {
	case row.Inode != part.Inode:
		return "the record does not say what its bytes are"
	case row.Total < 0:
		return "the upstream did not tell its length"
	case st.Size > row.Total:
		return "it is longer than the upstream said"
	case row.Boot != boot && row.Synced < st.Size:
		return "the machine stopped before all of it was on disk"
	case st.Checked && st.Size != row.Total:
		return "it is shorter than when it was checked"
	}
	return ""
}
