package fetch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// sums makes a list of digests of what upstream has.
func (a *archive) sums(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%s  %s\n", sum(a.body(name)), filepath.Base(name))
	}
	return b.String()
}

// TestSumsNameThemselves: lists of digests are made by "sha256sum *": they name
// themselves, each other and their signatures, as these were then.
func TestSumsNameThemselves(t *testing.T) {
	m := newMirrored(t, false, "")
	lists := []string{"SHA256SUMS", "MD5SUMS.sha256", "CHECKSUMS.sha256", "SHA256SUMS.gpg"}
	version := func(n int) {
		m.serial++
		m.set("a.iso", fmt.Sprintf("image %d", n))
		for _, name := range lists {
			m.set(name, fmt.Sprintf("old %s of %d", name, n))
		}
		text := m.sums("a.iso", "SHA256SUMS", "MD5SUMS.sha256", "CHECKSUMS.sha256", "SHA256SUMS.gpg")
		for i, name := range lists[:3] {
			m.set(name, text+strings.Repeat("\n", i))
		}
	}
	version(1)
	m.fetch(append(lists, "a.iso")...)
	version(2)
	for _, name := range lists {
		m.refresh(name)
	}
	for _, name := range append(lists, "a.iso") {
		m.wantHeld(name, m.body(name))
	}
}

// TestDisagreement: two indexes that do not agree on a package do not take it away from
// each other. One that upstream has in the new version is replaced.
func TestDisagreement(t *testing.T) {
	m := newMirrored(t, false, "")
	const name = "pool/one_1_amd64.deb"
	old, built := m.body(name), "one, built once more"
	m.set("pool/SHA256SUMS", "")
	m.fetch(inRelease, packages, name, "pool/SHA256SUMS")
	m.serial++
	m.set("pool/SHA256SUMS", sum(built)+"  one_1_amd64.deb\n")
	m.refresh("pool/SHA256SUMS")
	m.wantHeld("pool/SHA256SUMS", m.body("pool/SHA256SUMS"))
	m.wantHeld(name, old)
	m.serial++
	m.set("pool/SHA256SUMS", sum(built)+"  ./one_1_amd64.deb\n")
	m.set(name, built)
	m.refresh("pool/SHA256SUMS")
	m.wantHeld(name, built)
}

// TestOtherMirrorsFiles: no upstream has a say in what another mirror's files are.
func TestOtherMirrorsFiles(t *testing.T) {
	inner := origin.New(t)
	inner.Set("/a.iso", origin.File{Body: []byte("of the inner mirror")})
	m := newMirrored(t, false, fmt.Sprintf("[[mirror]]\nprefix = \"/m/inner/\"\nupstream = [%q]\n", inner.URL+"/"))
	m.set("SHA256SUMS", sum("hostile")+"  inner/a.iso\n"+sum("x")+"  inner\n")
	m.fetch("SHA256SUMS")
	if got, err := m.get(m.e, "m/inner/a.iso"); err != nil || string(got) != "of the inner mirror" {
		t.Fatalf("%q, %v", got, err)
	}
	m.settle(m.e)
	m.set("SHA256SUMS", sum("more hostile")+"  inner/a.iso\n")
	m.refresh("SHA256SUMS")
	m.wantHeld("inner/a.iso", "of the inner mirror")
	if expected, err := m.e.index.Expected(m.ctx(), "m/inner/a.iso"); err != nil || len(expected) > 0 {
		t.Errorf("expected: %v, %v", expected, err)
	}
}

