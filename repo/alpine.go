package repo

import (
	"archive/tar"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
)

// alpine is the format of apk's repositories, version 2
// (https://wiki.alpinelinux.org/wiki/Apk_spec, apk-v2(5)):
//
//	v3.22/main/x86_64/APKINDEX.tar.gz   the packages, signed inside of it
//	                 /hello-2.10-r3.apk
//
// The index is two gzip streams that are one tar: the signature, and DESCRIPTION and
// APKINDEX. That has a paragraph for each package:
//
//	C:Q1base64=    the SHA-1 of the package's second gzip stream (apk.go)
//	P:hello        name
//	V:2.10-r3      version
//	S:53080        bytes
type alpine struct{}

const apkIndex = "APKINDEX.tar.gz"

func (alpine) Of(name string) (Nature, bool) {
	if _, base := split(name); base != apkIndex {
		return Nature{}, false
	}
	return Nature{Index: name, Set: []string{name}}, true
}

func (alpine) Read(name string, r io.Reader, add func(Claim) error) (Head, error) {
	dir, _ := split(name)
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if err == io.EOF {
			return Head{}, errors.New("there is no APKINDEX in it")
		}
		if err != nil {
			return Head{}, fmt.Errorf("it is no index of packages: %w", err)
		}
		if h.Name == "APKINDEX" {
			return Head{}, readAPKIndex(dir, t, add)
		}
	}
}

func readAPKIndex(dir string, r io.Reader, add func(Claim) error) error {
	var p, v string
	c := Claim{Size: -1, Package: true}
	return paragraphs(r, func(field, value []byte, more bool) error {
		if more || len(field) != 1 {
			return nil
		}
		switch field[0] {
		case 'P':
			p = string(value)
		case 'V':
			v = string(value)
		case 'S':
			c.Size = number(value)
		case 'C':
			c.Digest = control(string(value))
		}
		return nil
	}, func() (err error) {
		if p != "" && v != "" {
			c.Name, c.Slot = below(dir, p+"-"+v+".apk"), "apk "+p
			err = add(c)
		}
		p, v, c = "", "", Claim{Size: -1, Package: true}
		return err
	})
}

// control reads "Q1" and SHA-1 in base64. What begins with Q2 is a SHA-256, of the
// same stream, and tells nothing here.
func control(s string) Digest {
	text, ok := strings.CutPrefix(s, "Q1")
	sum, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(sum) != APKControl.size() {
		return Digest{}
	}
	return Digest{APKControl, string(sum)}
}
