package index

import "time"

// A Record is one published file: what stands in the docroot under Name, and
// where it came from.
//
// A record speaks of the file only while it Describes it; otherwise somebody
// else has put another file there.
type Record struct {
	// Name is the path relative to the docroot. It is bytes: it may hold
	// anything that a file name may hold, valid UTF-8 or not.
	Name string

	// Upstream is the URL that the bytes came from, without credentials.
	Upstream string

	Size    int64
	ModTime time.Time // the docroot file's mtime, to the nanosecond
	Inode   uint64    // informative: a restored backup has other inodes

	// The upstream's own words, for conditional requests.
	ETag, LastModified, ContentType string

	// Digest is the SHA-256 of the bytes; nil where it is not known.
	Digest []byte

	Fetched time.Time // when the bytes arrived
	Checked time.Time // when the upstream last said that they are current

	// Ours is false for a file that a reindex found: it is served, but never
	// replaced or deleted by us until it is adopted.
	Ours bool

	// Target is what a symbolic link of ours leads to; "" for files. A link has
	// neither size nor mtime: it is ours while it leads there.
	Target string

	// Fresh is for how long after Checked the upstream called the file current
	// (Cache-Control, Expires); 0 where it did not say, less than 0 where not even
	// then.
	Fresh time.Duration
}

// Describes reports whether r speaks of a file of this size and mtime.
func (r Record) Describes(size int64, mtime time.Time) bool {
	return r.Size == size && r.ModTime.Equal(mtime)
}

// A Partial is a file in the state directory: still growing, or whole, checked
// and about to be renamed into the docroot.
type Partial struct {
	Name     string // as in Record
	Upstream string
	Inode    uint64

	// Total is the length that the upstream promised, -1 where it did not.
	// With Publishing set it is the file's size.
	Total int64

	ModTime                         time.Time
	ETag, LastModified, ContentType string

	// Boot identifies the boot under which the bytes were written. Under
	// another boot only the first Synced bytes are to be trusted.
	Boot   string
	Synced int64 // bytes known to be on stable storage

	// Publishing is the intent: the file is checked, and renamed as soon as both are
	// on disk, the file and this. The docroot file that it Became is ours even if its
	// record was never written.
	Publishing bool
	Digest     []byte // as in Record

	Started time.Time
	Fresh   time.Duration // as in Record
}

// Became reports whether a docroot file with this inode, size and mtime is the
// one that p was about to become: its publication was cut off between the
// rename and the record.
func (p Partial) Became(inode uint64, size int64, mtime time.Time) bool {
	return p.Publishing && p.Inode == inode && p.Total == size && p.ModTime.Equal(mtime)
}

// Record returns the record of the file that p is about to become.
func (p Partial) Record() Record {
	return Record{
		Name: p.Name, Upstream: p.Upstream,
		Size: p.Total, ModTime: p.ModTime, Inode: p.Inode,
		ETag: p.ETag, LastModified: p.LastModified, ContentType: p.ContentType,
		Digest: p.Digest, Fetched: p.Started, Checked: p.Started, Ours: true,
		Fresh: p.Fresh,
	}
}

// A Failure is the last thing that went wrong for a name, or an upstream's
// answer that there is no such file. Whether it still counts is the caller's
// decision: Until is kept, not enforced.
type Failure struct {
	Name     string
	Kind     string // the caller's word: "notfound", "timeout", "broken", "busy", ...
	Cause    string // a sentence for the log and for `mirrorctl why`
	Upstream string
	At       time.Time // when it happened
	Until    time.Time // until when the name is not asked for again
	Since    time.Time // when the first of its kind happened, with nothing else in between
}

// A Listing is a directory as an upstream last showed it.
type Listing struct {
	Name     string // of the directory, relative to the docroot; "" is the docroot
	Upstream string // as in Record
	Format   string // what the listing was recognised as

	ModTime            time.Time // the directory's own; zero where unknown
	ETag, LastModified string    // of the listing
	Checked            time.Time // when the upstream last said that it is current

	Ended   bool  // it was read to its proper end
	Unread  int64 // lines that were not understood
	Entries []byte
}

// An IndexFile is an index of a repository that was read: a file that tells of
// others.
type IndexFile struct {
	// Name is that of what the file contains, relative to the docroot:
	// Packages.gz and Packages.xz are the same index, Packages. No file of this
	// name need exist.
	Name string

	Source string // the file that was read, relative to the docroot
	Digest []byte // the SHA-256 of that file

	Made    time.Time // by its own word; zero where it does not say
	Expires time.Time // likewise
	Learned time.Time // when it was read; what it no longer names is dropped since then
}

// A Claim is what an index says of a file. Two are the same if they are equal.
type Claim struct {
	Name      string // as in Record
	Size      int64  // -1 where the index does not tell
	Algorithm uint8  // of the digest; a larger one is to be preferred, 0 is none
	Digest    string // its bytes, not their hexadecimal form; "" is none

	// Slot stays the same where the next version of the file has another name;
	// empty where the file keeps its name.
	Slot string

	// Package: the file is what the repository is for, not a part of its metadata.
	Package bool

	// As is the name, as in Record, that tells what is in a file that is called by
	// its digest; empty where Name tells it.
	As string
}

// An Expected is a claim, and the Name and the Source of the index that makes it.
type Expected struct {
	Claim
	Via    string
	Source string
}

// Learned says what came of an index that was read.
type Learned struct {
	Claims  int // names that the index claims
	Dropped int // files of ours that no index claims any more, since this one
}

// A Dropped is a file of ours that was named once, and is no longer.
type Dropped struct {
	Name  string
	Since time.Time // when that was noticed first
	Via   string    // the index, or the directory, that named it last
}

// The operations of the change log.
const (
	OpAdd     = "add"     // published; no file of this name was recorded before
	OpReplace = "replace" // published over an earlier version
	OpRemove  = "remove"  // the record was removed
	OpAdopt   = "adopt"   // a file of others became ours
	OpFound   = "found"   // a reindex found a file, or found it changed
)

// A Change is one line of the change log.
type Change struct {
	// Seq grows by one with every line and is not used again, not even after
	// the database was deleted and rebuilt. Only a power cut, which may take
	// the last few lines, lets their numbers be given out anew.
	Seq     int64
	Name    string
	Op      string // one of the Op constants
	Size    int64  // of the file after the change; 0 for OpRemove
	ModTime time.Time
	At      time.Time // when the line was written
}
