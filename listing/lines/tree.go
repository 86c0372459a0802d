package lines

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"mirror/listing"
)

// Tree is what is said of a whole tree, but for its entries.
type Tree struct {
	Format      string
	Ended       bool // as in listing.Listing
	Entries     int
	Unread      int
	FirstUnread string
}

// ErrNoTree: the file is not a list of a tree in any format that is known.
var ErrNoTree = errors.New("this is no list of a tree: none of ls -lR, find -ls, fullfiletimelist and rsync -r")

const (
	treeBytes   = 1 << 30
	treeEntries = 20_000_000
	// batch is how many entries are handed over at most at a time: with it,
	// memory is bounded however large a directory is.
	batch = 10_000
)

// ReadTree reads a list of a whole tree, compressed with gzip or xz or not, and
// hands over its entries as they come: dir is a directory's path relative to
// the tree's root, clean, "" for the root. A directory may come in pieces; of
// entries with one name the first counts. The entries are yield's to keep.
// An error of yield ends the reading and is returned.
//
// HardLink of an entry of rsync's is the path of the first name, which itself has
// none: it came before it was known that there are more.
//
// Relative paths are relative to the root; where paths are absolute, the first
// is the root's. What lies outside of it, and paths with "..", are unread.
func ReadTree(r io.Reader, o Options, yield func(dir string, entries []listing.Entry) error) (Tree, error) {
	o = o.orDefault(treeBytes, treeEntries)
	expanded, err := expand(r)
	if err != nil {
		return Tree{}, err
	}
	in := newReader(expanded, o.MaxBytes)
	format, h := recogniseTree(in.sample(), o.Clock)
	if h == nil {
		if _, _, err := in.next(); err != nil && err != io.EOF {
			return Tree{}, fmt.Errorf("the list of the tree cannot be read: %w", err)
		}
		return Tree{}, ErrNoTree
	}
	t := &treeReader{habits: h, Tree: Tree{Format: format.name}, max: o.MaxEntries, yield: yield}
	return t.readAll(in, format)
}

// treeFormat is how a line of a list of a tree is read.
type treeFormat struct {
	name string
	read func(t *treeReader, line []byte) error
}

var treeFormats = []treeFormat{
	{"fullfiletimelist", (*treeReader).fedoraLine},
	{"ls-lR", (*treeReader).lsLine},
	{"find-ls", (*treeReader).findLine},
	{"rsync", (*treeReader).rsyncLine},
	{"rsync-items", (*treeReader).rsyncItem},
}

// recogniseTree returns the format in which most of the sample is understood,
// and the habits of who wrote it; nil where it is nothing known.
func recogniseTree(sample [][]byte, clock listing.Clock) (best treeFormat, learned *habits) {
	most := -1
	for _, format := range treeFormats {
		h := &habits{clock: clock, learning: true}
		t := &treeReader{habits: h, max: len(sample), yield: func(string, []listing.Entry) error { return nil }}
		for _, line := range sample {
			_ = format.read(t, line) // it cannot fail: there are not too many entries
		}
		h.conclude()
		if t.deep && t.Entries > most && (t.Entries > 0 || t.Unread == 0) {
			best, most, learned = format, t.Entries, h
		}
	}
	return best, learned
}

// treeReader is what the formats have in common.
type treeReader struct {
	Tree
	*habits
	max   int
	yield func(dir string, entries []listing.Entry) error

	root    string // what all paths begin with, "" where they are relative
	rooted  bool   // the first path was seen
	deep    bool   // a directory was named: it is a list of a tree
	entries []listing.Entry
	dir     string          // of entries
	names   map[string]bool // of dir, as far as they came in one piece

	section string // ls-lR: the directory; fullfiletimelist: the headline
	outside bool   // ls-lR: the section is of no directory of the tree
	fresh   bool   // ls-lR: the line before was empty
}

func (t *treeReader) readAll(in *reader, format treeFormat) (Tree, error) {
	for {
		line, ok, err := in.next()
		switch {
		case err == io.EOF:
			if format.name != "fullfiletimelist" {
				t.Ended = in.whole
			}
			return t.Tree, t.flush()
		case err != nil:
			return t.Tree, fmt.Errorf("the list of the tree breaks off after %d entries: %w", t.Entries, err)
		case !ok:
			t.miss(line)
		default:
			if err := format.read(t, line); err != nil {
				return t.Tree, err
			}
		}
	}
}

// miss counts a line that was not understood.
func (t *treeReader) miss(line []byte) {
	if t.Unread++; t.Unread == 1 {
		t.FirstUnread = excerpt(line)
	}
}

// relative makes path relative to the root, which is the first path where that
// is absolute.
func (t *treeReader) relative(path []byte) (rel string, ok bool) {
	if len(path) > 1 {
		path = bytes.TrimSuffix(path, []byte{'/'})
	}
	if !t.rooted {
		t.rooted = true
		if bytes.HasPrefix(path, []byte{'/'}) {
			t.root = string(path)
		}
	}
	switch {
	case string(path) == t.root || string(path) == ".":
		return "", true
	case t.root == "/":
		path, ok = bytes.CutPrefix(path, []byte{'/'})
	case t.root != "":
		path, ok = bytes.CutPrefix(path, []byte(t.root+"/"))
	default:
		path, ok = bytes.TrimPrefix(path, []byte("./")), true
	}
	for rest := path; ok && len(rest) > 0; {
		segment, after, more := bytes.Cut(rest, []byte{'/'})
		ok = listing.ValidName(string(segment)) && (!more || len(after) > 0)
		rest = after
	}
	return string(path), ok && len(path) > 0
}

// addPath files an entry whose whole path is known.
func (t *treeReader) addPath(line, path []byte, e listing.Entry) error {
	rel, ok := t.relative(path)
	switch {
	case !ok:
		t.miss(line)
		return nil
	case rel == "":
		t.deep = true
		return nil
	}
	dir := ""
	e.Name = rel
	if i := bytes.LastIndexByte([]byte(rel), '/'); i >= 0 {
		dir, e.Name = rel[:i], rel[i+1:]
		t.deep = true
	}
	return t.add(dir, e)
}

// add files an entry of dir, and hands over those of another.
func (t *treeReader) add(dir string, e listing.Entry) error {
	if dir != t.dir || len(t.entries) >= batch {
		if err := t.flush(); err != nil {
			return err
		}
		if dir != t.dir {
			t.dir, t.names = dir, nil
		}
	}
	if t.names == nil {
		t.names = make(map[string]bool)
	}
	if t.names[e.Name] {
		return nil
	}
	if t.Entries++; t.Entries > t.max {
		return fmt.Errorf("%w: more than %d entries", ErrTooLarge, t.max)
	}
	t.names[e.Name] = true
	t.entries = append(t.entries, e)
	return nil
}

func (t *treeReader) flush() error {
	if len(t.entries) == 0 {
		return nil
	}
	entries := t.entries
	t.entries = nil
	return t.yield(t.dir, entries)
}
