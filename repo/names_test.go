package repo

import (
	"slices"
	"strings"
	"testing"
)

// names are names and what they tell: an index, the set's members by their last
// segments, signatures or "inline", the claim's algorithm.
var names = []struct{ name, index, set, signatures, claim string }{
	{"dists/sid/InRelease", "dists/sid/Release", "Release.gpg Release InRelease", "inline", ""},
	{"dists/sid/Release", "dists/sid/Release", "Release.gpg Release InRelease", "dists/sid/Release.gpg", ""},
	{"dists/sid/Release.gpg", "", "Release.gpg Release InRelease", "", ""},
	{"Release", "Release", "Release.gpg Release InRelease", "Release.gpg", ""},
	{"dists/sid/main/binary-amd64/Release", "", "", "", ""},
	{"x/dists/sid/main/source/Release", "", "", "", ""},
	{"source/Release", "source/Release", "Release.gpg Release InRelease", "source/Release.gpg", ""},
	{"dists/sid/main/binary-amd64/Packages.xz", "dists/sid/main/binary-amd64/Packages", "", "", ""},
	{"dists/sid/main/binary-amd64/Packages.lzma", "", "", "", ""},
	{"Sources", "Sources", "", "", ""},
	{"d/Packages.diff/Index", "d/Packages.diff/Index", "", "", ""},
	{"Packages.diff/Index.gz", "", "", "", ""},
	{"Index", "", "", "", ""},
	{"dists/sid/main/binary-amd64/by-hash/SHA256/" + x(64), "", "", "", "SHA256"},
	{"by-hash/SHA512/" + x(128), "", "", "", "SHA512"},
	{"by-hash/MD5Sum/" + x(32), "", "", "", "MD5"},
	{"not-by-hash/MD5Sum/" + x(32), "", "", "", ""},
	{"by-hash/SHA256/" + x(40), "", "", "", ""},
	{"by-hash/SHA256/" + strings.ToUpper(x(64)), "", "", "", ""},
	{"dists/sid/main/Contents-amd64.gz", "", "", "", ""},

	{"repodata/repomd.xml", "repodata/repomd.xml", "repomd.xml.asc repomd.xml", "repodata/repomd.xml.asc", ""},
	{"f/repodata/repomd.xml.asc", "", "repomd.xml.asc repomd.xml", "", ""},
	{"f/repodata/" + x(64) + "-primary.xml.zst", "f/repodata/primary.xml", "", "", "SHA256"},
	{"repodata/" + x(40) + "-filelists.xml.gz", "", "", "", "SHA1"},
	{"repodata/" + x(32) + "-filelists.xml.gz", "", "", "", ""},
	{"repodata/primary.xml.gz", "repodata/primary.xml", "", "", ""},
	{"repodata/" + x(64) + "-primary.xml.zck", "", "", "", "SHA256"},
	{"notrepodata/repomd.xml", "", "", "", ""},

	{"d/SHA256SUMS", "d/SHA256SUMS", "SHA256SUMS.gpg SHA256SUMS.sign SHA256SUMS.asc SHA256SUMS", "d/SHA256SUMS.gpg d/SHA256SUMS.sign d/SHA256SUMS.asc", ""},
	{"SHA512SUMS.sign", "", "SHA512SUMS.gpg SHA512SUMS.sign SHA512SUMS.asc SHA512SUMS", "", ""},
	{"sha256sums.asc", "sha256sums.asc", "sha256sums.gpg sha256sums.sign sha256sums.asc sha256sums", "", ""},
	{"T-1-CHECKSUM", "T-1-CHECKSUM", "T-1-CHECKSUM.gpg T-1-CHECKSUM.sign T-1-CHECKSUM.asc T-1-CHECKSUM", "T-1-CHECKSUM.gpg T-1-CHECKSUM.sign T-1-CHECKSUM.asc inline", ""},
	{"a.iso.sha256", "a.iso.sha256", "a.iso.sha256.gpg a.iso.sha256.sign a.iso.sha256.asc a.iso.sha256", "", ""},
	{"dists/sid/x/SHA256SUMS", "dists/sid/x/SHA256SUMS", "SHA256SUMS.gpg SHA256SUMS.sign SHA256SUMS.asc SHA256SUMS", "", ""},
	{"a.iso.asc", "", "", "", ""},
	{"a.deb", "", "", "", ""},

	{"core/os/x86_64/core.db", "core/os/x86_64/core.db", "core.db.sig core.db", "core/os/x86_64/core.db.sig", ""},
	{"core.db.tar.zst", "core.db", "core.db.tar.zst.sig core.db.tar.zst", "core.db.tar.zst.sig", ""},
	{"core.files.tar.gz.sig", "", "core.files.tar.gz.sig core.files.tar.gz", "", ""},
	{"core.files", "core.files", "core.files.sig core.files", "core.files.sig", ""},
	{"core.db.gz", "", "", "", ""},
	{".db", "", "", "", ""},
	{"a-1-x86_64.pkg.tar.zst.sig", "", "", "", ""},
	{"v3/main/x86_64/APKINDEX.tar.gz", "v3/main/x86_64/APKINDEX.tar.gz", "APKINDEX.tar.gz", "", ""},
	{"simple/a/index.html", "simple/a/index", "index.html", "", ""},
	{"p/simple/a/index.v1_json", "p/simple/a/index", "index.v1_json", "", ""},
	{"simple/index.html", "", "", "", ""},
	{"a/index.html", "", "", "", ""},
	{"", "", "", "", ""},
}

