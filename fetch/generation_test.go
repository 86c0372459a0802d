package fetch

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/store"
	"mirror/store/index"
)

// TestGeneration: an index is published together with what it names of what is
// here, and nothing else is brought.
func TestGeneration(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages, "pool/one_1_amd64.deb")
	m.add("one", "2", "the second version of one")
	m.update()
	m.refresh(inRelease)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, m.body(packages))
	if m.o.Count("/pool/one_2_amd64.deb", "") > 0 {
		t.Error("a package was brought that nobody asked for")
	}
	m.wantNoParts()
}

// TestGenerationByMember: it does not matter which of its files is asked for.
func TestGenerationByMember(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	m.add("one", "2", "the second version of one")
	m.update()
	m.refresh(packages)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, m.body(packages))
}

// TestHalfway: nothing changes here while upstream is in the middle of an update.
func TestHalfway(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	oldTop, oldMember := m.body(inRelease), m.body(packages)
	m.add("one", "2", "the second version of one")
	m.update()
	newMember := m.body(packages)
	m.set(packages, oldMember) // upstream's cache is behind
	m.refresh(inRelease)
	m.wantHeld(inRelease, oldTop)
	m.wantHeld(packages, oldMember)
	if !strings.Contains(m.log.String(), "in the middle of an update") {
		t.Error("the log does not say why")
	}
	m.set(packages, newMember)
	m.refresh(inRelease)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, newMember)
	m.wantNoParts()
}

// TestGenerationByHash: what took the place of a file that is called by its digest
// is brought, and the old one stays for clients that are behind.
func TestGenerationByHash(t *testing.T) {
	m := newMirrored(t, true, "")
	old := hashed + sum(m.body(packages))
	oldBody := m.body(packages)
	m.fetch(inRelease, old)
	m.add("one", "2", "the second version of one")
	m.update()
	m.refresh(inRelease)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(hashed+sum(m.body(packages)), m.body(packages))
	m.wantHeld(old, oldBody)
	if n := m.o.Count("/"+packages, ""); n > 0 {
		t.Errorf("nobody uses the fixed name, and it was asked for %d times", n)
	}
}

// TestAlias: a file that upstream has under its digest, too, is brought from there:
// then an update of upstream's harms nobody.
func TestAlias(t *testing.T) {
	m := newMirrored(t, true, "")
	m.fetch(inRelease, packages)
	m.add("one", "2", "the second version of one")
	m.update()
	want := m.body(packages)
	m.set(packages, "something newer")
	m.refresh(inRelease)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, want)
}

// TestPackageChangedInPlace: a package that changes under its name is replaced
// when its index is, and goes if it cannot be.
func TestPackageChangedInPlace(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages, "pool/one_1_amd64.deb", "pool/two_1_amd64.deb")
	m.add("one", "1", "one, built once more")
	m.add("two", "1", "two, built once more")
	m.update()
	m.o.Remove("/pool/two_1_amd64.deb")
	m.refresh(inRelease)
	m.wantHeld("pool/one_1_amd64.deb", "one, built once more")
	m.wantHeld(inRelease, m.body(inRelease))
	if _, err := os.Stat(m.path("m/pool/two_1_amd64.deb")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a package that is not what its index says is still there: %v", err)
	}
}

// TestOlderRelease: an upstream that is behind changes nothing.
func TestOlderRelease(t *testing.T) {
	m := newMirrored(t, false, "")
	old := m.body(inRelease)
	m.add("one", "2", "the second version of one")
	m.update()
	now := m.body(inRelease)
	m.fetch(inRelease)
	m.set(inRelease, old)
	m.refresh(inRelease)
	m.wantHeld(inRelease, now)
}

// TestOlderReleaseUnknown: nor does it where the record knows nothing of what is here.
func TestOlderReleaseUnknown(t *testing.T) {
	m := newMirrored(t, false, "mutable_in = \"state\"\n")
	old := m.body(inRelease)
	m.add("one", "2", "the second version of one")
	m.update()
	now := m.body(inRelease)
	m.fetch(inRelease)
	if err := m.e.index.ForgetIndex(m.ctx(), "m/dists/sid/Release"); err != nil {
		t.Fatal(err)
	}
	m.set(inRelease, old)
	m.refresh(inRelease)
	if got, err := m.get(m.e, "m/"+inRelease); err != nil || string(got) != now {
		t.Errorf("%q, %v", got, err)
	}
	m.settle(m.e)
}

