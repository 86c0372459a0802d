// Package source asks upstreams for files. A [Source] is one mirror's way to
// speak one protocol; it knows nothing of the docroot, the record or other
// upstreams: which upstream is asked, and what follows from an error, is
// decided in package fetch.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"mirror"
	"mirror/listing"
)

// Source fetches from one upstream. It is safe for concurrent use.
type Source interface {
	// Fetch appends the upstream's file to the one that r.Start returns. When
	// it returns without error, that has the whole file (or r.Small has taken it), and
	// of one version.
	// The upstream's failures are *Error, those of the disk wrap
	// mirror.ErrStore or mirror.ErrNoSpace; ErrNotModified comes with the
	// validators that the upstream sent. What was there before is untouched by
	// any of them, and what was appended before an error is a correct prefix
	// of the version that r.Start was told of, but after mirror.ErrChanged:
	// where only size and time tell a version, a file that was written to
	// while it was sent shows at its end.
	Fetch(ctx context.Context, r Request) (Result, error)

	// Stat asks what the upstream has, without any of its bytes. The Size may
	// be unknown, -1.
	Stat(ctx context.Context, path mirror.Name) (mirror.Meta, error)

	// Range opens the bytes from first up to and including last of the very
	// version that pin describes, or fails with mirror.ErrChanged. A pin that
	// is not Pinned is accepted only for a whole file, whose length then has
	// to be the pin's. The caller closes the body.
	Range(ctx context.Context, path mirror.Name, first, last int64, pin mirror.Meta) (io.ReadCloser, error)

	// URL returns where the file is, without credentials: for records, and
	// for clients that are sent there.
	URL(path mirror.Name) string

	// String names the upstream in logs and records, without credentials.
	String() string
}

// Lister is a Source that can list directories.
type Lister interface {
	// List asks what is in dir, one level deep. held describes the listing at
	// hand, nil: none; an upstream that can tell that it is still current
	// yields ErrNotModified. A Listing that Ended has every entry that the
	// upstream shows, but for those counted as Unread.
	List(ctx context.Context, dir mirror.Name, held *mirror.Meta) (Listing, error)
}

// Listing is a directory, and what is known about the listing itself.
type Listing struct {
	listing.Listing
	// Meta has the validators, where the protocol has any for listings, and as
	// ModTime the directory's own, where known.
	Meta mirror.Meta
}

// Walker is a Source that can list a whole tree in one go, with the hard links
// between its directories.
type Walker interface {
	// Walk lists everything below dir, without dir itself, and calls each with
	// every entry and the path, below dir, of the directory that has it: "" for
	// dir's own. A directory comes before what it has. ended is the Ended of
	// listing.Listing, for the whole tree; unread counts entries whose path
	// cannot be one. An error of each ends the walk and is returned as it is.
	Walk(ctx context.Context, dir mirror.Name, each func(parent string, e listing.Entry) error) (ended bool, unread int, err error)
}

// Batcher is a Source that fetches many files for much less than one after the
// other costs.
type Batcher interface {
	// FetchMany does what Fetch does for each of the requests, whose paths
	// differ. It calls done once for each, by its index, as soon as it is
	// settled; the order is the upstream's. Start, Wrote and done are called
	// one at a time, from the caller's goroutine. A failure is that of one file
	// only, unless the connection or ctx ends: then all that are not settled
	// share it.
	FetchMany(ctx context.Context, requests []Request, done func(i int, res Result, err error))
}

// Request is one attempt to fetch one file.
type Request struct {
	Path mirror.Name // below the upstream's base

	// Accept is what an HTTP upstream is told of the media types that can be this
	// file; "": nothing. One that has none of them does not have the file.
	Accept string

	// Part is what is at hand, opened for reading and appending; its length is
	// where to go on. Have describes the version that its bytes belong to;
	// SameUpstream says that they came from this upstream. nil: from the start.
	Part         *os.File
	Have         mirror.Meta
	SameUpstream bool

	// Held describes the published file that is asked for conditionally; nil:
	// unconditional. An upstream that has nothing newer yields ErrNotModified.
	Held *mirror.Meta

	MaxSize    int64 // bytes; 0: no limit
	RefuseHTML bool  // an HTML page cannot be this file

	// Small, unless nil, is offered the whole of a small file that is asked for from
	// its start, before Start is called. If it takes it, that is all: nothing is
	// appended, and neither Start nor Wrote is called. A source may also not offer it.
	Small func(m mirror.Meta, body []byte) (took bool)

	// First, unless nil, is shown the first bytes of a larger file that is asked for from
	// its start, before Start is called; they are not to be changed. What Wrote says
	// first then counts them again. A source may also not show them.
	First func(m mirror.Meta, head []byte)

	// Line is what an HTTP upstream is asked over, or was already, if the request says
	// nothing but the path, and the file is asked for from its start; else, or where it
	// is nil, that is a connection of the source's own.
	Line *Line

	// Extra is what an HTTP upstream may be asked by beside one connection; nil: nothing.
	Extra *Extra

	// Start is called once the answer is known to be good, and returns the file
	// to append to: Part, or an empty one. An error stops the attempt and is
	// returned as it is.
	Start func(mirror.Meta) (*os.File, error)
	// Wrote is called after each append, with the bytes appended.
	Wrote func(n int)
}

// Extra is what the connections are given that bring a file together with the first. Its
// functions do not wait, and may be called by several goroutines.
type Extra struct {
	// Connections is how many there may be at a time, with the first; 1 or less: that.
	Connections int

	// Scratch returns an empty file that goes with its descriptor, for what arrives
	// before it can be appended.
	Scratch func() (*os.File, error)

	// Slot is asked for a slot for each request; nil: there are enough.
	Slot func() (release func(), ok bool)

	// SlotFree reports whether there is a slot for others, too. A request that takes long
	// asks now and then, and gives its own back where there is none; nil: there is.
	SlotFree func() bool
}

// Result says what arrived.
type Result struct {
	Meta mirror.Meta // Size is what the file has now

	// Unframed: the body had no length and no framing (RFC 9112, 6.3, rule
	// 8): it ended when the connection did, and nobody can tell whether that
	// was its end.
	Unframed bool
}

// ErrNotModified: the upstream has nothing newer than Request.Held.
var ErrNotModified = errors.New("not modified")

// Error is an attempt's failure. Kind is one of package mirror's errors, or the
// cause for which the caller's context ended.
type Error struct {
	Kind       error
	Upstream   string // without credentials
	Path       mirror.Name
	Cause      string
	RetryAfter time.Duration // what the upstream asked for; 0: nothing

	status int  // of the answer, where that is the error
	wire   bool // there was no answer
	other  bool // the upstream has a version other than the one that was asked for
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s%s: %s", e.Upstream, e.Path.Escape(), e.Cause)
}

func (e *Error) Unwrap() error { return e.Kind }

// objection is what Start said against an answer.
type objection struct{ err error }

func (o *objection) Error() string { return o.err.Error() }

// withKind returns the error that an attempt ends with, if err has its kind already, or
// needs none; nil: it has to be given one.
func withKind(err error) error {
	var own *Error
	var start *objection
	switch {
	case errors.As(err, &start):
		return start.err
	case errors.As(err, &own), errors.Is(err, ErrNotModified), errors.Is(err, mirror.ErrStore), errors.Is(err, mirror.ErrNoSpace):
		return err
	}
	return nil
}
