package repo

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"time"
)

var errNoFields = errors.New("it has a line that is no field")

// cutField cuts "Field: value".
func cutField(line []byte) (field, value []byte, ok bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 || bytes.IndexByte(line[:i], ' ') >= 0 {
		return nil, nil, false
	}
	return line[:i], bytes.TrimSpace(line[i+1:]), true
}

// date reads a date of a Release file, or returns the zero time. A name of a zone
// other than UTC does not tell which one it is.
func date(s string) time.Time {
	for _, zone := range []string{" UTC", " GMT", " Z"} {
		if t, ok := strings.CutSuffix(s, zone); ok {
			s = t + " +0000"
			break
		}
	}
	for _, layout := range []string{"Mon, _2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 -0700", "_2 Jan 2006 15:04:05 -0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// paragraphs reads fields (deb822): field is called with each, and with those
// lines that continue one it is called again. end is called behind a paragraph.
func paragraphs(r io.Reader, field func(name, value []byte, more bool) error, end func() error) error {
	text := linesOf(r)
	var last []byte // the field that a line continues
	inside := false
	for text.Scan() {
		line := text.Bytes()
		if len(line) == 0 {
			if inside {
				if err := end(); err != nil {
					return err
				}
			}
			inside = false
			continue
		}
		if line[0] == ' ' || line[0] == '\t' {
			if !inside {
				return errNoFields
			}
			if err := field(last, line, true); err != nil {
				return err
			}
			continue
		}
		if line[0] == '#' {
			continue
		}
		name, value, ok := cutField(line)
		if !ok {
			return errNoFields
		}
		inside, last = true, append(last[:0], name...)
		if err := field(last, value, false); err != nil {
			return err
		}
	}
	if err := text.err(); err != nil {
		return err
	}
	if inside {
		return end()
	}
	return nil
}

// readPackages reads binary packages, a paragraph each:
//
//	Package: hello
//	Architecture: amd64
//	Filename: pool/main/h/hello/hello_2.10-3_amd64.deb
//	Size: 53080
//	MD5sum: HEX
//	SHA256: HEX
func readPackages(dir string, r io.Reader, add func(Claim) error) error {
	var (
		name, arch, file []byte
		size             = int64(-1)
		digest           digests
	)
	return paragraphs(r, func(field, value []byte, more bool) error {
		if more {
			return nil
		}
		switch string(field) {
		case "Package":
			name = append(name[:0], value...)
		case "Architecture":
			arch = append(arch[:0], value...)
		case "Filename":
			file = append(file[:0], value...)
		case "Size":
			size = number(value)
		case "MD5sum", "MD5Sum", "SHA1", "SHA256", "SHA512":
			digest.add(parseAlgorithm(string(field)), value)
		}
		return nil
	}, func() error {
		c := Claim{Size: size, Digest: digest.best, Package: true}
		if len(file) > 0 {
			f := string(file)
			c.Name = below(flat(dir, f), f)
			c.Slot = slot("deb", name, arch)
		}
		name, arch, file, size, digest = name[:0], arch[:0], file[:0], -1, digests{}
		if c.Name == "" {
			return nil // installed only, or a virtual package
		}
		return add(c)
	})
}

// slot joins what stays the same from one version to the next.
func slot(kind string, words ...[]byte) string {
	b := make([]byte, 0, 64)
	b = append(b, kind...)
	for _, w := range words {
		b = append(append(b, ' '), w...)
	}
	return string(b)
}

// maxFiles bounds the files of one source package: those with most parts have
// some dozens.
const maxFiles = 256

// source is a paragraph in Sources.
type source struct {
	name, version, directory string
	files                    []*sourceFile
}

type sourceFile struct {
	name   string
	size   int64
	digest digests
}

// readSources reads source packages, several files in a paragraph:
//
//	Package: hello
//	Version: 2.10-3
//	Directory: pool/main/h/hello
//	Files:
//	 HEX 1183 hello_2.10-3.dsc
//	 HEX 725946 hello_2.10.orig.tar.gz
//	Checksums-Sha256:
//	 HEX 1183 hello_2.10-3.dsc
func readSources(dir string, r io.Reader, add func(Claim) error) error {
	var s source
	return paragraphs(r, func(field, value []byte, more bool) error {
		algorithm := NoAlgorithm
		switch string(field) {
		case "Files":
			algorithm = MD5
		case "Checksums-Sha1":
			algorithm = SHA1
		case "Checksums-Sha256":
			algorithm = SHA256
		case "Checksums-Sha512":
			algorithm = SHA512
		}
		switch {
		case algorithm != NoAlgorithm && len(value) > 0:
			s.file(algorithm, value)
		case more:
		case string(field) == "Package":
			s.name = string(value)
		case string(field) == "Version":
			s.version = string(value)
		case string(field) == "Directory":
			s.directory = string(value)
		}
		return nil
	}, func() error {
		err := s.claim(dir, add)
		s = source{}
		return err
	})
}

// file takes a line "HEX size name".
func (s *source) file(a Algorithm, line []byte) {
	digits, rest := word(line)
	length, rest := word(rest)
	name, _ := word(rest)
	size := number(length)
	if len(name) == 0 || size < 0 || len(s.files) == maxFiles {
		return
	}
	for _, f := range s.files {
		if f.name == string(name) {
			if f.digest.add(a, digits) && f.digest.best.Algorithm == a {
				f.size = size
			}
			return
		}
	}
	f := &sourceFile{name: string(name), size: size}
	f.digest.add(a, digits)
	s.files = append(s.files, f)
}

func (s *source) claim(dir string, add func(Claim) error) error {
	in := strings.TrimSuffix(s.directory, "/") + "/"
	if in == "./" || in == "/" {
		in = ""
	}
	start := flat(dir, in)
	for _, f := range s.files {
		c := Claim{Name: below(start, in+f.name), Size: f.size, Digest: f.digest.best, Package: true}
		c.Slot = "src " + s.name + " " + s.kind(f.name)
		if err := add(c); err != nil {
			return err
		}
	}
	return nil
}

// kind is what a source file's name has behind the version: "dsc",
// "orig.tar.xz", "debian.tar.xz", "orig-docs.tar.gz".
func (s *source) kind(name string) string {
	_, version, hasEpoch := strings.Cut(s.version, ":")
	if !hasEpoch {
		version = s.version
	}
	upstream := version
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		upstream = version[:i]
	}
	rest := strings.TrimPrefix(name, s.name+"_")
	for _, v := range []string{version, upstream} {
		if kind, ok := strings.CutPrefix(rest, v+"."); ok && v != "" {
			return kind
		}
	}
	return name
}

// readPatches reads Packages.diff/Index, and of it what is packed and to be
// fetched:
//
//	SHA256-Download:
//	 HEX 1234 2026-07-11-0816.37.gz
func readPatches(dir string, r io.Reader, add func(Claim) error) error {
	var order []string
	found := make(map[string]*sourceFile)
	err := paragraphs(r, func(field, value []byte, more bool) error {
		name, ok := strings.CutSuffix(string(field), "-Download")
		algorithm := parseAlgorithm(strings.TrimPrefix(name, "X-Unmerged-"))
		if !ok || algorithm == NoAlgorithm || len(value) == 0 || len(order) == maxClaims {
			return nil
		}
		digits, rest := word(value)
		length, rest := word(rest)
		file, _ := word(rest)
		f := found[string(file)]
		if f == nil {
			f = &sourceFile{name: string(file)}
			found[f.name], order = f, append(order, f.name)
		}
		if size := number(length); size >= 0 && f.digest.add(algorithm, digits) && f.digest.best.Algorithm == algorithm {
			f.size = size
		}
		return nil
	}, func() error { return nil })
	if err != nil {
		return err
	}
	for _, name := range order {
		f := found[name]
		if f.digest.best.Algorithm == NoAlgorithm {
			continue
		}
		if err := add(Claim{Name: below(dir, name), Size: f.size, Digest: f.digest.best}); err != nil {
			return err
		}
	}
	return nil
}
