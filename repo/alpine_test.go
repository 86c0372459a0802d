package repo

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// segment is a gzip stream with files in a tar, which ends where last is set.
func segment(t testing.TB, last bool, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	end := w.Flush
	if last {
		end = w.Close
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// apk is a package as abuild makes it, and the SHA-1 of its control part.
func apk(t testing.TB, signatures int) (file []byte, control Digest) {
	t.Helper()
	data := segment(t, true, "usr/bin/hello", strings.Repeat("hello ", 20000))
	hash := sha256.Sum256(data)
	middle := segment(t, false, ".PKGINFO", "# made by hand\npkgname = hello\ndatahash = "+hex.EncodeToString(hash[:])+"\n", ".post-install", "#!/bin/sh\n")
	for range signatures {
		file = append(file, segment(t, false, ".SIGN.RSA.one.rsa.pub", "signature")...)
	}
	sum := sha1.Sum(middle)
	return append(append(file, middle...), data...), Digest{APKControl, string(sum[:])}
}

func TestAPK(t *testing.T) {
	for signatures := range 3 {
		file, control := apk(t, signatures)
		if err := check(control, bytes.NewReader(file)); err != nil {
			t.Errorf("%d signatures: %v", signatures, err)
		}
		if err := check(Digest{APKControl, strings.Repeat("x", 20)}, bytes.NewReader(file)); err == nil {
			t.Error("another digest is accepted")
		}
		for _, at := range []int{len(file) - 1, len(file) - 100, len(file) - len(file)/4} {
			damaged := bytes.Clone(file)
			damaged[at] ^= 1
			if sum, err := Sum(APKControl, bytes.NewReader(damaged)); err == nil || sum != "" {
				t.Errorf("a package that is damaged at %d of %d has the digest %x", at, len(file), sum)
			}
		}
		for _, cut := range []int{0, 1, 100, len(file) / 2, len(file) - 1} {
			if sum, err := Sum(APKControl, bytes.NewReader(file[:cut])); err == nil || sum != "" {
				t.Errorf("the first %d of %d bytes have the digest %x", cut, len(file), sum)
			}
		}
		if err := check(control, bytes.NewReader(append(bytes.Clone(file), 0))); err == nil {
			t.Error("a package with one byte more is accepted")
		}
	}
}

// apkindex is an index as apk makes it.
func apkindex(t testing.TB, text string) string {
	return string(segment(t, false, ".SIGN.RSA.one.rsa.pub", "signature")) +
		string(segment(t, true, "DESCRIPTION", "v1", "APKINDEX", text))
}

func TestAPKIndex(t *testing.T) {
	file, control := apk(t, 1)
	text := fmt.Sprintf("C:Q1%s\nP:hello\nV:1.0-r0\nA:x86_64\nS:%d\nI:1\nT:a: greeting\nF:usr\n\nP:two\nV:2\nS:7\nC:Q2%s\n\nP:bad/../name\nV:1\nS:1\n\nP:no version\n",
		base64.StdEncoding.EncodeToString([]byte(control.Sum)), len(file), base64.StdEncoding.EncodeToString(make([]byte, 32)))
	got, err := read(t, "v3/main/x86_64/APKINDEX.tar.gz", apkindex(t, text))
	want := fmt.Sprintf("v3/main/x86_64/hello-1.0-r0.apk %d APK-CONTROL [apk hello]\nv3/main/x86_64/two-2.apk 7 none [apk two]\nskipped 1\n", len(file))
	if err != nil || got != want {
		t.Errorf("%v\n%sto be\n%s", err, got, want)
	}
	for _, bad := range []string{"", "<html>", string(segment(t, true, "a", "b")), apkindex(t, text)[:300]} {
		if _, err := read(t, "APKINDEX.tar.gz", bad); err == nil {
			t.Errorf("%.20q is an index", bad)
		}
	}
}

// FuzzAPK holds every file that has a digest to the way that it was made: nothing
// can be added to it.
func FuzzAPK(f *testing.F) {
	for signatures := range 2 {
		file, _ := apk(f, signatures)
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		sum, err := Sum(APKControl, bytes.NewReader(file))
		if (err == nil) != (len(sum) == APKControl.size()) {
			t.Errorf("the digest %x with the error %v", sum, err)
		}
	})
}
