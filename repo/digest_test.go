package repo

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// check reads a file and compares its digest.
func check(want Digest, r io.Reader) error {
	sum, err := Sum(want.Algorithm, r)
	if err == nil && sum != want.Sum {
		err = fmt.Errorf("its digest is %s, and not %s", Digest{want.Algorithm, sum}, want)
	}
	return err
}

func TestDigest(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	d, ok := digestOf(SHA256, strings.ToUpper(empty))
	if !ok || d.String() != "SHA256 "+empty {
		t.Fatalf("%v, %t", d, ok)
	}
	if err := check(d, strings.NewReader("")); err != nil {
		t.Error(err)
	}
	if err := check(d, strings.NewReader("x")); err == nil {
		t.Error("the digest of nothing is that of something")
	}
	for _, bad := range []string{"", empty[1:], empty + "00", "g" + empty[1:], empty[:63] + "\x00"} {
		if _, ok := digestOf(SHA256, bad); ok {
			t.Errorf("%q is a digest", bad)
		}
	}
	if err := check(Digest{}, strings.NewReader("")); err == nil {
		t.Error("no digest is that of a file")
	}
	for _, a := range algorithms {
		if parseAlgorithm(a.String()) != a.Algorithm || a.Algorithm.size() != a.size {
			t.Errorf("%d, %s", a.Algorithm, a)
		}
	}
}
