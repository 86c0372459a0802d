package repo

import (
	"fmt"
	"strings"
	"testing"
)

// read is what a text claims, a line for each claim: name, size, algorithm, slot.
func read(t *testing.T, name, text string) (string, error) {
	t.Helper()
	k, _ := New("auto")
	var b strings.Builder
	head, err := k.Read(name, strings.NewReader(text), func(c Claim) error {
		if c.Digest.Algorithm != NoAlgorithm && len(c.Digest.Sum) != c.Digest.Algorithm.size() {
			t.Errorf("%v has a digest of %d bytes", c, len(c.Digest.Sum))
		}
		fmt.Fprintf(&b, "%s %d %s", c.Name, c.Size, c.Digest.Algorithm)
		if c.Slot != "" {
			fmt.Fprintf(&b, " [%s]", c.Slot)
		}
		b.WriteByte('\n')
		return nil
	})
	if head.Skipped > 0 {
		fmt.Fprintf(&b, "skipped %d\n", head.Skipped)
	}
	if !head.Made.IsZero() {
		fmt.Fprintf(&b, "made %s\n", head.Made.Format("2006-01-02 15:04"))
	}
	if !head.Expires.IsZero() {
		fmt.Fprintf(&b, "expires %s\n", head.Expires.Format("2006-01-02 15:04"))
	}
	return b.String(), err
}

// x is a digest of n hexadecimal digits.
func x(n int) string { return strings.Repeat("ab", n/2) }

