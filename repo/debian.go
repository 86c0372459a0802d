package repo

import (
	"errors"
	"io"
	"slices"
	"strings"
)

// debian is the format of apt's repositories
// (https://wiki.debian.org/DebianRepository/Format).
//
//	dists/SUITE/InRelease              signed; has the digests of every index below it
//	           /Release, Release.gpg   the same, with the signature beside it
//	           /main/binary-amd64/Packages.xz   the packages (debian_packages.go)
//	                             /by-hash/SHA256/HEX   the same, by its digest
//	                             /Packages.diff/Index  the way from older versions
//	           /main/source/Sources.xz
//	pool/main/h/hello/hello_2.10-3_amd64.deb
//
// Names in Release are below its directory, those in Packages below the root, where
// dists is. A flat repository has all of it in one directory.
//
// Contents, Translation, Components and the like are only ever claimed.
type debian struct{}

func (debian) Of(name string) (Nature, bool) {
	dir, base := split(name)
	switch base {
	case "InRelease", "Release", "Release.gpg":
		return release(dir, base), true
	case "Index":
		if strings.HasSuffix(dir, ".diff/") {
			return Nature{Index: name}, true
		}
		return Nature{}, false
	}
	switch stem := unpacked(base); stem {
	case "Packages", "Sources":
		return Nature{Index: dir + stem}, true
	}
	if d, ok := byHash(dir, base); ok {
		return Nature{Claim: Claim{Name: name, Size: -1, Digest: d}}, true
	}
	return Nature{}, false
}

// release is the nature of the files that vouch for all others. There is also a
// small Release beside each Packages, which only describes it.
func release(dir, base string) Nature {
	if _, last := split(strings.TrimSuffix(dir, "/")); strings.HasPrefix(last, "binary-") || last == "source" {
		if root(dir) != dir {
			return Nature{}
		}
	}
	n := Nature{Set: []string{dir + "Release.gpg", dir + "Release", dir + "InRelease"}}
	switch base {
	case "InRelease":
		n.Index, n.Inline = dir+"Release", true
	case "Release":
		n.Index, n.Signatures = dir+"Release", []string{dir + "Release.gpg"}
	}
	return n
}

// byHash is the digest that a name in by-hash is, if it is one.
func byHash(dir, base string) (Digest, bool) {
	up, ok := strings.CutSuffix(dir, "/")
	if !ok {
		return Digest{}, false
	}
	up, algorithm := split(up)
	if up != "by-hash/" && !strings.HasSuffix(up, "/by-hash/") || strings.ToLower(base) != base {
		return Digest{}, false
	}
	return digestOf(parseAlgorithm(algorithm), base)
}

// root is where the names in an index of the directory dir start: before dists/,
// or, of a flat repository, in dir itself.
func root(dir string) string {
	if i := strings.LastIndex("/"+dir, "/dists/"); i >= 0 {
		return dir[:i]
	}
	return dir
}

// flat is root, seen from what an index says. Names of a flat repository start
// where apt's sources.list does, which is any directory above the index or its own:
// "./" is customary, but "apt-ftparchive packages sub > sub/Packages" writes names
// that begin with sub/.
func flat(dir, name string) string {
	r := root(dir)
	if r != dir || strings.HasPrefix(name, "./") {
		return r
	}
	for i := range len(dir) {
		if (i == 0 || dir[i-1] == '/') && strings.HasPrefix(name, dir[i:]) {
			return dir[:i]
		}
	}
	return dir
}

func (debian) Read(name string, r io.Reader, add func(Claim) error) (Head, error) {
	dir, base := split(name)
	switch stem := unpacked(base); {
	case base == "InRelease":
		text, err := whole(r)
		if err == nil {
			text, _, err = clearsigned(text)
		}
		if err != nil {
			return Head{}, err
		}
		return readRelease(dir, text, add)
	case base == "Release":
		text, err := whole(r)
		if err != nil {
			return Head{}, err
		}
		return readRelease(dir, text, add)
	case base == "Index":
		return Head{}, readPatches(dir, r, add)
	case stem == "Sources":
		return Head{}, readSources(dir, r, add)
	default:
		return Head{}, readPackages(dir, r, add)
	}
}

// listed is a file in Release.
type listed struct {
	name    string
	size    int64
	digest  Digest
	digests []string // as in by-hash: "SHA256/HEX"
}

// maxListed is how many names in by-hash a file can have: there are four algorithms.
const maxListed = 4

// readRelease reads what is in Release, InRelease without its signature:
//
//	Date: Sat, 11 Jul 2026 10:16:37 UTC
//	Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC
//	Acquire-By-Hash: yes
//	SHA256:
//	 HEX      1484322 main/binary-amd64/Packages
func readRelease(dir string, text []byte, add func(Claim) error) (head Head, err error) {
	var files []*listed
	byName := make(map[string]*listed)
	hashed, known := false, false
	section, algorithm := "", NoAlgorithm
	for len(text) > 0 {
		var line []byte
		line, text = cutLine(text)
		if len(line) == 0 {
			continue
		}
		if line[0] != ' ' && line[0] != '\t' {
			field, value, ok := cutField(line)
			if !ok {
				return head, errNoFields
			}
			section, algorithm = string(field), parseAlgorithm(string(field))
			known = known || algorithm != NoAlgorithm
			switch strings.ToLower(section) {
			case "suite", "codename":
				if len(value) <= maxSegment && len(head.Suites) < 2 {
					head.Suites = append(head.Suites, string(value))
				}
			case "date":
				head.Made = date(string(value))
			case "valid-until":
				head.Expires = date(string(value))
			case "acquire-by-hash":
				hashed = strings.EqualFold(string(value), "yes")
			}
			continue
		}
		if algorithm == NoAlgorithm {
			continue
		}
		digits, rest := word(line)
		length, rest := word(rest)
		file, _ := word(rest)
		size := number(length)
		digest, ok := digestOf(algorithm, digits)
		if !ok || size < 0 || len(file) == 0 {
			continue
		}
		f := byName[string(file)]
		if f == nil {
			f = &listed{name: below(dir, string(file))}
			byName[string(file)] = f
			files = append(files, f)
		}
		if algorithm > f.digest.Algorithm {
			f.size, f.digest = size, digest
		}
		if h := section + "/" + digest.Hex(); len(f.digests) < maxListed && !slices.Contains(f.digests, h) {
			f.digests = append(f.digests, h)
		}
	}
	if !known && head.Made.IsZero() {
		return head, errors.New("it has neither a date nor a digest")
	}
	for _, f := range files {
		c := Claim{Name: f.name, Size: f.size, Digest: f.digest}
		if err := add(c); err != nil {
			return head, err
		}
		if !hashed {
			continue
		}
		dir, _ := split(f.name)
		c.As = f.name
		for _, h := range f.digests {
			kind, _, _ := strings.Cut(h, "/")
			c.Name, c.Slot = dir+"by-hash/"+h, "by-hash/"+kind+" "+f.name
			if err := add(c); err != nil {
				return head, err
			}
		}
	}
	return head, nil
}
