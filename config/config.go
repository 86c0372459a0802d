// Package config turns the configuration file, or the flags that stand for
// it, into typed values that every other package can trust.
//
// It is a short pipeline:
//
//	TOML text -> document (what was written) -> Config (checked, with defaults)
//	flags     -> document
//
// Whatever Load, Parse and FromFlags return without an error is complete:
// paths are absolute, every limit lies within its range, every prefix and URL
// has one form, and no value has to be checked again. Of the disk they read the
// file itself, the netrc file that it names, and the time zones that it names
// from the system's database; nothing else is touched: whether the docroot can
// be written to is asked by the package that writes to it.
//
// All that is wrong with a configuration is told at once, each problem on a
// line of its own that names the file, the line, the key and the remedy.
// Credentials, in upstream URLs or the netrc file, never appear in an error.
//
// The package runs in a process that lives for one request, so it has no init
// work, and looks for line numbers only once something is wrong.
package config

import (
	"math"
	"net/url"
	"os"
	"time"
)

// Config is a whole configuration. It is not changed after it was made, and
// may be read from several goroutines.
type Config struct {
	// Docroot is the tree that the web server serves: absolute, cleaned,
	// never "/".
	Docroot string

	// State is the directory of partial files, lock and records: absolute,
	// cleaned. It neither is nor contains Docroot. Inside Docroot it lies below
	// a directory whose name starts with a dot, which is never served.
	State string

	// Base is the URL path at which Docroot is served, decoded. It starts and
	// ends with "/".
	Base string

	// File is where the configuration was read from: absolute, "" with flags.
	// On shared hosting it lies in Docroot, and is never served.
	File string

	// Secrets holds the absolute paths of the files that passwords for
	// upstreams were read from: nobody else should be able to read them.
	Secrets []string

	Server   Server
	Limits   Limits
	Timeouts Timeouts

	// Mirrors holds at least one mirror, the longest prefix first.
	Mirrors []Mirror
}

// Server says where the daemon listens and how it answers. The CGI binary uses
// only Handover and Stream.
type Server struct {
	// FastCGI is the socket to create. The zero value means fd 0 or socket
	// activation.
	FastCGI Listen

	// FastCGIMode holds the permission bits of a unix socket.
	FastCGIMode os.FileMode

	// FastCGIGroup is the name or number of the group of a unix socket. Empty
	// means the group of the process.
	FastCGIGroup string

	// HTTP is the "host:port" of the built-in front. Empty means none.
	HTTP string

	// Grace is how long running deliveries may go on after SIGTERM.
	Grace time.Duration

	// Handover replaces the front's own declaration, in the syntax of
	// MIRROR_HANDOVER. Empty means as the front declares; HandoverNone means
	// that nothing is ever handed over.
	Handover string

	// Stream replaces the front's own declaration MIRROR_STREAM.
	Stream StreamMode

	// VerifyRate is how many bytes a second the daemon reads of the docroot, all
	// the time, to compare them with their digests. 0 means that it never does.
	// `mirrorctl verify` reads at this rate, too, if it is told no other.
	VerifyRate int64
}

// HandoverNone is the value of Server.Handover that switches handing over off,
// whatever the front declares.
const HandoverNone = "none"

// Listen is a socket address in the words of net.Listen. The zero value means
// that no socket is configured.
type Listen struct {
	Network string // "unix" or "tcp"
	Address string // an absolute path of at most 107 bytes, or "host:port" with a host
}

// StreamMode says who decides whether a file may be streamed while it arrives.
type StreamMode uint8

// The stream modes.
const (
	StreamDeclared StreamMode = iota // the front does, with MIRROR_STREAM
	StreamAlways                     // streamed, whatever the front declares
	StreamNever                      // not streamed, whatever the front declares
)

// Limits bound what is done at a time, in all processes on one state
// directory together.
type Limits struct {
	Fetches     int   // fetches at a time, in all
	PerUpstream int   // fetches at a time from one upstream host; at most Fetches
	Relays      int   // ranges relayed at a time; 0 means that ranges far ahead wait for the growing file
	MaxSize     int64 // bytes a fetched file may have; 0 means no limit

	// QueueTime is how long a free slot is waited for. Then a full PerUpstream
	// makes the next upstream be asked; the answer is 503 when all of them, or
	// Fetches, are full.
	QueueTime time.Duration
}

// Timeouts bound how long an upstream, or a client, is kept waiting.
type Timeouts struct {
	Connect      time.Duration // to resolve and connect, and as long again for the TLS handshake
	Header       time.Duration // from the request sent to the answer's header
	Idle         time.Duration // without a byte of a body
	LowSpeed     int64         // bytes a second below which an upstream is given up; 0 means never
	LowSpeedTime time.Duration // how long the speed is below LowSpeed before that
	MaxWait      time.Duration // a client that cannot be streamed to waits for its file
}

