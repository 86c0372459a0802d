package repo

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strings"
)

// algorithms are all that there are, the best one first, with the length of
// their digests in bytes.
var algorithms = []struct {
	Algorithm
	name string
	size int
}{
	{SHA256, "SHA256", sha256.Size},
	{SHA512, "SHA512", sha512.Size},
	{SHA1, "SHA1", sha1.Size},
	{MD5, "MD5", md5.Size},
	{APKControl, "APK-CONTROL", sha1.Size},
}

// String is the algorithm's usual name: "SHA256".
func (a Algorithm) String() string {
	for _, known := range algorithms {
		if known.Algorithm == a {
			return known.name
		}
	}
	return "none"
}

// parseAlgorithm knows an algorithm by what indexes call it: SHA256, sha-256,
// MD5Sum, and "sha", which is SHA-1. NoAlgorithm stands for every other one.
func parseAlgorithm(name string) Algorithm {
	switch name { // what there is a hundred thousand times
	case "sha256", "SHA256":
		return SHA256
	case "sha512", "SHA512":
		return SHA512
	}
	switch strings.ToLower(name) {
	case "sha256", "sha-256":
		return SHA256
	case "sha512", "sha-512":
		return SHA512
	case "sha1", "sha-1", "sha":
		return SHA1
	case "md5", "md5sum":
		return MD5
	case "apk-control":
		return APKControl
	}
	return NoAlgorithm
}

// digestOf reads hexadecimal digits. It reports false where they are no digest of the
// algorithm.
func digestOf[S string | []byte](a Algorithm, digits S) (Digest, bool) {
	var sum [sha512.Size]byte
	size := a.size()
	if size == 0 || len(digits) != 2*size {
		return Digest{}, false
	}
	for i := range size {
		high, low := unhex[digits[2*i]], unhex[digits[2*i+1]]
		if high|low > 0x0f {
			return Digest{}, false
		}
		sum[i] = high<<4 | low
	}
	return Digest{a, string(sum[:size])}, true
}

// unhex is the value of a hexadecimal digit, or 0xff.
var unhex = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xff
	}
	for i, c := range []byte("0123456789") {
		table[c] = byte(i)
	}
	for i, c := range []byte("abcdef") {
		table[c], table[c-'a'+'A'] = byte(10+i), byte(10+i)
	}
	return table
}()

// byLength is the algorithm whose digests have so many hexadecimal digits.
func byLength(digits int) Algorithm {
	for _, known := range algorithms {
		if 2*known.size == digits {
			return known.Algorithm
		}
	}
	return NoAlgorithm
}

// size is the length of a digest in bytes.
func (a Algorithm) size() int {
	switch a {
	case SHA256:
		return sha256.Size
	case SHA512:
		return sha512.Size
	case SHA1, APKControl:
		return sha1.Size
	case MD5:
		return md5.Size
	}
	return 0
}

// New returns a hash that takes the bytes of a file, or nil for APKControl and
// NoAlgorithm, which are of no whole file.
func (a Algorithm) New() hash.Hash {
	switch a {
	case SHA256:
		return sha256.New()
	case SHA512:
		return sha512.New()
	case SHA1:
		return sha1.New()
	case MD5:
		return md5.New()
	}
	return nil
}

// String is the algorithm and the hexadecimal form: "SHA256 9f86...".
func (d Digest) String() string {
	if d.Algorithm == NoAlgorithm {
		return "none"
	}
	return d.Algorithm.String() + " " + d.Hex()
}

// Hex is the digest's hexadecimal form.
func (d Digest) Hex() string { return hex.EncodeToString([]byte(d.Sum)) }

// Sum reads a file and returns its digest's bytes. An error is that of reading, or
// says that the file is not of the form that the algorithm is for; then there is
// no digest.
func Sum(a Algorithm, r io.Reader) (string, error) {
	if a == APKControl {
		return sumAPK(r)
	}
	h := a.New()
	if h == nil {
		return "", fmt.Errorf("there is no algorithm %d", a)
	}
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return string(h.Sum(nil)), nil
}

// digests gathers what an index tells of one file, and keeps the best.
type digests struct {
	best Digest
}

// add takes hexadecimal digits. It reports whether they are a digest.
func (d *digests) add(a Algorithm, digits []byte) bool {
	if a <= d.best.Algorithm {
		return a.size() > 0 && len(digits) == 2*a.size()
	}
	digest, ok := digestOf(a, digits)
	if ok {
		d.best = digest
	}
	return ok
}
