package repo

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// sums is the format of files with checksums: what coreutils' sha256sum and its
// like print
// (https://www.gnu.org/software/coreutils/manual/html_node/cksum-output-modes.html),
// BSD's form of it, and a digest alone in a file of its own.
//
//	HEX  name         HEX *name         \HEX  a\\b (the name has a backslash)
//	SHA256 (name) = HEX
//	HEX               (hello.iso.sha256)
//
// Fedora writes BSD's form, with a comment "# name: 123 bytes" before each line, and
// the whole of it signed inline. Names are below the directory of the file.
type sums struct{}

func (sums) Of(name string) (Nature, bool) {
	if stem, signature := cutSignature(name); signature {
		if kindOf(stem).many {
			// kernel.org's sha256sums.asc has the sums in it, signed.
			n := Nature{Set: sumsSet(stem)}
			if strings.HasSuffix(name, ".asc") {
				n.Index = name
			}
			return n, true
		}
		if kindOf(stem).stem != "" {
			return Nature{Set: sumsSet(stem)}, true
		}
		return Nature{}, false
	}
	k := kindOf(name)
	if !k.many && k.stem == "" {
		return Nature{}, false
	}
	n := Nature{Index: name, Set: sumsSet(name)}
	dir, base := split(name)
	// The digest of one file (Maven has three for each) is hardly ever signed, and
	// for what is below dists/ Debian's Release vouches: a signature is not to be
	// insisted on.
	if k.many && root(dir) == dir {
		n.Signatures, n.Inline = n.Set[:3:3], strings.HasSuffix(base, "-CHECKSUM")
	}
	return n, true
}

func sumsSet(name string) []string {
	return []string{name + ".gpg", name + ".sign", name + ".asc", name}
}

func cutSignature(name string) (stem string, ok bool) {
	for _, s := range []string{".gpg", ".sign", ".asc"} {
		if stem, ok = strings.CutSuffix(name, s); ok {
			return stem, true
		}
	}
	return name, false
}

// sumsKind is what the name of a file with checksums tells.
type sumsKind struct {
	many      bool
	stem      string    // of one file only: the name of that file
	algorithm Algorithm // NoAlgorithm: what the length of a digest tells
}

// kindOf knows the names that are in use:
//
//	SHA256SUMS sha256sum.txt tool_1.2_SHA256SUMS SHA256 CHECKSUM checksums.txt
//	Some-1-x86_64-CHECKSUM CHECKSUM.SHA256-Some-1
//	hello.iso.sha256 hello.iso.sha256sum hello.iso.sha256.txt
func kindOf(name string) (k sumsKind) {
	_, base := split(name)
	if len(base) > maxSegment {
		return k
	}
	switch base { // of BSD: in small letters it may be anything
	case "SHA256", "SHA512", "MD5", "SHA1":
		return sumsKind{many: true, algorithm: parseAlgorithm(base)}
	}
	if a, ok := strings.CutPrefix(base, "CHECKSUM."); ok {
		a, _, _ = strings.Cut(a, "-")
		k.algorithm = parseAlgorithm(a)
		k.many = k.algorithm != NoAlgorithm
		return k
	}
	low := strings.TrimSuffix(lower(base), ".txt")
	for _, end := range []string{"checksums", "checksum"} {
		if before, ok := strings.CutSuffix(low, end); ok {
			k.many = before == "" || strings.ContainsAny(before[len(before)-1:], "-_.")
			return k
		}
	}
	tail := strings.LastIndexAny(low, "-_.")
	plural := strings.TrimSuffix(low[tail+1:], "s")
	word := strings.TrimSuffix(plural, "sum")
	if k.algorithm = parseAlgorithm(word); k.algorithm == NoAlgorithm || word == "sha" || strings.Contains(word, "-") {
		return sumsKind{}
	}
	switch {
	case low[tail+1:] == word || tail > 0 && low[tail] == '.' && plural == low[tail+1:]:
		if tail <= 0 || low[tail] != '.' {
			return sumsKind{}
		}
		k.stem = name[:len(name)-len(base)+tail]
	default:
		k.many = plural != word
	}
	return k
}

// lower changes letters of ASCII only: what it returns is as long as s.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

var errNoChecksums = errors.New("no line of it is a checksum")

// sumOf is what a file says of one name.
type sumOf struct {
	name   string
	size   int64
	digest digests
}