// TestRecordLost: after the record was lost, what is here is read again, and not only
// the one that is asked for.
func TestRecordLost(t *testing.T) {
	for _, byHash := range []bool{false, true} {
		m := newMirrored(t, byHash, "mutable_in = \"state\"\n")
		member := packages
		if byHash {
			member = hashed + sum(m.body(packages))
		}
		m.fetch(inRelease, member)
		for _, name := range []string{"m/dists/sid/Release", "m/" + packages} {
			if err := m.e.index.ForgetIndex(m.ctx(), name); err != nil {
				t.Fatal(err)
			}
		}
		m.refresh(inRelease)
		if want := m.e.Expectations(m.ctx(), "m/pool/one_1_amd64.deb"); len(want) != 1 {
			t.Errorf("by hash %v: what is expected of a package: %v", byHash, want)
		}
	}
}

// TestIndexesChange: what is read as an index is refreshed by default, whatever it is
// called; else what it names would be refused as soon as it changes.
func TestIndexesChange(t *testing.T) {
	m := newMirrored(t, false, "")
	conf := &m.conf.Mirrors[0]
	for _, name := range []string{
		"sha256sums.asc", "v6.x/sha256sums.asc", "sha512sums", "md5sums", "SHA256SUM", "md5sum.txt", "sha512sum.txt", "sha256sums.txt", "checksums.txt",
		"CHECKSUM.SHA256-Some-1", "MD5", "SHA256", "SHA512", "hello.iso.sha256sum", "hello.iso.md5sum", "SHA1SUMS", "Some-1-CHECKSUM", "hello.iso.md5",
		"core.db.tar.gz", "core.files", "repodata/repomd.xml", "APKINDEX.tar.gz", "Packages.diff/Index", "simple/hello/index.html",
	} {
		if m.e.nature(conf, mirror.Name(name)).Index == "" {
			t.Errorf("%s is not known", name)
		}
		if !conf.IsMutable(name) {
			t.Errorf("%s is never refreshed", name)
		}
	}
}

// TestOlderReleaseBeside: a Release that is older than the InRelease that is here
// reaches nobody, though it was missing.
func TestOlderReleaseBeside(t *testing.T) {
	m := newMirrored(t, false, "")
	old := m.body("dists/sid/Release")
	m.add("one", "2", "the second version of one")
	m.update()
	m.fetch(inRelease, packages)
	now := m.body("dists/sid/Release")
	m.set("dists/sid/Release", old)
	if got, err := m.get(m.e, "m/dists/sid/Release"); !errors.Is(err, mirror.ErrHalfway) {
		t.Errorf("%q, %v", got, err)
	}
	m.settle(m.e)
	m.set("dists/sid/Release", now)
	m.fetch("dists/sid/Release")
}

// TestReleaseOfTheFuture: an upstream whose clock was wrong by years is followed when
// it is right again.
func TestReleaseOfTheFuture(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	const years = 20 * 365 * 24 * 60 // in minutes
	m.serial += years
	m.add("one", "2", "the second version of one")
	m.update()
	m.refresh(inRelease)
	m.wantHeld(inRelease, m.body(inRelease))
	m.serial -= years
	m.add("one", "3", "the third version of one")
	m.update()
	m.refresh(inRelease)
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, m.body(packages))
}

// TestReleasePair: Release and its signature are published together.
func TestReleasePair(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch("dists/sid/Release", "dists/sid/Release.gpg", packages)
	m.add("one", "2", "the second version of one")
	m.update()
	m.refresh("dists/sid/Release.gpg")
	for _, name := range []string{"dists/sid/Release", "dists/sid/Release.gpg", packages} {
		m.wantHeld(name, m.body(name))
	}
}

