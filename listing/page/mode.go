package page

import (
	"strings"

	"mirror/listing"
)

// modeKinds are what the first letter of a mode says.
var modeKinds = map[byte]listing.Type{
	'-': listing.File, 'd': listing.Dir, 'l': listing.Symlink,
	'b': listing.Other, 'c': listing.Other, 'p': listing.Other, 's': listing.Other,
}

// permissions reads the mode of a file as ls writes it, if s begins with one.
func (f *facts) permissions(s string) {
	s = strings.TrimLeft(s, " \t\n(\u00a0")
	const length = len("-rwxr-xr-x")
	if len(s) < length || len(s) > length && strings.IndexByte(" \t+.@)", s[length]) < 0 {
		return
	}
	kind, ok := modeKinds[s[0]]
	if !ok {
		return
	}
	mode, ok := listing.ReadPerm(s[1:length])
	if !ok {
		return
	}
	if f.kind = kind; kind != listing.Symlink { // whose mode says nothing
		f.mode = mode
	}
}