// TestNamesInTheWay: an index may name a directory, what is behind a link, and what
// others put there; and it may name them as new versions of what is here.
func TestNamesInTheWay(t *testing.T) {
	m := newMirrored(t, true, "")
	first := hashed + sum(m.body(packages))
	m.fetch(inRelease, first, "pool/one_1_amd64.deb")
	m.add("one", "2", "the second version of one")
	m.update()
	foreign := m.path("m/pool/two_1_amd64.deb")
	outside := filepath.Join(m.dir, "outside")
	for _, err := range []error{
		os.WriteFile(foreign, []byte("of the administrator"), 0o600),
		os.WriteFile(m.path("m/"+packages), []byte("of the administrator, too"), 0o600),
		os.Mkdir(outside, 0o755),
		os.Symlink(outside, m.path("m/dists/sid/link")),
		os.MkdirAll(m.path(mirror.Name("m/dists/sid/directory/by-hash/SHA256/"+sum("d"))), 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	m.members["dists/sid/link/Packages"] = "l"
	m.members["dists/sid/directory/Packages"] = "d"
	m.members["dists/sid"] = "s"
	m.members["dists/sid/"+strings.Repeat("x/", 300)+"deep"] = "x"
	m.release()
	m.refresh(inRelease)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(hashed+sum(m.body(packages)), m.body(packages))
	for path, want := range map[string]string{foreign: "of the administrator", m.path("m/" + packages): "of the administrator, too"} {
		if b, err := os.ReadFile(path); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
	if list, err := os.ReadDir(outside); err != nil || len(list) > 0 {
		t.Errorf("written through a link: %v, %v", list, err)
	}
}

// TestForeignInASet: what others put there need not fit, and keeps nobody waiting.
func TestForeignInASet(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease)
	if err := os.WriteFile(m.path("m/dists/sid/Release"), []byte(m.body("dists/sid/Release")), 0o600); err != nil {
		t.Fatal(err)
	}
	m.add("one", "2", "the second version of one")
	m.update()
	m.refresh(inRelease)
	m.wantHeld(inRelease, m.body(inRelease))
}

// TestNeverSettles: an upstream that changes with every request costs it little, and
// us nothing.
func TestNeverSettles(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	oldTop, oldMember := m.body(inRelease), m.body(packages)
	m.clock.advance(2 * time.Minute)
	n := m.o.Count("/"+inRelease, "")
	const rounds = 30
	for i := range rounds { // of a second each
		m.add("one", fmt.Sprint(i), fmt.Sprint("version ", i))
		m.add("three", fmt.Sprint(i), "what its index says")
		m.update()
		m.set(packages, fmt.Sprint("something else ", i))
		m.set(fmt.Sprintf("pool/two_%d_amd64.deb", i), "not what its index says")
		for _, name := range []string{inRelease, packages} {
			if _, err := m.get(m.e, mirror.Name("m/"+name)); err != nil {
				t.Fatal(err)
			}
		}
		m.get(m.e, "m/pool/two_1_amd64.deb") // which does not fit, and asks who vouches for it
		m.settle(m.e)
		m.wantHeld(inRelease, oldTop)
		m.wantHeld(packages, oldMember)
		m.clock.advance(time.Second)
	}
	if asked := m.o.Count("/"+inRelease, "") - n; asked > rounds {
		t.Errorf("upstream was asked %d times in %d seconds", asked, rounds)
	} else {
		t.Logf("asked %d times in %d seconds", asked, rounds)
	}
}

// TestOtherProfile: what was learned while a mirror was taken for something else is
// no longer believed.
func TestOtherProfile(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	conf := *m.conf
	conf.Mirrors = append(conf.Mirrors[:0:0], conf.Mirrors...)
	conf.Mirrors[0].Profile = "arch"
	m.conf = &conf
	m.e = m.engine()
	m.set("pool/one_1_amd64.deb", "another version of one")
	m.fetch("pool/one_1_amd64.deb")
	m.wantHeld("pool/one_1_amd64.deb", "another version of one")
	m.add("one", "2", "the second version of one")
	m.update()
	m.refresh(packages)
	m.wantHeld(packages, m.body(packages))
}

// TestInReleaseAppears: Release is here when upstream begins to have InRelease.
func TestInReleaseAppears(t *testing.T) {
	m := newMirrored(t, false, "")
	m.o.Remove("/" + inRelease)
	m.fetch("dists/sid/Release", "dists/sid/Release.gpg", packages)
	m.add("one", "2", "the second version of one")
	m.update()
	m.fetch(inRelease)
	for _, name := range []string{inRelease, "dists/sid/Release", "dists/sid/Release.gpg", packages} {
		m.wantHeld(name, m.body(name))
	}
}

// TestSetIsGone: a file of a set that upstream has no more keeps nobody waiting.
func TestSetIsGone(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, "dists/sid/Release", "dists/sid/Release.gpg", packages)
	m.add("one", "2", "the second version of one")
	m.update()
	m.o.Remove("/dists/sid/Release")
	m.o.Remove("/dists/sid/Release.gpg")
	m.refresh(packages)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, m.body(packages))
	for _, name := range []string{"dists/sid/Release", "dists/sid/Release.gpg"} {
		if _, err := os.Stat(m.path(mirror.Name("m/" + name))); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s, of which upstream says that it is gone: %v", name, err)
		}
	}
}

// TestManyClaims: an index with 200,000 names is published, and gives way to the next
// one.
func TestManyClaims(t *testing.T) {
	m := newMirrored(t, false, "")
	var b strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&b, "%064x  file%d\n", i, i)
	}
	m.set("SHA256SUMS", b.String())
	begun := time.Now()
	m.fetch("SHA256SUMS")
	m.serial++
	m.set("SHA256SUMS", b.String()+sum("x")+"  another\n")
	m.refresh("SHA256SUMS")
	m.wantHeld("SHA256SUMS", m.body("SHA256SUMS"))
	t.Logf("two versions of 200,000 claims took %s", time.Since(begun))
}

// TestIndexTakenAway: what an index said that the administrator took away is no reason
// to refuse anything.
func TestIndexTakenAway(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	m.add("one", "2", "the second version of one, of another size")
	m.update()
	if err := os.Remove(m.path("m/" + inRelease)); err != nil {
		t.Fatal(err)
	}
	m.refresh(packages)
	m.wantHeld(packages, m.body(packages))
}

// TestIndexOfAnotherSuite: no suite speaks of another's top, and indexes that name
// each other end.
func TestIndexOfAnotherSuite(t *testing.T) {
	m := newMirrored(t, false, "")
	const other = "dists/other/main/binary-amd64/Packages"
	text := fmt.Sprintf("Package: x\nVersion: 1\nArchitecture: all\nFilename: %s\nSize: 1\nSHA256: %s\n\n"+
		"Package: y\nVersion: 1\nArchitecture: all\nFilename: dists/other/InRelease\nSize: 1\nSHA256: %s\n", packages, sum("x"), sum("x"))
	m.set(other, text)
	m.members["dists/sid/../other/InRelease"] = "x"
	m.update()
	m.set("dists/other/InRelease", strings.ReplaceAll(m.body(inRelease), "main/", "nothing/"))
	m.fetch(inRelease, packages, other, "dists/other/InRelease")
	m.add("one", "2", "the second version of one")
	m.members[packages+"x"] = "another"
	m.update()
	m.set("dists/other/InRelease", strings.ReplaceAll(m.body(inRelease), "main/", "nothing/"))
	m.refresh("dists/other/InRelease")
	m.refresh(inRelease)
	for _, name := range []string{inRelease, packages, "dists/other/InRelease"} {
		m.wantHeld(name, m.body(name))
	}
}
