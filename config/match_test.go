package config

import (
	"strings"
	"testing"
)

func TestMatchPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		// Without a slash: the last element, at every depth.
		{"InRelease", "InRelease", true},
		{"InRelease", "dists/sid/InRelease", true},
		{"InRelease", "InRelease/x", false},
		{"InRelease", "xInRelease", false},
		{"*.db", "core/os/core.db", true},
		{"*.db", "core.db/x", false},
		{"a?c", "x/abc", true},
		{"a?c", "x/ac", false},
		{"*", "a/b", true},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"**", "x", true},
		// With a slash: the whole name.
		{"dists/*/Release", "dists/sid/Release", true},
		{"dists/*/Release", "dists/sid/updates/Release", true},
		{"dists/*/Release", "x/dists/sid/Release", false},
		{"dists/*", "dists/a/b/c", true},
		{"dists/*", "dists/", true},
		{"a?b/c", "a/b/c", false},
		// "*/" at the start: any directories, or none.
		{"*/InRelease", "InRelease", true},
		{"*/InRelease", "dists/sid/InRelease", true},
		{"*/InRelease", "xInRelease", false},
		{"*/by-hash/*", "by-hash/SHA256/x", true},
		{"*/by-hash/*", "main/by-hash/SHA256/x", true},
		{"*/by-hash/*", "main/by-hashes/x", false},
		// Everything else stands for itself, and the prefix matches nothing.
		{"x.y", "xzy", false},
		{"ü?", "üx", true},
		{"*", "", false},
		{"*/x", "", false},
	} {
		if got := matchPattern(test.pattern, test.name, lastElement(test.name)); got != test.want {
			t.Errorf("matchPattern(%q, %q) = %v", test.pattern, test.name, got)
		}
	}
}

// single is a configuration of one mirror, which may be gone on with.
const single = "docroot = '/srv/mirror'\n[[mirror]]\nprefix = '/m/'\nupstream = ['http://one.example/']\n"

// TestIsAside: what is kept in the state directory is the mutable names of the
// mirrors that say so.
func TestIsAside(t *testing.T) {
	c := parse(t, typical+"mutable_in = 'state'\n") // debian/security/, whose patterns are the default's
	for name, want := range map[string]bool{
		"debian/security/InRelease": true, "debian/security/pool/x.deb": false,
		"debian/InRelease": false, "InRelease": false, "debian/security": false,
	} {
		if got := c.IsAside(name); got != want {
			t.Errorf("IsAside(%q) = %v", name, got)
		}
	}
	if c := parse(t, single+"profile = 'debian'\n"); c.KeepsAside() || c.IsAside("m/simple/x/index.html") {
		t.Error("KeepsAside does not tell whether any mirror does")
	}
}

// TestIsSimple: the pages of a Python index are mutable, and kept aside, by their
// names, wherever that may be one.
func TestIsSimple(t *testing.T) {
	for _, profile := range []string{"auto", "pypi"} {
		c := parse(t, single+"profile = '"+profile+"'\nmutable = []\n")
		for rest, want := range map[string]bool{
			"simple/index.html": true, "simple/index.v1_json": true, "simple/a/index.html": true, "simple/a/index.v1_json": true,
			"x/y/simple/a/index.html": true, "x/simple/index.html": true, "simple/simple/index.html": true,
			"index.html": false, "simple": false, "simple/a": false, "simple/a/b/index.html": false, "nosimple/a/index.html": false,
			"simple/a/index.htm": false, "simple/a/xindex.html": false, "a/index.html": false, "simple//index.html": false, "": false,
		} {
			m := &c.Mirrors[0]
			if m.IsSimple(rest) != want || m.IsMutable(rest) != want || c.IsAside(m.Prefix+rest) != want {
				t.Errorf("%s: %q: %v %v %v", profile, rest, m.IsSimple(rest), m.IsMutable(rest), c.IsAside(m.Prefix+rest))
			}
		}
		if !c.KeepsAside() {
			t.Errorf("%s: nothing is kept aside", profile)
		}
	}
	if c := parse(t, single+"profile = 'pypi'\nimmutable = ['simple/*']\n"); c.Mirrors[0].IsMutable("simple/a/index.html") {
		t.Error("a page that is said to be immutable is asked for")
	}
}

