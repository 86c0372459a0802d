package config

import (
	"os"
	"time"
)

// The defaults. Each is documented a second time in mirror.example.toml, and a
// test holds the two together.
const (
	defaultBase = "/"

	// The web server and the mirror share a group; others have no business
	// with the socket.
	defaultFastCGIMode os.FileMode = 0o660

	// A client of 10 Mbit/s gets another 35 MiB in this time, and systemd waits
	// 90 s before it kills.
	defaultGrace = 30 * time.Second

	// A fetch costs a few file descriptors and a copy buffer, so this many are
	// cheap; more only share the same uplink.
	defaultFetches = 64

	// One slow upstream must leave slots for the others, and public archives
	// frown on clients with many more connections than a browser opens.
	defaultPerUpstream = 16

	// A relay asks the upstream for bytes that are fetched once more later, so
	// it gets a quarter of what fetches get.
	defaultRelays = 16

	// The sizes of mirrored files are the upstream's business.
	defaultMaxSize = 0

	// A small file is fetched in less, so a short burst passes; apt asks again
	// by itself after a 503.
	defaultQueueTime = 2 * time.Second

	// To read every file every day, or every month, is the operator's decision: it
	// keeps disks from sleeping, and a file system may do so itself.
	defaultVerifyRate = 0

	// Linux repeats a lost SYN after 1 s, 3 s and 7 s: two losses are bridged, and
	// a second upstream is still asked well within defaultMaxWait.
	defaultConnect = 5 * time.Second

	// A loaded archive that looks a file up on cold disks answers within
	// seconds. With defaultConnect this makes the 20 s of defaultMaxWait; only
	// an upstream whose TLS handshake is slow, too, takes longer.
	defaultHeader = 15 * time.Second

	// As long as apt itself waits for a byte.
	defaultIdle = 30 * time.Second

	// In bytes a second: slower than a modem of 1990. It finds the upstream
	// that sends a byte now and then, which the idle timeout never does.
	defaultLowSpeed = 1 << 10

	// Long enough that a stall which TCP recovers from is no reason to leave.
	defaultLowSpeedTime = 30 * time.Second

	// apt gives up after 30 s of silence; the redirect sent instead has to reach
	// it, be followed and be answered in the rest.
	defaultMaxWait = 20 * time.Second

	// A page that people look at may be a little old: whoever publishes a file
	// and looks for it here waits no longer than for a cup of coffee. A walk
	// over the same directories costs no second question.
	defaultListingMaxAge = 5 * time.Minute

	// A mirror has what its upstream has.
	defaultLinks = true

	// What is known of a file's content is checked; where nothing is known, that
	// costs nothing.
	defaultProfile = "auto"

	defaultMiss = MissStream

	// The web server serves what it can by itself.
	defaultMutableIn = InDocroot

	// Archives publish a few times a day or an hour. This costs one conditional
	// request, answered with 304, for each index in use.
	defaultMaxAge = 10 * time.Minute

	// An index that is used now and then is served at once, and is never older
	// than about an hour; one that nobody asked for in days is confirmed first,
	// since apt refuses what is past its Valid-Until.
	defaultMaxStale = time.Hour

	// Machines update themselves once a day: so what they use is fresh when they
	// come, and what nobody uses any more costs its upstream two days of questions.
	defaultKeepFresh = 48 * time.Hour

	// apt asks for a dozen optional names in each run, and fifty machines run it
	// in the same minute; a file that has just appeared is seen soon enough.
	defaultNegativeTTL = time.Minute

	// A machine that was off for a holiday asks for the packages of its old lists.
	// By then a mistake upstream, such as an index without its packages, has been
	// seen and undone. A mirror that keeps all that it ever fetched grows for ever.
	defaultKeepDropped = 30 * 24 * time.Hour

	// A client that has read a Release asks for what it names within minutes, and
	// no archive has so many new ones in that time. A day of an archive that has
	// one each hour takes as much room as a month of others.
	defaultKeepGenerations = 24

	// Many public archives allow an address so many. Whoever knows that an upstream
	// allows more can say so.
	defaultConnections = 4

	defaultKeepGoing = true
)

