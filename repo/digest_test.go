package repo

import (
	"errors"
	"strings"
	"testing"
)

func TestDigest(t *testing.T) {
	const empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	d, ok := digestOf(SHA256, strings.ToUpper(empty))
	if !ok || d.String() != "SHA256 "+empty {
		t.Fatalf("%v, %t", d, ok)
	}
	if err := d.Check(strings.NewReader("")); err != nil {
		t.Error(err)
	}
	var m *Mismatch
	if err := d.Check(strings.NewReader("x")); !errors.As(err, &m) || m.Want != d || m.Have == d {
		t.Error(err)
	}
	for _, bad := range []string{"", empty[1:], empty + "00", "g" + empty[1:], empty[:63] + "\x00"} {
		if _, ok := digestOf(SHA256, bad); ok {
			t.Errorf("%q is a digest", bad)
		}
	}
	if err := (Digest{}).Check(strings.NewReader("")); err == nil {
		t.Error("no digest is that of a file")
	}
	for _, a := range algorithms {
		if ParseAlgorithm(a.String()) != a.Algorithm || a.Algorithm.size() != a.size {
			t.Errorf("%d, %s", a.Algorithm, a)
		}
	}
}