func TestOf(t *testing.T) {
	k, _ := New("auto")
	for _, c := range names {
		n := k.Of(c.name)
		var set []string
		for _, s := range n.Set {
			dir, base := split(s)
			if !strings.HasPrefix(c.name, dir) {
				t.Errorf("%s: %s of its set is elsewhere", c.name, s)
			}
			set = append(set, base)
		}
		signatures := slices.Clone(n.Signatures)
		if n.Inline {
			signatures = append(signatures, "inline")
		}
		claim := ""
		if n.Claim.Name != "" {
			claim = n.Claim.Digest.Algorithm.String()
		}
		if n.Index != c.index || strings.Join(set, " ") != c.set || strings.Join(signatures, " ") != c.signatures || claim != c.claim {
			t.Errorf("%s: %+v", c.name, n)
		}
	}
}

// TestPages: where an upstream shows what is a page, and that config knows the same
// names is a test of package fetch.
func TestPages(t *testing.T) {
	k, _ := New("pypi")
	for name, want := range map[string]string{
		"simple/a/index.html": "simple/a/", "p/simple/a/index.v1_json": "p/simple/a/",
		"simple/index.html": "simple/", "p/simple/index.v1_json": "p/simple/", "simple/simple/index.html": "simple/simple/",
		"simple/a/b/index.html": "", "index.html": "", "a/index.html": "", "simple/a/index.htm": "", "xsimple/a/index.html": "",
	} {
		n := k.Of(name)
		if n.Page != want || (n.Accept != "") != (want != "") {
			t.Errorf("%s: %q, %q", name, n.Page, n.Accept)
		}
	}
}

