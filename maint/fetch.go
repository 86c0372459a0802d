package maint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"mirror"
	"mirror/fetch"
)

// The ways in which a fetch ends well.
const (
	HowPublished = "published" // it was missing
	HowHere      = "here"      // it was there, and nothing was due
	HowCurrent   = "current"   // it was there, and the upstream has no other
	HowReplaced  = "replaced"  // it was there, and the upstream had another
)

// Fetched tells of a file that is in the docroot.
type Fetched struct {
	How      string // one of the How constants
	Size     int64
	Upstream string // the URL that it came from; "" where that is not known
}

// maxTries bounds how often a fetch is joined anew: the upstream's file changed
// under it, or the process that ran it died.
const maxTries = 4

// isDirectory says what to do about that.
const isDirectory = "%w: name the files in it, or bring all of it with `mirrorctl sync`"

// Fetch brings a file into the docroot and waits until it stands there. A
// fetch that runs in another process is followed. tell is called with the bytes
// that have arrived, and the size that the file will have.
func (s Site) Fetch(ctx context.Context, name mirror.Name, tell func(have, total int64)) (Fetched, error) {
	before, err := s.Engine.Inspect(ctx, name)
	if err != nil {
		return Fetched{}, err
	}
	switch {
	case before.Next == fetch.NextDirectory:
		return Fetched{}, fmt.Errorf(isDirectory, mirror.ErrIsDirectory)
	case before.Next == fetch.NextOutside:
		return Fetched{}, s.outside(name)
	}
	begun := time.Now()
	for try := 1; ; try++ {
		again, err := s.follow(ctx, name, tell)
		if err == nil {
			break
		}
		if errors.Is(err, mirror.ErrIsDirectory) {
			return Fetched{}, fmt.Errorf(isDirectory, err)
		}
		if !again || try == maxTries {
			return Fetched{}, err
		}
	}
	if before.Found != nil {
		if err := s.Engine.Idle(ctx, name); err != nil {
			return Fetched{}, err
		}
	}
	after, err := s.Engine.Inspect(ctx, name)
	if err != nil {
		return Fetched{}, err
	}
	return outcome(before, after, begun)
}

// follow opens the file and reads it to its end, which is how a fetch is
// watched. again tells that the error may be gone at the next try.
func (s Site) follow(ctx context.Context, name mirror.Name, tell func(have, total int64)) (again bool, err error) {
	f, err := s.Engine.Open(ctx, name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if f.Published() {
		return false, nil
	}
	if err := watch(f, tell); err != nil {
		return errors.Is(err, mirror.ErrChanged), err
	}
	published, err := f.Settle(ctx)
	if err != nil || published {
		return false, err
	}
	in, err := s.Engine.Inspect(ctx, name)
	switch {
	case err != nil:
		return false, err
	case in.Next == fetch.NextPublish || in.Next == fetch.NextResume:
		return true, fmt.Errorf("%w: its fetch was abandoned %d times", mirror.ErrBroken, maxTries)
	}
	return false, nil
}

func watch(f *fetch.File, tell func(have, total int64)) error {
	buf := make([]byte, 256<<10)
	var have int64
	for {
		n, err := f.Read(buf)
		have += int64(n)
		tell(have, f.Meta.Size)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// outcome tells from what was there before and after what a fetch did.
func outcome(before, after *fetch.Inspection, begun time.Time) (Fetched, error) {
	failed := after.Failure != nil && !after.Failure.At.Before(begun)
	switch {
	case after.Found == nil && failed:
		return Fetched{}, fmt.Errorf("it could not be stored: %s", after.Failure.Cause)
	case after.Found == nil:
		return Fetched{}, errors.New("the upstream sends it without a length, so that its end cannot be told from a broken connection: it can be delivered, but not kept")
	}
	done := Fetched{How: HowHere, Size: after.Found.Size()}
	if after.Record != nil {
		done.Upstream = after.Record.Upstream
	}
	switch {
	case before.Found == nil:
		done.How = HowPublished
	case before.Record == nil || after.Record == nil:
	case !after.Record.Fetched.Equal(before.Record.Fetched):
		done.How = HowReplaced
	case after.Record.Checked.After(before.Record.Checked):
		done.How = HowCurrent
	case failed:
		return Fetched{}, fmt.Errorf("the copy of %s stays, since the upstream could not be asked for a newer one: %s",
			before.Record.Checked.Local().Format(time.DateTime), after.Failure.Cause)
	}
	return done, nil
}