func (sums) Read(name string, r io.Reader, add func(Claim) error) (Head, error) {
	text, err := whole(r)
	if err != nil {
		return Head{}, err
	}
	stem, signature := cutSignature(name)
	if signature && bytes.HasPrefix(text, signatureBegin) {
		return Head{}, nil // beside what it signs
	}
	body, _, err := clearsigned(text)
	switch {
	case err == nil:
		text = body
	case err != ErrUnsigned:
		return Head{}, err
	}
	list := sumsList{kind: kindOf(stem), byName: make(map[string]*sumOf)}
	list.dir, _ = split(name)
	for len(text) > 0 {
		var line []byte
		line, text, _ = bytes.Cut(text, []byte{'\n'})
		list.line(bytes.TrimSuffix(line, []byte{'\r'}))
	}
	if len(list.files) == 0 && list.lines > 0 {
		return Head{}, errNoChecksums
	}
	for _, f := range list.files {
		if err := add(Claim{Name: f.name, Size: f.size, Digest: f.digest.best, Package: true}); err != nil {
			return Head{}, err
		}
	}
	return Head{}, nil
}

type sumsList struct {
	kind   sumsKind
	dir    string
	files  []*sumOf
	byName map[string]*sumOf
	size   int64  // of the comment before
	of     string // the name in that comment
	lines  int    // that have something in them
}

// line takes one line, and steps over what it does not understand.
func (l *sumsList) line(line []byte) {
	if len(bytes.TrimSpace(line)) == 0 {
		return
	}
	l.lines++
	if comment, ok := bytes.CutPrefix(line, []byte("# ")); ok {
		l.of, l.size = commented(comment)
		return
	}
	algorithm, digits, file, ok := tagged(line)
	if !ok {
		digits, file = counted(line)
		algorithm = l.kind.algorithm
		if algorithm == NoAlgorithm {
			algorithm = byLength(len(digits))
		}
	}
	d, ok := digestOf(algorithm, digits)
	if !ok {
		return
	}
	name, ok := l.named(file)
	if !ok {
		return
	}
	f := l.byName[name]
	if f == nil {
		f = &sumOf{name: name, size: -1}
		l.byName[name], l.files = f, append(l.files, f)
	}
	if d.Algorithm > f.digest.best.Algorithm {
		f.digest.best = d
	}
	if l.of != "" && l.of == file {
		f.size = l.size
	}
}

// named is the name that a line is about. What is beside a file in hello.iso.sha256
// is hello.iso, whatever directory it was in when its digest was made.
func (l *sumsList) named(file string) (string, bool) {
	if l.kind.stem == "" {
		return below(l.dir, file), file != ""
	}
	_, stem := split(l.kind.stem)
	_, base := split(strings.ReplaceAll(file, `\`, "/"))
	if file == "" || file == "-" || strings.EqualFold(base, stem) {
		return l.kind.stem, true
	}
	return below(l.dir, file), true
}

// commented reads "name: 123 bytes".
func commented(comment []byte) (name string, size int64) {
	rest, ok := bytes.CutSuffix(comment, []byte(" bytes"))
	i := bytes.LastIndex(rest, []byte(": "))
	if !ok || i < 0 {
		return "", -1
	}
	return string(rest[:i]), number(rest[i+2:])
}

// tagged reads "SHA256 (name) = HEX".
func tagged(line []byte) (a Algorithm, digits []byte, name string, ok bool) {
	line, escaped := bytes.CutPrefix(line, []byte{'\\'})
	kind, rest, _ := bytes.Cut(line, []byte(" ("))
	end := bytes.LastIndex(rest, []byte(") = "))
	if a = parseAlgorithm(string(kind)); a == NoAlgorithm || end < 0 {
		return NoAlgorithm, nil, "", false // "(name) = x" can be a name in the other form
	}
	name = string(rest[:end])
	if escaped {
		name = unslash(name)
	}
	return a, bytes.TrimSpace(rest[end+4:]), name, true
}

// counted reads "HEX  name" and "HEX *name", and HEX alone.
func counted(line []byte) (digits []byte, name string) {
	line, escaped := bytes.CutPrefix(line, []byte{'\\'})
	digits, rest, more := bytes.Cut(line, []byte{' '})
	if !more {
		return digits, ""
	}
	if len(rest) > 0 && (rest[0] == ' ' || rest[0] == '*') {
		rest = rest[1:]
	}
	name = string(rest)
	if escaped {
		name = unslash(name)
	}
	return digits, name
}

var slashes = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")

// unslash undoes what coreutils does to names with a backslash or the end of a line.
func unslash(name string) string { return slashes.Replace(name) }