// TestPrefetch: of packages that are here a newer version is brought.
func TestPrefetch(t *testing.T) {
	m := newMirrored(t, true, "prefetch = true\n")
	m.fetch(inRelease, hashed+sum(m.body(packages)), "pool/one_1_amd64.deb")
	m.add("one", "2", "the second version of one")
	m.add("two", "2", "the second version of two")
	m.update()
	m.refresh(inRelease)
	m.until("the newer package is here", func() bool {
		_, err := os.Stat(m.path("m/pool/one_2_amd64.deb"))
		return err == nil
	})
	m.settle(m.e)
	if m.o.Count("/pool/two_2_amd64.deb", "") > 0 {
		t.Error("a package was brought of which nobody has an older one")
	}
}

// TestPublicationIsCompleted: a crash in the middle of a publication leaves a
// journal, and whoever asks next finds all of it done.
func TestPublicationIsCompleted(t *testing.T) {
	for done := range 3 { // steps of it
		m, _ := cutOff(t, done)
		e := m.engine()
		if got, err := m.get(e, "m/"+inRelease); err != nil || string(got) != m.body(inRelease) {
			t.Errorf("%d steps done: %q, %v", done, got, err)
		}
		m.wantHeld(packages, m.body(packages))
		m.wantNoParts()
		m.wantNoJournals()
		for _, name := range []string{packages, inRelease} {
			if !e.Owns(t.Context(), mirror.Name("m/"+name)) {
				t.Errorf("%d steps done: %s is not ours", done, name)
			}
		}
	}
}

// TestCompletedIsLearned: what the indexes of a publication say is known when it has
// been completed, whoever it was cut off from.
func TestCompletedIsLearned(t *testing.T) {
	for done := range 3 { // steps of it
		m, _ := cutOff(t, done)
		e := m.engine()
		if err := e.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		for name, body := range map[string]string{packages: m.body(packages), "pool/one_2_amd64.deb": "the second version of one"} {
			got, err := e.index.Expected(t.Context(), "m/"+name)
			if err != nil || len(got) != 1 || got[0].Digest != string(digestText(body)) {
				t.Errorf("%d steps done: of %s is known %+v, %v, want the digest of its new version", done, name, got, err)
			}
		}
	}
}

// interrupted leaves what a process does that dies when so many of the names, each
// a step, have been published.
func (m *mirrored) interrupted(done int, names ...string) {
	m.site.t.Helper()
	must := func(err error) {
		m.site.t.Helper()
		if err != nil {
			m.site.t.Fatal(err)
		}
	}
	ctx := m.ctx()
	j := journal{Top: escaped("m/" + names[len(names)-1])}
	var rows []index.Partial
	var pubs []*store.Publication
	for _, name := range names {
		part, err := m.e.tree.NewPart(mirror.Name("m/" + name))
		must(err)
		defer part.Close()
		body := m.body(name)
		_, err = part.File().WriteString(body)
		must(err)
		must(part.Check(m.at()))
		must(part.Sync())
		row := index.Partial{
			Name: string(part.Name), Upstream: m.o.URL, Inode: part.Inode, Total: int64(len(body)),
			ModTime: m.at(), Boot: m.e.boot, Started: m.clock.now(), Digest: digestText(body),
		}
		rows = append(rows, row)
		pubs = append(pubs, &store.Publication{Part: part, Replace: true})
		it := entry{Name: escaped(part.Name), Row: row}
		if fi, err := m.e.tree.Lstat(part.Name); err == nil {
			over := incarnationOf(fi)
			it.Over = &over
		}
		j.Steps = append(j.Steps, []entry{it})
	}
	must(m.e.index.Intend(ctx, rows))
	must(m.e.writeJournal(j))
	m.e.tree.Publish(pubs[:done])
}

// TestPrefetchNewer: what an index named all along is not newer.
func TestPrefetchNewer(t *testing.T) {
	m := newMirrored(t, false, "prefetch = true\n")
	m.pool["pool/one_0_amd64.deb"] = "an old version of one"
	m.set("pool/one_0_amd64.deb", "an old version of one")
	m.update()
	m.fetch(inRelease, packages, "pool/one_1_amd64.deb")
	m.pool["pool/two_2_amd64.deb"] = "the second version of two"
	m.update()
	m.refresh(inRelease)
	m.wantHeld(packages, m.body(packages))
	if m.o.Count("/pool/one_0_amd64.deb", "") > 0 {
		t.Error("an older package was brought")
	}
}

