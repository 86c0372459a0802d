package fetch

import (
	"testing"
	"time"
)

// TestInReleaseGivenUp: an upstream that has no InRelease any more goes on with
// Release.
func TestInReleaseGivenUp(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, "dists/sid/Release", "dists/sid/Release.gpg", packages)
	m.add("one", "2", "the second version of one")
	m.update()
	m.o.Remove("/" + inRelease)
	for range 20 {
		m.refresh("dists/sid/Release")
		m.clock.advance(time.Hour)
	}
	m.wantHeld("dists/sid/Release", m.body("dists/sid/Release"))
	m.wantHeld(packages, m.body(packages))
}

// TestSumsGivenUp: a list that upstream has no more says nothing of the files that it
// named.
func TestSumsGivenUp(t *testing.T) {
	for _, mutable := range []string{`"*.iso", "SHA256SUMS"`, `"*.iso"`} {
		m := newMirrored(t, false, "mutable = ["+mutable+"]\n")
		m.set("a.iso", "first")
		m.set("SHA256SUMS", sum("first")+"  a.iso\n")
		m.fetch("SHA256SUMS", "a.iso")
		m.o.Remove("/SHA256SUMS")
		m.serial++
		m.set("a.iso", "second")
		for range 4 {
			m.refresh("a.iso")
			m.clock.advance(time.Hour)
		}
		m.wantHeld("a.iso", "second")
	}
}

// TestMemberWrongForGood: one file that never fits keeps a suite back for a day, and
// goes then.
func TestMemberWrongForGood(t *testing.T) {
	m := newMirrored(t, false, "")
	const tr = "dists/sid/main/i18n/Translation-en"
	m.members[tr] = "words"
	m.set(tr, "words")
	m.release()
	m.fetch(inRelease, packages, tr)
	m.add("one", "2", "the second version of one")
	m.members[tr] = "other words"
	m.update()
	m.set(tr, "words that fit to nothing")
	for range 60 {
		m.refresh(inRelease)
		m.clock.advance(time.Hour)
	}
	m.wantHeld(inRelease, m.body(inRelease))
}