// The ranges outside which a value is a slip of the pen rather than a wish.
const (
	maxGrace       = time.Hour
	maxFetches     = 4096 // each holds descriptors, of which a process rarely has more than 16384
	maxSizeLimit   = 1 << 60
	maxQueueTime   = time.Minute
	minTimeout     = 100 * time.Millisecond // a distant upstream's round trips alone take longer
	maxConnect     = 2 * time.Minute        // Linux itself gives up a connection after 127 s
	maxTimeout     = time.Hour
	minMaxWait     = time.Second
	maxMaxWait     = 10 * time.Minute // no front keeps a silent handler longer by default
	maxAgeLimit    = 365 * 24 * time.Hour
	maxNegativeTTL = 24 * time.Hour
	minLowSpeedRun = time.Second
	maxGenerations = 1_000_000
	maxConnections = 16 // aria2's limit, too; more would be at the cost of the upstream's other clients
)

// defaultMutable lists the index names of common repositories: what is fetched
// once under these names would be out of date for ever.
var defaultMutable = []string{
	// apt; what lies in by-hash directories has other names, and never changes.
	"InRelease", "Release", "Release.gpg",
	"Packages", "Packages.*", "Sources", "Sources.*",
	"Contents-*", "Translation-*", "Components-*", "Commands-*", "*.diff/Index",
	// rpm
	"repomd.xml", "repomd.xml.*",
	// apk, pacman
	"APKINDEX.tar.gz", "*.db", "*.db.*", "*.files", "*.files.*",
	// lists of checksums beside images and archives
	"MD5SUMS", "MD5SUMS.*", "SHA1SUMS", "SHA1SUMS.*", "SHA256SUMS", "SHA256SUMS.*", "SHA512SUMS", "SHA512SUMS.*",
	"sha256sum.txt", "sha256sum.txt.*", "CHECKSUM", "*-CHECKSUM", "*.md5", "*.sha1", "*.sha256", "*.sha512",
	"*SUM", "*sum", "*sums", "*sum.txt", "*sums.txt", "*sums.asc", "CHECKSUM.*", "MD5", "SHA256", "SHA256.sig", "SHA512",
	// listings of a whole archive
	"ls-lR", "ls-lR.*",
}

// defaultRefuseHTML lists names that are never an HTML page. A name that might
// be one somewhere, such as "Packages.html", is left out: to refuse a page that
// is meant is worse than to store one login page in place of an odd file.
var defaultRefuseHTML = []string{
	// packages
	"*.deb", "*.udeb", "*.ddeb", "*.dsc", "*.rpm", "*.drpm", "*.apk", "*.pkg.tar.*",
	"*.whl", "*.egg", "*.gem", "*.crate", "*.jar", "*.war", "*.nupkg", "*.snap", "*.flatpak",
	"*.AppImage", "*.msi", "*.exe", "*.dmg", "*.pkg", "*.vsix",
	// archives and compressed files
	"*.tar", "*.tgz", "*.tbz", "*.tbz2", "*.txz", "*.tzst", "*.zip", "*.7z", "*.rar", "*.cpio",
	"*.gz", "*.bz2", "*.xz", "*.lz", "*.lz4", "*.lzma", "*.zst", "*.br",
	// disk images and boot files
	"*.iso", "*.img", "*.qcow2", "*.vmdk", "*.vdi", "*.vhd", "*.vhdx", "*.ova", "*.raw",
	"*.squashfs", "*.efi", "vmlinuz*", "initrd*",
	// signatures and checksums
	"*.sig", "*.sign", "*.asc", "*.gpg", "*.minisig", "*.sha1", "*.sha256", "*.sha512", "*.md5",
	"MD5SUMS", "SHA1SUMS", "SHA256SUMS", "SHA512SUMS",
	// indexes; most are compressed, and so found above
	"InRelease", "Release", "Packages", "Sources", "Contents-*", "Translation-*",
	"*/by-hash/*", "repomd.xml", "*.db", "*.files", "*.zck", "*.pdiff", "ls-lR",
	// pictures and documents
	"*.png", "*.jpg", "*.jpeg", "*.gif", "*.webp", "*.ico", "*.tif", "*.tiff", "*.pdf",
}
