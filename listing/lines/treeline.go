package lines

import (
	"bytes"

	"mirror/listing"
)

// lsLine is a line of ls -lR: for each directory an empty line, its path with a
// colon, a sum, and its entries.
//
//	./pool/main:
//	total 8
//	drwxr-xr-x 2 root root 4096 Nov 12 10:20 a
func (t *treeReader) lsLine(line []byte) error {
	fresh := t.fresh
	t.fresh = len(line) == 0
	path, headline := bytes.CutSuffix(line, []byte{':'})
	if headline && fresh {
		return t.open(line, path)
	}
	e, v := unixLine(t.habits, line)
	switch v = judge(e, v); {
	case v == unread && headline && t.Entries == 0:
		return t.open(line, path)
	case v == nothing || t.outside:
		return nil
	case v == unread:
		t.miss(line)
		return nil
	}
	t.rooted = true // a list that begins without a path is that of its root
	return t.add(t.section, e)
}

// open begins the section of a directory.
func (t *treeReader) open(line, path []byte) error {
	section, ok := t.relative(path)
	if t.outside = !ok; !ok {
		t.miss(line)
		return nil
	}
	t.section, t.deep = section, true
	return nil
}

// findLine is a line of find -ls: inode and blocks, the columns of ls -l, the
// path. GNU find writes spaces and strange bytes of it with backslashes.
//
//	131074      4 drwxr-xr-x   2 root     root         4096 Nov 12 10:20 ./a\ b
func (t *treeReader) findLine(line []byte) error {
	f := t.fields.split(line)
	e, at, rest, ok := t.unixFields(f)
	if f.n == 0 {
		return nil
	}
	if !ok || at != 2 {
		t.miss(line)
		return nil
	}
	if e.Type == listing.File && linked(f.word(3)) {
		e.HardLink = string(f.word(0))
	}
	if e.Type == listing.Symlink {
		var target []byte
		rest, target = cutTarget(rest, listing.Span{}, false)
		e.Target, e.Size = string(unquote(target)), listing.Span{}
	}
	return t.addPath(line, unquote(rest), e)
}

// unquote undoes the backslashes of find -ls; a path that has a bare space was
// written by a find that does not use them.
func unquote(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 || bytes.Contains(bytes.ReplaceAll(b, []byte(`\ `), nil), []byte{' '}) {
		return b
	}
	plain := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' || i+1 == len(b) {
			plain = append(plain, b[i])
			continue
		}
		i++
		if end := min(i+3, len(b)); end == i+3 {
			if c, ok := octal(b[i:end]); ok {
				plain = append(plain, byte(c))
				i += 2
				continue
			}
		}
		c := b[i]
		if at := bytes.IndexByte([]byte("abfnrt"), c); at >= 0 {
			c = "\a\b\f\n\r\t"[at]
		}
		plain = append(plain, c)
	}
	return plain
}

// fedoraLine is a line of Fedora's fullfiletimelist. The file is in sections;
// the lines of [Files] are time, type, size and path, with tabs between them. A
// mark behind the type says that not everybody may read the file.
//
//	[Version]
//	2
//	[Files]
//	1731406830	d	4096	linux
//	1731406830	f-	4096	linux/README
//	[End]
func (t *treeReader) fedoraLine(line []byte) error {
	if len(line) > 1 && line[0] == '[' && line[len(line)-1] == ']' {
		t.section = string(line)
		t.deep, t.rooted = true, true
		t.Ended = t.section == "[End]"
		return nil
	}
	parts := bytes.SplitN(line, []byte{'\t'}, 4)
	if t.section != "[Files]" {
		if t.section == "" && len(line) > 0 {
			t.miss(line)
		}
		return nil
	}
	if len(line) == 0 {
		return nil
	}
	if len(parts) != 4 {
		t.miss(line)
		return nil
	}
	seconds, okTime := number(bytes.TrimPrefix(parts[0], []byte{'-'}))
	length, okSize := number(parts[2])
	var e listing.Entry
	switch string(bytes.TrimRight(parts[1], "-*")) {
	case "f":
		e.Type = listing.File
	case "d":
		e.Type = listing.Dir
	case "l":
		e.Type = listing.Symlink
	case "s", "p", "b", "c":
		e.Type = listing.Other
	default:
		okTime = false
	}
	if !okTime || !okSize {
		t.miss(line)
		return nil
	}
	if parts[0][0] == '-' {
		seconds = -seconds
	}
	e.MTime = listing.Exactly(seconds)
	if e.Type == listing.File {
		e.Size = listing.Exactly(length)
	}
	return t.addPath(line, parts[3], e)
}

// rsyncLine and rsyncItem are lines of rsync -r; see ParseRsync.
func (t *treeReader) rsyncLine(line []byte) error { return t.rsync(line, rsyncLine) }
func (t *treeReader) rsyncItem(line []byte) error { return t.rsync(line, rsyncItem) }

func (t *treeReader) rsync(line []byte, read func(*habits, []byte) (listing.Entry, verdict)) error {
	e, v := read(t.habits, line)
	switch {
	case t.learning && v == begins:
		*t = treeReader{habits: t.habits, max: t.max, yield: t.yield, deep: true, rooted: true}
		t.greetings++
	case v == begins:
		t.greetings--
		t.rooted = true
	case t.greetings > 0 && !t.learning:
		// Still the daemon's greeting, whatever it looks like.
	case v == entry:
		if e.Type == listing.Symlink {
			e.Size = listing.Span{}
		}
		return t.addPath(line, []byte(e.Name), e)
	case v == unread:
		t.miss(line)
	}
	return nil
}