// texts are indexes and what is to be read of them; "" and an error where they are none.
var texts = []struct{ name, text, want, err string }{
	{"dists/s/Release", "Date: Sat, 11 Jul 2026 10:16:37 UTC\nValid-Until: Sat,  8 Aug 2026 10:16:37 +0200\nAcquire-By-Hash: yes\nMD5Sum:\n " + x(32) + " 7 main/x\nSHA256:\n " + x(64) + " 8 main/x\n " + x(64) + " 9 y\n",
		"dists/s/main/x 8 SHA256\n" +
			"dists/s/main/by-hash/MD5Sum/" + x(32) + " 8 SHA256 [by-hash/MD5Sum dists/s/main/x]\n" +
			"dists/s/main/by-hash/SHA256/" + x(64) + " 8 SHA256 [by-hash/SHA256 dists/s/main/x]\n" +
			"dists/s/y 9 SHA256\n" +
			"dists/s/by-hash/SHA256/" + x(64) + " 9 SHA256 [by-hash/SHA256 dists/s/y]\n" +
			"made 2026-07-11 10:16\nexpires 2026-08-08 08:16\n", ""},
	{"dists/s/Release", "Date: Sat, 11 Jul 2026 10:16:37 CEST\nSHA512:\n " + x(128) + " 8 ../../x\n " + x(128) + " 8 /etc/x\n " + x(128) + " 8 a/.b/x\n " + x(128) + " 8 ok\n " + x(64) + " 8 short\n " + x(128) + " -8 negative\n",
		"dists/s/ok 8 SHA512\nskipped 3\n", ""},
	{"Release", "<html>\n", "", "no field"},
	{"Release", "Title: a page\n", "", "neither"},
	{"Release", "", "", "neither"},
	{"flat/Packages", "Package: a\nFilename: ./a.deb\nSize: 7\n\n\nPackage: b\nArchitecture: all\nFilename: flat/b.deb\nSHA1: " + x(40) + "\nMD5sum: " + x(32) + "\n\nPackage: c\nSize: 9\n\n# comment\nPackage: d\nDescription: x\n Filename: no.deb\n",
		"flat/a.deb 7 none [deb a ]\nflat/b.deb -1 SHA1 [deb b all]\n", ""},
	{"deep/flat/Packages", "Filename: deep/flat/a.deb\nSize: 7\n\nFilename: at/b.deb\nSize: 8\n\nFilename: flat/../c.deb\nSize: 8\n",
		"deep/flat/a.deb 7 none [deb  ]\ndeep/flat/at/b.deb 8 none [deb  ]\nskipped 1\n", ""},
	{"Packages", "<!DOCTYPE html>\n<html>\n", "", "no field"},
	{"Packages", " continued\n", "", "no field"},
	{"Packages", "Package: " + strings.Repeat("a", maxLine) + "\n", "", "a line is longer"},
	{"dists/s/main/source/Sources", "Package: a\nVersion: 1:2.0-1\nDirectory: pool/a\nFiles:\n " + x(32) + " 3 a_2.0-1.dsc\n " + x(32) + " 4 a_2.0.orig-doc.tar.xz\n " + x(32) + " 5 odd\nChecksums-Sha256:\n " + x(64) + " 3 a_2.0-1.dsc\n",
		"pool/a/a_2.0-1.dsc 3 SHA256 [src a dsc]\npool/a/a_2.0.orig-doc.tar.xz 4 MD5 [src a orig-doc.tar.xz]\npool/a/odd 5 MD5 [src a odd]\n", ""},
	{"s/Sources", "Package: a\nDirectory: .\nFiles:\n " + x(32) + " 3 a.dsc\n", "s/a.dsc 3 MD5 [src a a.dsc]\n", ""},
	{"dists/s/main/binary-amd64/Packages.diff/Index", "SHA256-Current: " + x(64) + " 9\nSHA1-Download:\n " + x(40) + " 8 T-1.gz\nSHA256-History:\n " + x(64) + " 7 T-1\nSHA256-Download:\n " + x(64) + " 8 T-1.gz\nX-Unmerged-SHA256-Download:\n " + x(64) + " 5 1.gz\n",
		"dists/s/main/binary-amd64/Packages.diff/T-1.gz 8 SHA256\ndists/s/main/binary-amd64/Packages.diff/1.gz 5 SHA256\n", ""},

	{"repodata/repomd.xml", `<?xml version="1.0"?><!-- a > b --><repomd xmlns="x"><revision>7</revision><data type="primary"><checksum type="sha256">` + x(64) + `</checksum><open-checksum type="md5">1</open-checksum><location href="repodata/` + x(64) + `-primary.xml.gz"/><timestamp>1752228997.5</timestamp><size>21</size></data><data type="group"><checksum type="sha"> ` + x(40) + ` </checksum><location xml:base="http://b.example/" href="repodata/g.xml"/></data></repomd>`,
		"repodata/" + x(64) + "-primary.xml.gz 21 SHA256 [repomd primary]\nmade 2025-07-11 10:16\n", ""},
	{"a/repodata/repomd.xml", `<repomd><revision>1752228997</revision><data type="other"><checksum type="sha224">` + x(56) + `</checksum><size>3</size><location href='repodata/other.xml.gz'/></data><data type="x"><size>1</size><location href="../x"/></data></repomd>`,
		"a/repodata/other.xml.gz 3 none\nskipped 1\nmade 2025-07-11 10:16\n", ""},
	{"repodata/repomd.xml", "<html><body></body></html>", "", "no <repomd>"},
	{"repodata/repomd.xml", "", "", "no <repomd>"},
	{"repodata/repomd.xml", "<repomd><data>", "", "unexpected EOF"},
	{"repodata/repomd.xml", `<!DOCTYPE r [<!ENTITY a "b">]><repomd/>`, "", "declaration"},
	{"repodata/repomd.xml", `<repomd><data type="` + strings.Repeat("a", maxTag) + `"/></repomd>`, "", "longer than"},
	{"a/repodata/primary.xml", `<metadata packages="2"><package type="rpm"><name>a&amp;b</name><arch>x</arch><version ver="1>2"/><checksum type="sha256" pkgid="YES">` + x(64) + `</checksum><size installed='1' package="7"/><location href="P/a%2bb~1&#46;rpm"/><format><name>no</name><location href="no"/></format></package><package type="rpm"><name><![CDATA[c&]]></name><size package="8"/><location xml:base="ftp://b.example" href="c.rpm"/></package><package type="rpm"><name>d</name><size package="9"/><location href="/d.rpm"/></package></metadata>`,
		"a/P/a+b~1.rpm 7 SHA256 [rpm a&b x]\nskipped 1\n", ""},

	{"d/SHA256SUMS", x(64) + "  a.iso\n" + x(64) + " *./sub/b.iso\r\n" + x(64) + " c\n\n-- \nHello there\n" + x(32) + "  md5\n" + x(64) + "  ../up\n" + `\` + x(64) + `  back\\slash` + "\n",
		"d/a.iso -1 SHA256\nd/sub/b.iso -1 SHA256\nd/c -1 SHA256\nskipped 2\n", ""},
	{"Tree-1-x86_64-CHECKSUM", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n# a.iso: 12345 bytes\nSHA256 (a.iso) = " + x(64) + "\nMD5 (b (1).iso) = " + x(32) + "\nSHA384 (c) = " + x(96) + "\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n",
		"a.iso 12345 SHA256\nb (1).iso -1 MD5\n", ""},
	{"CHECKSUM", "MD5 (a) = " + x(32) + "\nSHA256 (a) = " + x(64) + "\nSHA1 (a) = " + x(40) + "\n", "a -1 SHA256\n", ""},
	{"checksums.txt", x(40) + "  a\n" + x(128) + "  a\n", "a -1 SHA512\n", ""},
	{"d/a.iso.sha256", x(64), "d/a.iso -1 SHA256\n", ""},
	{"d/a.iso.SHA512.txt", strings.ToUpper(x(128)) + "\n", "d/a.iso -1 SHA512\n", ""},
	{"d/a.iso.md5sum", x(32) + "  /home/builder/out/a.iso\n", "d/a.iso -1 MD5\n", ""},
	{"d/a.iso.sha1", x(40) + " *-\n", "d/a.iso -1 SHA1\n", ""},
	{"sha256sums.asc", "-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n", "", ""},
	{"sha256sums.asc", "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + x(64) + "  a\n-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n", "a -1 SHA256\n", ""},
	{"SHA256SUMS", "<html>\n<body>\n", "", "no line of it"},
	{"SHA256SUMS", "", "", ""},

	{"simple/a/index.html", "<!DOCTYPE html><html><body><a href=\"../../files/a%2b1.whl#sha256=" + x(64) + "\" data-dist-info-metadata=\"sha256=" + x(64) + "\" data-requires-python=\"&gt;=3\">a</a> <a data-core-metadata='true' href='./b.tar.gz#md5=" + x(32) + "'>b</a><a href=\"http://b.example/c.whl#sha256=" + x(64) + "\">c</a><a href=\"/d.whl#sha256=" + x(64) + "\">d</a><a href=\"../../../e.whl#sha256=" + x(64) + "\">e</a><a href=\"f.whl\">f</a><A HREF=//b.example/g#sha256=" + x(64) + ">g</A></body>",
		"files/a+1.whl -1 SHA256\nfiles/a+1.whl.metadata -1 SHA256\nsimple/a/b.tar.gz -1 MD5\nskipped 1\n", ""},
	{"p/simple/a/index.v1_json", `{"meta": {"api-version": "1.1", "x": [1, {"files": 2}]}, "name": "a", "files": [{"filename": "a.whl", "url": "../../files/a.whl", "hashes": {"sha256": "` + x(64) + `", "md5": "` + x(32) + `"}, "size": 7, "core-metadata": {"sha256": "` + x(64) + `"}, "dist-info-metadata": true, "yanked": false}, {"url": "b", "hashes": {}, "size": 8, "core-metadata": true}, {"url": "c", "hashes": {"blake2b": "00"}}, {"url": "https://b.example/d", "hashes": {}}], "versions": ["1"]}`,
		"p/files/a.whl 7 SHA256\np/files/a.whl.metadata -1 SHA256\np/simple/a/b 8 none\n", ""},
	{"simple/a/index.v1_json", `{"name": "a"}`, "", "no files"},
	{"simple/a/index.v1_json", `{"files": {}}`, "", "no list"},
	{"simple/a/index.v1_json", `{"files": [`, "", "EOF"},
	{"simple/a/index.v1_json", `<html>`, "", "no JSON"},
	{"simple/a/index.html", "words", "", "no page"},
	{"simple/a/index.html", "<base href='/'>", "", "<base>"},

	{"x.db", "SQLite format 3", "", "no database of packages"},
	{"x.db", "", "", "no database of packages"},
}

func TestTexts(t *testing.T) {
	for _, c := range texts {
		got, err := read(t, c.name, c.text)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, to be %q", c.name, err, c.err)
		} else if err == nil && got != c.want {
			t.Errorf("%s:\n%sto be\n%s", c.name, got, c.want)
		}
	}
}
