// Package repo knows what a file of a repository means: which names tell of other
// files, what digest those must have, and which names change together. It reads
// names and bytes that it is given, and touches nothing.
//
// There is one file for each format (debian.go, rpm.go, ...), and one interface
// between them and everybody else:
//
//	name  -> Knowledge.Of   -> Nature   what the name alone tells
//	bytes -> Knowledge.Read -> Claims   what an index says of other files
//
// All names are below the mirror's prefix, without a slash at their start.
package repo

import (
	"io"
	"time"
)

// Algorithm is that of a digest. A larger one is to be preferred.
type Algorithm uint8

// The algorithms. Their numbers are on record: they stay as they are.
const (
	NoAlgorithm Algorithm = 0
	// APKControl is Alpine's: the SHA-1 of the second of the gzip streams that
	// an apk is made of.
	APKControl Algorithm = 1
	MD5        Algorithm = 2
	SHA1       Algorithm = 3
	SHA512     Algorithm = 4
	// SHA256 is preferred to SHA512: it is what every file's record has anyway.
	SHA256 Algorithm = 5
)

// Digest is what bytes must come to. The zero value stands for none.
type Digest struct {
	Algorithm Algorithm
	Sum       string // the digest's bytes, not their hexadecimal form
}

// Claim is what an index says of another file.
type Claim struct {
	Name   string
	Size   int64  // bytes; -1 where the index does not tell
	Digest Digest // the best that the index tells; may be none where Size is known

	// Slot stays the same where the next generation of the file has another name:
	// an index that is called by its digest, or a package by its version. Two
	// claims of one index can share a slot (a package in two versions). Empty
	// where the file keeps its name.
	Slot string

	// As is the name that tells what is in the file where Name is only its digest
	// (by-hash): what Of and Read understand. Empty where Name tells it.
	As string

	// Package: it is what the repository is for, and not a part of its
	// metadata. It is brought when a client asks for it, and does not change
	// together with the index.
	Package bool
}

// Nature is what a name tells. Its zero value is that of a file of which nothing
// is known.
type Nature struct {
	// Index is set where Read can tell of other files from this one. It is the
	// name of what the file contains: Packages.gz and Packages.xz are the same
	// index "dists/sid/main/binary-amd64/Packages", and one of them tells all.
	Index string

	// Set names what has to be published together with this file, this name
	// included, in the order of publication: what vouches for all the others is
	// the last. Empty for files that no other vouches for, and that vouch for none.
	// All names of a set have the same one. None of them need exist.
	Set []string

	// Signatures are the names of the detached signatures of this file that are
	// in use for its format; any of them will do. Inline: the file contains its
	// own (InRelease). Both: either will do (Fedora's CHECKSUM contains it, others'
	// have it beside them).
	Signatures []string
	Inline     bool

	// Page is set where an HTTP upstream shows the file as the page of a directory:
	// that directory, with its slash ("simple/hello/"). Accept is the media type
	// that it shows it as, in the words of the header.
	Page   string
	Accept string

	// Claim is what the name itself says of the file (by-hash, repodata/DIGEST-...):
	// its Name is empty where it says nothing. Such a name never changes its content.
	Claim Claim
}

// Head is what an index says of itself.
type Head struct {
	Made    time.Time // an index never gives way to one that is older; zero: unknown
	Expires time.Time // zero: it does not say
	Suites  []string  // what it calls the suite that it is of: Debian's Suite and Codename
	Skipped int       // claims that were left out, since no file may have such a name
}

// Format is one kind of repository.
type Format interface {
	// Of returns what a name tells, and whether it belongs to the format.
	Of(name string) (Nature, bool)

	// Read reads an index, decompressed, and calls add with each of its claims. An
	// error of add ends it. Where a name is claimed with several digests add is
	// called once, with the best one; twice only where two packages of an index
	// have the same name.
	Read(name string, r io.Reader, add func(Claim) error) (Head, error)
}
