package lines

import (
	"bytes"
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
	switch d, _ := recognise(sample, clock, dialects); d.name {
	case "", "mlsd":
		return d.name
	}
	return "ftp"
}