// TestLateSignature: an upstream puts the signature of a new file beside it a moment
// later. Who mirrors in between has no pair that does not fit for long.
func TestLateSignature(t *testing.T) {
	signer := newSigner(t)
	for _, keyring := range []string{"", "keyring = \"" + signer.keyring() + "\"\n"} {
		m := newMirrored(t, false, keyring)
		m.sign(signer)
		oldSignature := m.body("dists/sid/Release.gpg")
		m.add("one", "2", "the second version of one")
		m.update()
		m.sign(signer)
		newSignature := m.body("dists/sid/Release.gpg")
		m.set("dists/sid/Release.gpg", oldSignature)
		if keyring == "" { // with one, Release itself is refused
			m.fetch("dists/sid/Release")
			if _, err := m.get(m.e, "m/dists/sid/Release.gpg"); !errors.Is(err, mirror.ErrHalfway) {
				t.Errorf("%v, want %v", err, mirror.ErrHalfway)
			}
			m.settle(m.e)
		}
		m.set("dists/sid/Release.gpg", newSignature)
		m.fetch("dists/sid/Release", "dists/sid/Release.gpg")
	}
}

// TestNewSignature: a file that was signed anew keeps its name and its content.
func TestNewSignature(t *testing.T) {
	signer := newSigner(t)
	m := newMirrored(t, false, "")
	m.sign(signer)
	m.fetch("dists/sid/Release", "dists/sid/Release.gpg")
	m.set("dists/sid/Release.gpg", signer.detached(m.body("dists/sid/Release"))+"\n")
	m.refresh("dists/sid/Release")
	m.wantHeld("dists/sid/Release.gpg", m.body("dists/sid/Release.gpg"))
	m.wantNoParts()
}

// TestExpired: an expired release is taken of the last upstream only.
func TestExpired(t *testing.T) {
	a, b := newArchive(t, false), newArchive(t, false)
	b.members = a.members
	s := newSite(t, "max_age = \"1m\"\n", a.o, b.o)
	m := &mirrored{a, s, s.engine()}
	release := func(a *archive, serial int, until time.Duration) {
		a.serial = serial
		a.set(inRelease, signedInline(fmt.Sprintf("Origin: test\nDate: %s\nValid-Until: %s\nSHA256:\n", a.at().Format(time.RFC1123),
			m.clock.now().Add(until).UTC().Format(time.RFC1123))))
	}
	release(a, 1, time.Hour)
	m.fetch(inRelease)
	release(a, 2, -time.Hour)
	release(b, 3, time.Hour)
	m.refresh(inRelease)
	m.wantHeld(inRelease, b.body(inRelease))
	release(a, 4, -time.Hour)
	release(b, 5, -time.Hour)
	m.refresh(inRelease)
	m.wantHeld(inRelease, b.body(inRelease))
}

// TestUpstreamBehind: one that has an older release is asked less and less often.
func TestUpstreamBehind(t *testing.T) {
	m := newMirrored(t, false, "")
	old := m.body(inRelease)
	m.add("one", "2", "the second version of one")
	m.update()
	m.fetch(inRelease)
	now := m.body(inRelease)
	m.set(inRelease, old)
	m.o.Forget()
	m.clock.advance(2 * time.Minute)
	for range 60 { // seconds
		m.clock.advance(time.Second)
		if _, err := m.get(m.e, "m/"+inRelease); err != nil {
			t.Fatal(err)
		}
		m.settle(m.e)
	}
	if n := m.o.Count("/"+inRelease, ""); n < 4 || n > 7 {
		t.Errorf("it was asked %d times in a minute", n)
	}
	m.wantHeld(inRelease, now)
}

// TestClock: a clock that was wrong by a year does no harm once it is right.
func TestClock(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, wrong := range []time.Duration{year, -year} {
		m := newMirrored(t, false, "")
		m.clock.advance(wrong)
		m.fetch(inRelease, packages)
		m.clock.advance(-wrong)
		m.add("one", "2", "the second version of one")
		m.update()
		m.refresh(inRelease)
		m.wantHeld(inRelease, m.body(inRelease))
		m.wantHeld(packages, m.body(packages))
	}
}
