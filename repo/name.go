package repo

import (
	"path"
	"strings"
)

const (
	maxName    = 4096 // bytes: PATH_MAX
	maxSegment = 255  // bytes: NAME_MAX
)

// safe reports whether a name is one that a file below the mirror can have and
// that a client can ask for: no empty segment, none that begins with a dot
// (nor "." or ".." then), no control character.
func safe(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	start := 0
	for i := 0; i <= len(name); i++ {
		if i == len(name) || name[i] == '/' {
			if i == start || i-start > maxSegment || name[start] == '.' {
				return false
			}
			start = i + 1
		} else if c := name[i]; c < ' ' || c == 0x7f || c == '\\' {
			return false
		}
	}
	return true
}

// below joins a directory, empty or with a slash at its end, and a name that an
// index has: some begin with "./". What it returns is not checked: Read does that.
func below(dir, name string) string {
	for strings.HasPrefix(name, "./") {
		name = name[2:]
	}
	return dir + name
}

// split cuts a name into its directory, with a slash at its end or empty, and
// its last segment.
func split(name string) (dir, base string) { return path.Split(name) }

// packings are how indexes are packed. What they are is found out from their
// bytes when they are read; names tell only that it is the same index.
var packings = []string{".gz", ".xz", ".zst", ".bz2"}

// unpacked is base without the ending of a packed file.
func unpacked(base string) string {
	for _, p := range packings {
		if stem, ok := strings.CutSuffix(base, p); ok {
			return stem
		}
	}
	return base
}
