package source

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A file list is entries, each told by how it differs from the one before.
//
//	flags    1 byte, or 2 where the first says so; 0 ends the list, as does
//	         listEndError with a varint: something could not be read
//	shared   1 byte, with sameName: how many bytes of the last name to keep
//	length   1 byte, or with longName a varint; and the rest of the name
//	first    varint, with hardLinked and not hardLinkFirst: the entry, by its
//	         place in the list, whose file this is too. Nothing follows
//	size     varlong of 3
//	mtime    varlong of 4, unless sameTime: seconds; with nanos, a varint
//	mode     int, unless sameMode: as in struct stat of Linux
//	target   varint and text, of symbolic links, where links were asked for
const (
	sameMode      = 1 << 1
	moreFlags     = 1 << 2
	sameName      = 1 << 5
	longName      = 1 << 6
	sameTime      = 1 << 7
	hardLinked    = 1 << 9
	hardLinkFirst = 1 << 12
	nanos         = 1 << 13

	listEndError = moreFlags | 1<<12
)

// The type bits of a mode.
const (
	modeType    = 0o170000
	modeDir     = 0o040000
	modeRegular = 0o100000
	modeSymlink = 0o120000
)

const (
	maxPath = 4096 // bytes: PATH_MAX

	// What a list may have: an entry takes 80 bytes beside its name. The
	// archives of the largest distributions have some two million files.
	maxDirEntries  = 1 << 20
	maxTreeEntries = 4 << 20
	maxListNames   = 256 << 20 // bytes of names and targets
)

// rsyncEntry is a file of a list.
type rsyncEntry struct {
	name   string // below the directory asked for; "." is that itself
	size   int64
	mtime  time.Time
	mode   uint32
	target string // of a symbolic link, where links were asked for
	// link is of all names of one file the place in the list of the first; -1
	// for files that have but one name.
	link int
}

func (e *rsyncEntry) is(kind uint32) bool { return e.mode&modeType == kind }

// readList reads a file list of up to most entries. ended: the upstream could
// read all that it was to list.
func (r *rsyncReader) readList(links bool, most int) (list []rsyncEntry, ended bool, err error) {
	d := listReader{rsyncReader: r, links: links}
	names := 0
	for {
		flags := int(r.byte())
		if flags&moreFlags != 0 {
			flags |= int(r.byte()) << 8
		}
		switch flags {
		case 0:
			return d.list, true, r.err
		case listEndError:
			trouble := r.varint()
			return d.list, trouble == 0, r.err
		}
		if len(d.list) == most {
			return nil, false, fmt.Errorf("%w: a list of more than %d entries", errFrame, most)
		}
		e, err := d.entry(flags)
		if err != nil {
			return nil, false, err
		}
		if names += len(e.name) + len(e.target); names > maxListNames {
			return nil, false, fmt.Errorf("%w: a list of more than %d bytes of names", errFrame, maxListNames)
		}
		d.list = append(d.list, e)
	}
}

// listReader is what the next entry is told by.
type listReader struct {
	*rsyncReader
	links bool
	list  []rsyncEntry
	last  rsyncEntry // its mtime and mode are the last that were told
	name  []byte     // of the last entry
}

// entry reads what follows the flags.
func (d *listReader) entry(flags int) (e rsyncEntry, err error) {
	if e.name, err = d.readName(flags); err != nil {
		return e, err
	}
	e.link = -1
	if flags&hardLinked != 0 {
		e.link = len(d.list)
		if flags&hardLinkFirst == 0 {
			return d.hardLink(e.name)
		}
	}
	e.size = d.varlong(3)
	seconds, fraction := d.last.mtime.Unix(), 0
	if flags&sameTime == 0 {
		seconds = d.varlong(4)
	}
	if flags&nanos != 0 {
		fraction = d.varint()
	}
	if e.size < 0 || fraction < 0 || fraction >= 1e9 {
		return e, fmt.Errorf("%w: a size or a time that cannot be", errFrame)
	}
	e.mtime, e.mode = time.Unix(seconds, int64(fraction)).UTC(), d.last.mode
	if flags&sameMode == 0 {
		e.mode = uint32(d.int())
	}
	if d.links && e.is(modeSymlink) {
		e.target = d.text(d.varint(), maxPath)
	}
	d.last = e
	return e, d.err
}

func (d *listReader) readName(flags int) (string, error) {
	shared, length := 0, 0
	if flags&sameName != 0 {
		shared = int(d.byte())
	}
	if flags&longName != 0 {
		length = d.varint()
	} else {
		length = int(d.byte())
	}
	if shared > len(d.name) || length < 0 || length > maxPath || shared+length == 0 {
		d.fail(fmt.Errorf("%w: a name of %d and %d bytes", errFrame, shared, length))
		return "", d.err
	}
	d.name = slices.Grow(d.name[:shared], length)[:shared+length]
	d.bytes(d.name[shared:])
	return string(d.name), d.err
}

// hardLink is another name of an earlier entry's file.
func (d *listReader) hardLink(name string) (rsyncEntry, error) {
	first := d.varint()
	if first < 0 || first >= len(d.list) {
		return rsyncEntry{}, fmt.Errorf("%w: a hard link to entry %d", errFrame, first)
	}
	e := d.list[first]
	e.name, e.link = name, first
	d.last = e
	return e, d.err
}

// sortList puts a list into the order by which both ends count its files:
// within a directory its files come first, then its directories; each by their
// bytes, where a directory's name ends with its slash.
func sortList(list []rsyncEntry) {
	slices.SortStableFunc(list, func(a, b rsyncEntry) int { return compareEntries(&a, &b) })
}

func compareEntries(a, b *rsyncEntry) int {
	i, n := 0, min(a.length(), b.length())
	for i < n && a.at(i) == b.at(i) {
		i++
	}
	if i == n {
		return a.length() - b.length()
	}
	if a.dirAfter(i) != b.dirAfter(i) {
		if a.dirAfter(i) {
			return 1
		}
		return -1
	}
	return int(a.at(i)) - int(b.at(i))
}

// length is that of the name, with a slash for directories.
func (e *rsyncEntry) length() int {
	switch {
	case e.name == ".":
		return 0
	case e.is(modeDir):
		return len(e.name) + 1
	}
	return len(e.name)
}

// at is the byte i of that name.
func (e *rsyncEntry) at(i int) byte {
	if i == len(e.name) {
		return '/'
	}
	return e.name[i]
}

// dirAfter reports whether the segment that byte i is in is that of a directory.
func (e *rsyncEntry) dirAfter(i int) bool {
	return e.is(modeDir) || strings.IndexByte(e.name[i:], '/') >= 0
}