// TestDefaultPatterns holds the two default lists to names of real archives.
func TestDefaultPatterns(t *testing.T) {
	for _, test := range []struct {
		name                 string
		mutable, refusesHTML bool
	}{
		{"dists/sid/InRelease", true, true},
		{"dists/sid/main/binary-amd64/Packages.xz", true, true},
		{"dists/sid/main/binary-amd64/by-hash/SHA256/0123abcd", false, true},
		{"dists/sid/main/i18n/Translation-en.bz2", true, true},
		{"pool/main/h/hello/hello_2.10-3_amd64.deb", false, true},
		{"os/repodata/repomd.xml", true, true},
		{"core/os/x86_64/core.db.tar.gz", true, true},
		{"core/os/x86_64/linux-6.1-1-x86_64.pkg.tar.zst", false, true},
		{"main/x86_64/APKINDEX.tar.gz", true, true},
		{"images/SHA256SUMS.sign", true, true},
		{"dists/sid/main/binary-amd64/Packages.diff/Index", true, false},
		{"images/netboot.iso", false, true},
		{"doc/index.html", false, false},
		{"doc/README", false, false},
	} {
		m := Mirror{Mutable: defaultMutable, RefuseHTML: defaultRefuseHTML}
		if m.IsMutable(test.name) != test.mutable || m.RefusesHTML(test.name) != test.refusesHTML {
			t.Errorf("%s: mutable %v, refuses HTML %v", test.name, m.IsMutable(test.name), m.RefusesHTML(test.name))
		}
	}
}

// TestIndexIsMutable: what a mirror's index is called is nothing that the
// patterns know.
func TestIndexIsMutable(t *testing.T) {
	m := Mirror{Index: "lists/all.txt"}
	for name, want := range map[string]bool{"lists/all.txt": true, "all.txt": false, "": false} {
		if got := m.IsMutable(name); got != want {
			t.Errorf("%q is mutable: %v", name, got)
		}
	}
	m.Mutable, m.Immutable = []string{"*.db"}, []string{"old/*"}
	if !m.IsMutable("new/a.db") || m.IsMutable("old/a.db") {
		t.Error("what is configured as immutable is not")
	}
	if (&Mirror{}).IsMutable("") {
		t.Error("without an index, the prefix itself is mutable")
	}
}

func TestOtherMirror(t *testing.T) {
	c := Config{Mirrors: []Mirror{{Prefix: "a/b/inner/deep/"}, {Prefix: "a/b/inner/"}, {Prefix: "a/b/"}, {Prefix: "z/"}, {Prefix: ""}}}
	inner, outer, root := &c.Mirrors[1], &c.Mirrors[2], &c.Mirrors[4]
	for _, test := range []struct {
		m    *Mirror
		name string
		want bool
	}{
		{outer, "a/b/inner", true},
		{outer, "a/b/inner/x", true},
		{outer, "a/b/inner/deep/x", true},
		{outer, "a/b", true}, // it is above a/b/inner/
		{outer, "a/b/inne", false},
		{outer, "a/b/innermost", false},
		{outer, "a/b/x/inner", false},
		{outer, "z", false}, // not below outer
		{inner, "a/b/inner/x", false},
		{inner, "a/b/inner/deep", true},
		{root, "", true},
		{root, "a", true},
		{root, "a/b/x", true},
		{root, "z", true},
		{root, "x", false},
		{root, "az", false},
	} {
		if got := c.OtherMirror(test.m, test.name); got != test.want {
			t.Errorf("mirror %q, name %q: %v", test.m.Prefix, test.name, got)
		}
	}
}

// reference is the documented meaning of glob in its plainest form, which takes
// exponential time.
func reference(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		return reference(pattern[1:], s) || s != "" && reference(pattern, s[1:])
	}
	return s != "" && (pattern[0] == s[0] || pattern[0] == '?' && s[0] != '/') && reference(pattern[1:], s[1:])
}

// FuzzGlob compares the matcher with its plainest form.
func FuzzGlob(f *testing.F) {
	f.Add("a*b*c", "aXbYbZc")
	f.Add("*?/*", "a/b")
	f.Add("*/InRelease", "dists/sid/InRelease")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		const long = 16 // bytes: the reference stays fast
		if len(pattern) > long || len(s) > long {
			return
		}
		if got, want := glob(pattern, s), reference(pattern, s); got != want {
			t.Errorf("glob(%q, %q) = %v, want %v", pattern, s, got, want)
		}
		if s != "" && reference(pattern, s) && !mayEnd(pattern, s[len(s)-1]) {
			t.Errorf("%q matches %q, which is said not to end so", pattern, s)
		}
	})
}

// BenchmarkDefaultPatterns is what every request asks of its name, and a daemon
// once of every name on record.
func BenchmarkDefaultPatterns(b *testing.B) {
	for b.Loop() {
		if MatchAny(defaultMutable, "pool/main/p/package/package-data_1.2.3-4_amd64.deb") {
			b.Fatal("a package changes")
		}
	}
}

// BenchmarkWorstPattern shows that no pattern takes exponential time.
func BenchmarkWorstPattern(b *testing.B) {
	pattern, name := strings.Repeat("*a", 50)+"b", strings.Repeat("a", 1000)
	for b.Loop() {
		glob(pattern, name)
	}
}
