// Package lines reads listings that are made of lines: what FTP servers answer
// to LIST, MLSD and NLST, what rsync prints, and the lists of whole trees that
// mirrors keep as files (ls-lR.gz, find -ls, fullfiletimelist).
//
// There is no standard for LIST. What a server means is found out by evidence:
// every dialect reads the first lines of a list, and the one that understands
// most of them reads all of it. The habits that all lines of a list share, such
// as the language of its months, are learned on the same occasion. A line that
// does not fit is counted as unread and changes nothing.
//
// All lines are from strangers: they may be of any length, and hold any bytes.
package lines

import (
	"io"
	"time"

	"mirror/listing"
)

// Options is what a reader is told besides the listing. The zero Options are
// ready to use.
type Options struct {
	Clock listing.Clock
	// MaxBytes and MaxEntries bound what is read, expanded; beyond them it is
	// ErrTooLarge. 0: 128 MiB and 500,000 entries of a directory, which take
	// about as much memory; 1 GiB and 20,000,000 of a tree, which are not kept.
	MaxBytes   int64
	MaxEntries int
}

func (o Options) orDefault(maxBytes int64, maxEntries int) Options {
	if o.Clock.Now.IsZero() {
		o.Clock.Now = time.Now()
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = maxBytes
	}
	if o.MaxEntries <= 0 {
		o.MaxEntries = maxEntries
	}
	return o
}

const (
	dirBytes   = 128 << 20
	dirEntries = 500_000
)

// dialect is how one family of servers writes a line.
type dialect struct {
	name string // the Format of its listings
	read func(h *habits, line []byte) (listing.Entry, verdict)
	// all: it takes so little to be a line of this dialect that it is only
	// recognised where all lines are.
	all bool
}

// dialects are those of LIST. Of two that understand as many lines, the earlier
// is right: the later ones are content with less.
var dialects = []dialect{
	{name: "mlsd", read: mlsdLine},
	{name: "eplf", read: eplfLine},
	{name: "unix", read: unixLine},
	{name: "dos", read: dosLine},
	{name: "os2", read: os2Line},
	{name: "netware", read: netwareLine},
	{name: "vms", read: vmsLine},
	{name: "as400", read: as400Line},
	{name: "nonstop", read: nonstopLine},
	{name: "mvs", read: mvsLine},
	{name: "zvm", read: zvmLine},
	{name: "unix-numeric", read: numericLine},
	{name: "vxworks", read: vxworksLine},
	{name: "vshell", read: vshellLine},
	{name: "wfftp", read: wfftpLine},
	{name: "connect", read: connectLine},
	{name: "os9", read: os9Line},
	{name: "win16", read: win16Line},
	{name: "pds", read: memberLine, all: true},
}

// ParseList reads what an FTP server answers to LIST.
//
// Ended only says that no line was cut: whether the list came whole, the
// control connection tells.
func ParseList(r io.Reader, o Options) (listing.Listing, error) {
	o = o.orDefault(dirBytes, dirEntries)
	in := newReader(r, o.MaxBytes)
	d, h := recognise(in.sample(), o.Clock, dialects)
	l, err := readAll(in, h, d, newCollector(o.MaxEntries))
	if d.name == "mlsd" {
		keepShared(l.Entries)
	}
	return l, err
}

// recognise returns the dialect that understands most of the sample, and the
// habits of who wrote it.
func recognise(sample [][]byte, clock listing.Clock, of []dialect) (dialect, *habits) {
	best, most, learned := of[0], -1, (*habits)(nil)
	for _, d := range of {
		h := &habits{clock: clock}
		if entries := h.learn(d, sample); entries > most {
			best, most, learned = d, entries, h
		}
	}
	if most == 0 {
		best, learned = dialect{read: unknownLine}, &habits{clock: clock}
	}
	return best, learned
}

// unknownLine stands in for a dialect where there is none: of a list without
// any entry only the usual sums and empty lines are understood.
func unknownLine(h *habits, line []byte) (listing.Entry, verdict) {
	f := h.fields.split(line)
	return listing.Entry{}, unixOther(f)
}

// readAll reads all lines of a directory in one dialect.
func readAll(in *reader, h *habits, d dialect, c *collector) (listing.Listing, error) {
	for {
		line, ok, err := in.next()
		if err == io.EOF {
			return c.listing(d.name, in.whole), nil
		}
		if err != nil {
			return c.listing(d.name, false), err
		}
		e, v := listing.Entry{}, unread
		if ok {
			e, v = d.read(h, line)
		}
		if err := c.take(line, e, v); err != nil {
			return c.listing(d.name, false), err
		}
	}
}

// ParseMLSD reads what an FTP server answers to MLSD (RFC 3659).
func ParseMLSD(r io.Reader, o Options) (listing.Listing, error) {
	o = o.orDefault(dirBytes, dirEntries)
	c := newCollector(o.MaxEntries)
	l, err := readAll(newReader(r, o.MaxBytes), &habits{clock: o.Clock}, dialect{name: "mlsd", read: mlsdLine}, c)
	keepShared(l.Entries)
	return l, err
}

// ParseNames reads what an FTP server answers to NLST: names, and nothing else.
func ParseNames(r io.Reader, o Options) (listing.Listing, error) {
	o = o.orDefault(dirBytes, dirEntries)
	return readAll(newReader(r, o.MaxBytes), nil, dialect{name: "nlst", read: nameLine}, newCollector(o.MaxEntries))
}

func nameLine(_ *habits, line []byte) (listing.Entry, verdict) {
	if len(line) == 0 {
		return listing.Entry{}, nothing
	}
	return listing.Entry{Name: string(line)}, entry
}
