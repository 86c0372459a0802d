package repo

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// arch is the format of pacman's repositories, as repo-add makes it
// (https://man.archlinux.org/man/repo-add.8, alpm-repo-db(7)):
//
//	core.db -> core.db.tar.gz     the packages; core.db.sig is its signature
//	core.files                    the same, with what is in each package
//	hello-2.10-3-x86_64.pkg.tar.zst, and .sig
//
// The database is a tar with a file for each package, of fields and their values:
//
//	hello-2.10-3/desc   %FILENAME%
//	                    hello-2.10-3-x86_64.pkg.tar.zst
//
//	                    %NAME%
//	                    hello
//
// Packages lie beside it. Anybody may call a file x.db: whether it is one of these
// shows when it is read.
type arch struct{}

func (arch) Of(name string) (Nature, bool) {
	whole := strings.TrimSuffix(name, ".sig")
	dir, base := split(whole)
	stem := base
	if archive, ok := strings.CutSuffix(unpacked(base), ".tar"); ok {
		stem = archive
	}
	for _, kind := range []string{".db", ".files"} {
		if s, ok := strings.CutSuffix(stem, kind); ok && s != "" && s != "Thumbs" {
			n := Nature{Set: []string{whole + ".sig", whole}}
			if whole == name {
				n.Index, n.Signatures = dir+stem, n.Set[:1:1]
			}
			return n, true
		}
	}
	return Nature{}, false
}

// maxDesc bounds one package's fields: the largest have some kilobytes.
const maxDesc = 1 << 20

func (arch) Read(name string, r io.Reader, add func(Claim) error) (Head, error) {
	dir, _ := split(name)
	t := tar.NewReader(r)
	for entries := 0; ; entries++ {
		h, err := t.Next()
		if err == io.EOF {
			if entries == 0 {
				return Head{}, errors.New("it is no database of packages: there is nothing in it")
			}
			return Head{}, nil
		}
		if err != nil {
			return Head{}, fmt.Errorf("it is no database of packages: %w", err)
		}
		if path.Base(h.Name) != "desc" || h.Typeflag != tar.TypeReg {
			continue
		}
		if h.Size > maxDesc {
			return Head{}, fmt.Errorf("%.100q is larger than %d bytes", h.Name, maxDesc)
		}
		desc, err := io.ReadAll(t)
		if err != nil {
			return Head{}, err
		}
		if err := add(described(dir, desc)); err != nil {
			return Head{}, err
		}
	}
}

// described is what a desc file claims.
func described(dir string, desc []byte) Claim {
	c := Claim{Size: -1, Package: true}
	var field []byte // the line before, and nil after the value
	var digest digests
	for len(desc) > 0 {
		var line []byte
		line, desc = cutLine(desc)
		switch string(field) {
		case "%FILENAME%":
			c.Name = below(dir, string(line))
		case "%NAME%":
			c.Slot = slot("pkg", line)
		case "%CSIZE%":
			c.Size = number(line)
		case "%MD5SUM%":
			digest.add(MD5, line)
		case "%SHA256SUM%":
			digest.add(SHA256, line)
		}
		field = nil
		if bytes.HasPrefix(line, []byte("%")) {
			field = line
		}
	}
	c.Digest = digest.best
	return c
}