// Mirror is one subtree of the docroot and where it comes from.
type Mirror struct {
	// Prefix is the subtree, relative to the docroot: "debian/", with no slash
	// at its start and one at its end, or "" for the whole docroot.
	Prefix string

	// Upstream holds at least one URL, in order of preference. Its scheme is
	// one of http, https, ftp, ftps, rsync and file; schemes can be mixed. Its
	// path ends in "/", and it has neither query nor fragment.
	//
	//	http, https  a host in lower case; any path
	//	ftp, ftps    the same; a path that begins with two slashes, or with
	//	             "/%2F", begins in the server's root, any other in the
	//	             directory that the login leads to
	//	rsync        the same; the path is cleaned, its first part the module
	//	file         no host; the path is absolute and cleaned, and neither
	//	             contains the docroot or the state nor lies in them
	//
	// All but file may hold credentials, from the file itself or from the netrc
	// file: print an upstream with Redacted.
	Upstream []*url.URL

	// Index is the name, below the prefix, of a listing of the whole upstream
	// ("ls-lR.gz"). It is mutable, whatever Mutable says. "" means none.
	Index string

	// Zone is that of the times which the upstreams' listings write without
	// one. nil means that it is unknown.
	Zone *time.Location

	// ListingMaxAge is how long the listing of a directory counts as fresh
	// after it was last confirmed.
	ListingMaxAge time.Duration

	// Links says whether the upstreams' symbolic links are made in the docroot,
	// where their targets stay inside the mirror.
	Links bool

	// Miss says how a client gets a file that is not there yet. It is
	// MissRedirect only where an upstream is http or https.
	Miss MissMode

	// Profile says which formats of repositories are known in this mirror: one
	// of Profiles.
	Profile string

	// Keyring is the absolute path of the OpenPGP keys that sign the upstream's
	// indexes. An index that none of them signed is refused. "" means that
	// signatures are not looked at.
	Keyring string

	// Prefetch says whether packages of which an earlier version is here are
	// fetched when an index names a newer one.
	Prefetch bool

	// Immutable holds the patterns of names that are never asked for again,
	// whatever Mutable says of them.
	Immutable []string

	// Mutable holds the patterns of names whose content changes. A pattern
	// without "/" is compared with the last element of a name, one with "/" with
	// the whole name below the prefix: mirror.example.toml has the rules.
	Mutable []string

	// MutableIn says where the files of these names are kept.
	MutableIn Place

	// MaxAge is how long a mutable file counts as fresh after it was last
	// confirmed. For MaxStale more it is served at once while the upstream is
	// asked behind the client's back. Past both the client waits for the
	// upstream, two seconds at most, and then gets the old file. What the upstream
	// says of a file that belongs to no repository's metadata goes before MaxAge,
	// within ten seconds and the sum of both.
	MaxAge, MaxStale time.Duration

	// KeepFresh is how long after a client has last read it a mutable file is
	// refreshed without being asked for. 0 means never.
	KeepFresh time.Duration

	// NegativeTTL is how long a 404 of all upstreams is remembered. 0 means
	// not at all.
	NegativeTTL time.Duration

	// KeepDropped is how long a file of ours stays after the upstream dropped it.
	// KeepForever means that it is never removed for that.
	KeepDropped time.Duration

	// KeepGenerations is how many generations of metadata stay that is called by
	// its digest, the present one included: those of before go earlier than
	// KeepDropped says. At least 1.
	KeepGenerations int

	// Connections is how many connections to an http or https upstream one large
	// file may take at a time, where each of them is slow: 1 to maxConnections.
	Connections int

	// RedirectToHTTP allows an upstream to redirect from https to http.
	RedirectToHTTP bool

	// RedirectToPrivate allows an upstream to redirect to a host with a
	// private address that is not itself a configured upstream.
	RedirectToPrivate bool

	// RefuseHTML holds the patterns of names that are never an HTML page: an
	// upstream that answers one with text/html has failed.
	RefuseHTML []string

	// KeepGoing says whether a fetch goes on when its last client has left. It
	// is the daemon's: a CGI worker always finishes what it began.
	KeepGoing bool
}

// Profiles are the values of Mirror.Profile: every format, found out from the
// names; none; or one of them.
var Profiles = []string{"auto", "none", "debian", "rpm", "arch", "alpine", "sums", "pypi"}

// KeepForever as KeepDropped is longer than any mirror lives.
const KeepForever time.Duration = math.MaxInt64

// MissMode says how a client gets a file that is not in the docroot yet.
type MissMode uint8

// The miss modes.
const (
	MissStream   MissMode = iota // its bytes as they arrive, where the front can
	MissWait                     // once it is published
	MissRedirect                 // from the first http or https upstream itself, while it is fetched for the next client
)

// String returns the mode as it is written in the configuration.
func (m MissMode) String() string {
	if int(m) < len(missModes) {
		return missModes[m]
	}
	return "unknown"
}

// missModes holds the configured names of the miss modes, by their value.
var missModes = [...]string{MissStream: "stream", MissWait: "wait", MissRedirect: "redirect"}

// Place says where the files of mutable names are kept.
type Place uint8

// The places.
const (
	InDocroot Place = iota // like all others, where the web server serves them
	InState                // in the state directory, so that the web server asks for each
)

// places holds the configured names of the places, by their value.
var places = [...]string{InDocroot: "docroot", InState: "state"}
