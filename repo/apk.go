package repo

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// maxControl bounds the unpacked streams of an apk but for its data: the largest
// scripts and triggers have some hundred kilobytes.
const maxControl = 16 << 20

// sumAPK is the digest that APKINDEX has of a package, an apk of version 2
// (https://wiki.alpinelinux.org/wiki/Apk_spec):
//
//	gzip stream   .SIGN.RSA.key.pub       may be missing
//	gzip stream   .PKGINFO, scripts       this one's SHA-1
//	gzip stream   the files               .PKGINFO has its SHA-256: datahash
//
// The streams are one tar when they are unpacked. The digest is only of the second,
// so the data is held to what that says of it: a package whose data is damaged has
// no digest.
func sumAPK(r io.Reader) (string, error) {
	raw := &hashed{r: bufio.NewReaderSize(r, buffer)}
	z := new(gzip.Reader)
	for range 16 { // each signature could be a stream of its own
		raw.h = sha1.New()
		err := z.Reset(raw)
		if err != nil {
			return "", fmt.Errorf("it is no apk: %w", err)
		}
		z.Multistream(false)
		segment, err := io.ReadAll(io.LimitReader(z, maxControl+1))
		if err != nil {
			return "", fmt.Errorf("it is no apk: %w", err)
		}
		if len(segment) > maxControl {
			return "", fmt.Errorf("it is no apk: its control part is larger than %d MiB", maxControl>>20)
		}
		if bytes.HasPrefix(segment, []byte(".SIGN.")) {
			continue
		}
		sum := string(raw.h.Sum(nil))
		if err := checkData(segment, raw.r); err != nil {
			return "", err
		}
		return sum, nil
	}
	return "", errors.New("it is no apk: it has nothing but signatures")
}

// hashed takes the digest of what gzip reads. It has ReadByte, so gzip reads no
// byte of the next stream.
type hashed struct {
	r *bufio.Reader
	h hash.Hash
}

func (h *hashed) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.h.Write(p[:n])
	return n, err
}

func (h *hashed) ReadByte() (byte, error) {
	b, err := h.r.ReadByte()
	if err == nil {
		h.h.Write([]byte{b})
	}
	return b, err
}

// checkData compares the rest of a package with the digest of it in .PKGINFO.
// Packages of abuild before 2.0 have none.
func checkData(control []byte, data io.Reader) error {
	info, err := pkgInfo(control)
	if err != nil {
		return err
	}
	want := ""
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, "datahash = "); ok {
			want = strings.TrimSpace(v)
		}
	}
	h := sha256.New()
	if _, err := io.Copy(h, data); err != nil {
		return err
	}
	if have := hex.EncodeToString(h.Sum(nil)); want != "" && have != want {
		return fmt.Errorf("its data has the digest SHA256 %s, and its .PKGINFO says %.100s", have, want)
	}
	return nil
}

func pkgInfo(control []byte) (string, error) {
	for t := tar.NewReader(bytes.NewReader(control)); ; {
		h, err := t.Next()
		if err != nil {
			return "", errors.New("it is no apk: there is no .PKGINFO in it")
		}
		if h.Name == ".PKGINFO" {
			info, err := io.ReadAll(t)
			return string(info), err
		}
	}
}