// TestIsSimple are pages that say what they are, and pages that do not.
func TestIsSimple(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"index.html", `<!DOCTYPE html><html><head><meta name="pypi:repository-version" content="1.0"></head></html>`, true},
		{"index.html", `<META content='1.3' NAME='PyPI:repository-version'/>`, true},
		{"index.html", `<html><body><a href="../../a.whl#sha256=` + x(64) + `">a</a>`, true},
		{"index.html", `<a href="a#md5=` + x(32) + `">`, true},
		{"index.html", `<title> Links for a </title>`, true},
		{"index.html", `<html><head><title>Simple Index</title>`, true},
		{"index.html", `<html><head><title>Index of /simple/a/</title></head><body><h1>Index of /simple/a/</h1><a href="a.whl">a.whl</a>`, false},
		{"index.html", `<a href="a.whl#sha256=short">`, false},
		{"index.html", `<a title="#sha256=` + x(64) + `" href="a">`, false},
		{"index.html", `<!-- <meta name="pypi:repository-version"> -->`, false},
		{"index.html", `<p>Links for you</p>`, false},
		{"index.html", "", false},
		{"index.html", `{"meta": {"api-version": "1.0"}}`, false},
		{"index.v1_json", `{"meta": {"api-version": "1.0"}, "files": []}`, true},
		{"index.v1_json", `{"projects": [{"name": "a"}], "meta": {"_last-serial": 1, "api-version": "1.1"}}`, true},
		{"index.v1_json", `{"meta": {"api-version": "2.0"}}`, false},
		{"index.v1_json", `{"meta": {"api-version": "1.0"}, "files": [`, false},
		{"index.v1_json", `{"meta": "api-version"}`, false},
		{"index.v1_json", `{"a": 1}`, false},
		{"index.v1_json", `[]`, false},
		{"index.v1_json", `<meta name="pypi:repository-version">`, false},
	} {
		if got := IsSimple("simple/a/"+c.name, strings.NewReader(c.text)); got != c.want {
			t.Errorf("%s: %s: %v", c.name, c.text, got)
		}
	}
}

// TestSumsNames are names that people give to files with checksums, or do not.
func TestSumsNames(t *testing.T) {
	for _, name := range []string{
		"SHA256SUMS", "sha256sum.txt", "MD5SUMS", "md5sum.txt", "sha512sums", "SHA256SUM", "CHECKSUM", "checksums.txt", "tool_1.2_checksums.txt",
		"tool_1.2_SHA256SUMS", "SHA256", "CHECKSUM.SHA512-Some-1-amd64", "Tree-1-CHECKSUM", "tool-sha1sums.txt",
	} {
		if !kindOf(name).many {
			t.Errorf("%s is not known", name)
		}
	}
	for name, stem := range map[string]string{
		"d/a.iso.sha256": "d/a.iso", "a.jar.sha1": "a.jar", "a.md5": "a", "a.SHA512": "a", "a.b.sha256sum": "a.b", "a.sha256.txt": "a", "\u0130.sha1": "\u0130", "\xfe\xff.sha1": "\xfe\xff",
	} {
		if k := kindOf(name); k.many || k.stem != stem {
			t.Errorf("%s is of %q", name, k.stem)
		}
	}
	for _, name := range []string{"sha256", ".sha256", "d/.md5", "a-sha256", "md5", "a.sha", "sums", "a.txt", "a.sums", "checksummed", "nochecksum", "a.sha224", "", "md5sum.exe"} {
		if k := kindOf(name); k.many || k.stem != "" {
			t.Errorf("%s is known as %+v", name, k)
		}
	}
}

func TestSafe(t *testing.T) {
	for _, name := range []string{"a", "a/b", "a..", "a b", "a:b+c~d^e", "\xff", strings.Repeat("a", 255), strings.Repeat("a/", 2047) + "a"} {
		if !safe(name) {
			t.Errorf("%q is not safe", name)
		}
	}
	for _, name := range []string{"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/../b", ".a", "a/.b", "a/./b", "a\x00", "a\nb", "a\x7f", `a\b`, strings.Repeat("a", 256), strings.Repeat("a/", 2048) + "a"} {
		if safe(name) {
			t.Errorf("%q is safe", name)
		}
	}
}

func TestProfiles(t *testing.T) {
	for _, p := range Profiles() {
		if _, err := New(p); err != nil {
			t.Error(err)
		}
	}
	if _, err := New("cargo"); err == nil || !strings.Contains(err.Error(), "debian") {
		t.Error(err)
	}
	k, _ := New("none")
	if n := k.Of("dists/sid/InRelease"); n.Index != "" || n.Set != nil {
		t.Errorf("%+v", n)
	}
	k, _ = New("rpm")
	if n := k.Of("dists/sid/InRelease"); n.Index != "" || k.Of("repodata/repomd.xml").Index == "" {
		t.Errorf("%+v", n)
	}
}
