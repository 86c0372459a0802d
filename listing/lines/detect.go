package lines

import (
	"bytes"
	"slices"
	"strings"
)

// Detect says what a file that begins with head is: "mlsd", "ftp" (what LIST
// answers), "rsync", "ls-lR" (any list of a tree, packed or not), or "" for
// nothing that this package reads. Mere names (NLST) look like nothing, unless
// they could be members of a data set.
func Detect(head []byte) string {
	expanded, err := expand(bytes.NewReader(head))
	if err != nil {
		return ""
	}
	sample := newReader(expanded, treeBytes).sample()
	clock := Options{}.orDefault(0, 0).Clock
	if format, h := recogniseTree(sample, clock); h != nil && !strings.HasPrefix(format.name, "rsync") {
		return "ls-lR"
	}
	if _, h := recognise(sample, clock, rsyncDialects); h.greetings > 0 {
		return "rsync"
	}
	// Without its directory, as package render writes it, a list of rsync's has
	// lines that imitators of ls may have written, too.
	switch d, _ := recognise(sample, clock, slices.Concat(rsyncDialects, dialects)); d.name {
	case "", "mlsd":
		return d.name
	case "rsync", "rsync-items":
		return "rsync"
	}
	return "ftp"
}
