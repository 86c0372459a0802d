package lines

import (
	"bytes"
	"time"

	"mirror/listing"
)

// mlsdLine is a line of MLSD (RFC 3659, section 7): facts, in any order and
// case, one space, and the name. Times are of UTC.
//
//	type=file;size=42;modify=20241112102030.5;UNIX.mode=0644;unique=fe00g98; name
//
// A last fact without its semicolon is borne, a tab for the space too.
func mlsdLine(_ *habits, line []byte) (e listing.Entry, v verdict) {
	if len(line) == 0 {
		return e, nothing
	}
	end := bytes.IndexAny(line, " \t")
	if end < 1 {
		return e, unread
	}
	e.Name = string(line[end+1:])
	for facts := line[:end]; len(facts) > 0; {
		fact, rest, _ := bytes.Cut(facts, []byte{';'})
		key, value, ok := bytes.Cut(fact, []byte{'='})
		if !ok || len(key) == 0 {
			return e, unread
		}
		switch string(lower(key, make([]byte, 0, 16))) {
		case "type":
			if e.Type, e.Target, ok = mlsdType(value); !ok {
				return e, nothing
			}
		case "size":
			if n, ok := number(value); ok {
				e.Size = listing.Exactly(n)
			}
		case "modify":
			e.MTime = mlsdTime(value)
		case "unix.mode":
			if bits, ok := octal(value); ok {
				e.Mode = listing.Perm(bits)
			}
		case "unique":
			e.HardLink = string(value)
		}
		facts = rest
	}
	if e.Type != listing.File {
		e.HardLink = ""
	}
	if e.Type != listing.File && e.Type != listing.Unknown {
		e.Size = listing.Span{}
	}
	return e, entry
}

// mlsdType reads the type fact; ok is false for the directory itself and its
// parent. What is peculiar to Unix is OS.unix=slink:target and its variants.
func mlsdType(value []byte) (t listing.Type, target string, ok bool) {
	special, rest, _ := bytes.Cut(value, []byte{':'})
	kind := lower(special, make([]byte, 0, 32))
	switch string(kind) {
	case "file":
		return listing.File, "", true
	case "dir":
		return listing.Dir, "", true
	case "cdir", "pdir":
		return listing.Dir, "", false
	case "os.unix=slink", "os.unix=symlink":
		return listing.Symlink, string(rest), true
	}
	for _, prefix := range []string{"os.unix=chr", "os.unix=blk", "os.unix=pipe", "os.unix=fifo", "os.unix=sock", "os.unix=dev"} {
		if bytes.HasPrefix(kind, []byte(prefix)) {
			return listing.Other, "", true
		}
	}
	return listing.Unknown, "", true
}

// mlsdTime reads 20241112102030, with a fraction or not; anything else says nothing.
func mlsdTime(b []byte) listing.Span {
	whole, fraction, hasFraction := bytes.Cut(b, []byte{'.'})
	if len(whole) != 14 || !digits(whole) || hasFraction && !digits(fraction) {
		return listing.Span{}
	}
	s := stamp{
		year: small(whole[:4]), month: small(whole[4:6]), day: small(whole[6:8]),
		hour: small(whole[8:10]), min: small(whole[10:12]), sec: small(whole[12:]),
		precision: time.Second, zone: time.UTC,
	}
	if s.year == 0 || s.hour > 23 {
		return listing.Span{}
	}
	span, _ := s.span(listing.Clock{})
	return span
}

// octal reads the permissions 0644; with a file type before them (0100644) too.
func octal(b []byte) (bits uint16, ok bool) {
	if len(b) == 0 || len(b) > 7 {
		return 0, false
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '7' {
			return 0, false
		}
		n = n<<3 | int(c-'0')
	}
	return uint16(n & 0o7777), true
}

// keepShared clears HardLink but where entries are the same in all that was
// said of them. Servers that follow symlinks say of a link and its target what
// they would say of two names of one file.
func keepShared(entries []listing.Entry) {
	first := make(map[string]int)
	shared := make([]bool, len(entries))
	for i, e := range entries {
		if e.HardLink == "" {
			continue
		}
		j, seen := first[e.HardLink]
		if !seen {
			first[e.HardLink] = i
		} else if e.MTime.Known && e.MTime == entries[j].MTime && e.Size.Known && e.Size == entries[j].Size {
			shared[i], shared[j] = true, true
		}
	}
	for i := range entries {
		if !shared[i] {
			entries[i].HardLink = ""
		}
	}
}
