// Package mirror is the vocabulary of the project: the names, the facts about
// a file, and the errors that the other packages exchange. It acts on nothing
// and imports nothing of ours.
//
//	cmd -> handler, maint -> fetch -> source, store -> listing, internal, mirror
//
// A [Name] is where a file lives below the docroot. A [Target] is what a
// client asked for, turned into a Name. A [Meta] is what is known about one
// version of a file. The errors say what happened, never which HTTP status it
// becomes: that is one table in package handler.
package mirror

import (
	"errors"
	"time"
)

// Meta is what is known about one version of a file.
type Meta struct {
	Size        int64     // bytes; -1 when unknown
	ModTime     time.Time // the upstream's; zero when unknown
	ETag        string    // as the upstream sent it, quotes and W/ included
	ContentType string    // as the upstream sent it

	// LastModified is the header's text, only where it is a strong validator:
	// at least a minute older than the answer's Date (RFC 9110, 8.8.2.2). A
	// younger file may change twice within the second that the header tells.
	LastModified string

	// Fresh is for how long from now the upstream calls the file current: 0 where it
	// does not say, less than 0 where not even now.
	Fresh time.Duration
}

// HoldBack is how much of the end of a file nobody gets before the file was found
// good, in bytes: so a client of one that turns out wrong is left without its end, and
// sees that.
const HoldBack = 64 << 10

// IsSmall reports whether all of the file is held back until it was found good. Since
// nobody reads of it before, it may stay in memory until then, needs no record that tells
// other processes how far it is, and is not worth resuming.
func (m Meta) IsSmall() bool { return m.Size >= 0 && m.Size <= HoldBack }

// What a file's time can be, in seconds since 1970: ext4 begins in December 1901, and
// nanoseconds in 64 bits, as which records keep a time, end in April 2262. File systems
// that end sooner have the kernel take the nearest that they can hold.
var (
	firstFileTime = time.Date(1902, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastFileTime  = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC).Unix() - 1
)

// IsFileTime reports whether a file can be given this time, in seconds since 1970. What
// an upstream says outside of that is no date: the year 9999 would be one of 1816.
func IsFileTime(seconds int64) bool { return firstFileTime <= seconds && seconds <= lastFileTime }

// FileTime is a time that an upstream tells of a file; zero, unknown, if no file can be
// given it.
func FileTime(t time.Time) time.Time {
	if !IsFileTime(t.Unix()) {
		return time.Time{}
	}
	return t
}

// StrongETag returns the entity tag when it is a strong validator (RFC 9110,
// 8.8.1), else "".
func (m Meta) StrongETag() string {
	if len(m.ETag) >= 2 && m.ETag[0] == '"' {
		return m.ETag
	}
	return ""
}

// Pinned reports whether m identifies its bytes well enough that a later
// answer can be told to be the same version.
func (m Meta) Pinned() bool {
	return m.Size >= 0 && (m.StrongETag() != "" || m.LastModified != "")
}

// Continues reports whether an answer that says next is of the same version as
// the bytes at hand, which are described by m. An entity tag means something
// only to the upstream that gave it, so across upstreams (same is false) size
// and modification time have to agree.
func (m Meta) Continues(next Meta, same bool) bool {
	if m.Size < 0 || m.Size != next.Size {
		return false
	}
	if tag := m.StrongETag(); same && tag != "" && next.ETag != "" {
		return tag == next.ETag
	}
	return m.LastModified != "" && sameTime(m.ModTime, next.ModTime)
}

// sameTime compares to the second where one of the two is not known to more:
// HTTP tells seconds, rsync and files nanoseconds.
func sameTime(a, b time.Time) bool {
	if a.Nanosecond() == 0 || b.Nanosecond() == 0 {
		a, b = a.Truncate(time.Second), b.Truncate(time.Second)
	}
	return a.Equal(b)
}

// Errors by what happened. They are wrapped with the sentence that says to
// which file and upstream, and are told apart with errors.Is.
var (
	// ErrBadName: the request's target is no name (malformed, or dangerous).
	ErrBadName = errors.New("not a valid path")
	// ErrHidden: the name has a segment that begins with a dot. Such names
	// are never mirrored: they are the web server's business.
	ErrHidden = errors.New("hidden names are not mirrored")
	// ErrNoMirror: the name is below no configured prefix.
	ErrNoMirror = errors.New("no mirror is configured for this path")
	// ErrNotFound: every upstream that answered said that there is no such file.
	ErrNotFound = errors.New("the upstream has no such file")
	// ErrIsDirectory: the name is a directory; ask for it with a slash.
	ErrIsDirectory = errors.New("it is a directory")
	// ErrNoListing: the upstream answers for the directory, but does not show
	// what it has.
	ErrNoListing = errors.New("the upstream shows no listing of the directory")
	// ErrTimeout: the upstream was silent for too long.
	ErrTimeout = errors.New("the upstream did not answer in time")
	// ErrBroken: the upstream failed, or answered with what cannot be the file.
	ErrBroken = errors.New("the upstream is broken")
	// ErrRefused: the upstream wants credentials that it does not get (401, 403).
	ErrRefused = errors.New("the upstream refuses access")
	// ErrBusy: every slot is taken, or the upstream asked for patience.
	ErrBusy = errors.New("too many fetches are running")
	// ErrChanged: the upstream's file is another version than the bytes at hand.
	ErrChanged = errors.New("the upstream's file has changed")
	// ErrWrong: the bytes are not those that the repository's own indexes, or
	// its signatures, vouch for.
	ErrWrong = errors.New("the upstream's file is not what its repository says")
	// ErrHalfway: what the upstream has does not fit together, as while it is
	// being updated.
	ErrHalfway = errors.New("the upstream is in the middle of an update")
	// ErrNoSpace: the file cannot be stored: the disk or the quota is full.
	ErrNoSpace = errors.New("no space to store the file")
	// ErrTooLarge: the file is larger than the configured limit.
	ErrTooLarge = errors.New("the file is larger than limits.max_size")
	// ErrStore: the docroot or the state directory does not let us work.
	ErrStore = errors.New("the local store failed")
	// ErrForeign: something in the docroot stands in the way that is not ours
	// to replace.
	ErrForeign = errors.New("the docroot has something there that is not ours")
)
