package repo

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// manyPackages is what Debian has for one architecture, a paragraph as long as its
// average.
func manyPackages(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		name := fmt.Sprintf("libtree%d-%d", i, i*7919%1000)
		fmt.Fprintf(&b, "Package: %s\nVersion: 1.%d-2\nInstalled-Size: %d\nMaintainer: Signer one <one@example.invalid>\nArchitecture: amd64\n"+
			"Depends: libc6 (>= 2.%d), libtree%d (= 1.%d), libleaf-perl, libroot-dev (>= 3.%d~), bark, ring-data (<< %d)\n"+
			"Description: trees of the kind %d\nHomepage: http://tree%d.example/\nDescription-md5: %032x\nTag: role::shared-lib, use::growing,\n works-with::wood, scope::%x\nSection: libs\nPriority: optional\n"+
			"Filename: pool/main/libt/%s/%s_1.%d-2_amd64.deb\nSize: %d\nMD5sum: %032x\nSHA256: %064x\n\n",
			name, i, i%9999, i%40, i+1, i%77, i%13, i%31, i, i, i*2654435761, i*40503, name, name, i, 1000+i, i*69069, i*1103515245)
	}
	return b.Bytes()
}

// manyRPMs is what Fedora has for one architecture: most of it is what each package
// provides and requires.
func manyRPMs(n int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata xmlns=\"http://common.example\" xmlns:rpm=\"http://rpm.example\" packages=\"%d\">\n", n)
	for i := range n {
		fmt.Fprintf(&b, "<package type=\"rpm\">\n  <name>tree%d</name>\n  <arch>x86_64</arch>\n  <version epoch=\"0\" ver=\"1.%d\" rel=\"1.t41\"/>\n"+
			"  <checksum type=\"sha256\" pkgid=\"YES\">%064x</checksum>\n  <summary>A tree &amp; its leaves</summary>\n  <description>%s</description>\n"+
			"  <packager>Signer one</packager>\n  <url>http://tree%d.example/</url>\n  <time file=\"1752228997\" build=\"1752228990\"/>\n"+
			"  <size package=\"%d\" installed=\"%d\" archive=\"%d\"/>\n  <location href=\"Packages/t/tree%d-1.%d-1.t41.x86_64.rpm\"/>\n  <format>\n    <rpm:license>MIT</rpm:license>\n    <rpm:requires>\n",
			i, i%99, i*1103515245, strings.Repeat("Some words about what it is. ", 12), i, 1000+i, 3000+i, 3100+i, i, i%99)
		for j := range 18 {
			fmt.Fprintf(&b, "      <rpm:entry name=\"libleaf%d.so.%d()(64bit)\" flags=\"GE\" epoch=\"0\" ver=\"%d\"/>\n", i*j%1009, j, i%7)
		}
		b.WriteString("    </rpm:requires>\n    <file>/usr/bin/tree</file>\n  </format>\n</package>\n")
	}
	b.WriteString("</metadata>\n")
	return b.Bytes()
}

func packed(tb testing.TB, how string, plain []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch how {
	case "plain":
		return plain
	case "gz":
		w = gzip.NewWriter(&b)
	case "xz":
		w, err = xz.NewWriter(&b)
	case "zst":
		w, err = zstd.NewWriter(&b)
	}
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func benchmark(b *testing.B, name string, n int, plain []byte) {
	k, _ := New("auto")
	for _, how := range []string{"plain", "gz", "zst", "xz"} {
		b.Run(how, func(b *testing.B) {
			body := packed(b, how, plain)
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			for b.Loop() {
				claims := 0
				_, err := k.Read(name, bytes.NewReader(body), func(Claim) error {
					claims++
					return nil
				})
				if err != nil || claims != n {
					b.Fatalf("%d claims of %d: %v", claims, n, err)
				}
			}
		})
	}
}

func BenchmarkPackages(b *testing.B) {
	benchmark(b, "dists/sid/main/binary-amd64/Packages", 60_000, manyPackages(60_000))
}

func BenchmarkPrimary(b *testing.B) {
	benchmark(b, "repodata/primary.xml", 70_000, manyRPMs(70_000))
}

func BenchmarkOf(b *testing.B) {
	k, _ := New("auto")
	b.ReportAllocs()
	for b.Loop() {
		for _, name := range []string{"pool/main/h/hello/hello_2.10-3_amd64.deb", "dists/sid/InRelease", "simple/hello/index.html"} {
			k.Of(name)
		}
	}
}
