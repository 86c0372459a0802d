package fetch

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirror"
)

// cutOff is an archive whose next version was cut off after so many steps, and its
// mirror.
func cutOff(t *testing.T, done int) (m *mirrored, old map[string]string) {
	m = newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	old = map[string]string{inRelease: m.body(inRelease), packages: m.body(packages)}
	m.add("one", "2", "the second version of one")
	m.update()
	m.interrupted(done, packages, inRelease)
	return m, old
}

func (m *mirrored) partPath(name string) string {
	m.site.t.Helper()
	part, err := m.e.tree.FollowPart(mirror.Name("m/" + name))
	if err != nil {
		m.site.t.Fatal(err)
	}
	defer part.Close()
	return filepath.Join(m.conf.State, "part", filepath.Base(part.File().Name()))
}

// TestJournalOfLostParts: what cannot be completed is not completed in part.
func TestJournalOfLostParts(t *testing.T) {
	lose := map[string]func(*testing.T, string){
		"gone": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"another inode": func(t *testing.T, path string) {
			b, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path+".new", b, 0o644)
			}
			if err == nil {
				err = os.Rename(path+".new", path)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	}
	for what, lose := range lose {
		for done, lost := range []string{packages, inRelease} {
			t.Run(what+" "+filepath.Base(lost), func(t *testing.T) {
				m, old := cutOff(t, done)
				lose(t, m.partPath(lost))
				m.e = m.engine()
				if err := m.e.Recover(m.ctx()); err != nil {
					t.Fatal(err)
				}
				m.wantHeld(inRelease, old[inRelease])
				m.wantNoJournals()
				if _, err := m.get(m.e, "m/"+inRelease); err != nil { // due at once
					t.Fatal(err)
				}
				m.settle(m.e)
				m.wantHeld(inRelease, m.body(inRelease))
				m.wantHeld(packages, m.body(packages))
			})
		}
	}
}

// TestJournalIsGarbage: it stops nobody, and is told of once.
func TestJournalIsGarbage(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	dir := filepath.Join(m.conf.State, "journal")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"0123": "\x00\xff no JSON", "4567": "{}", "89ab": `{"top": "/m/` + inRelease + `"}`, "cdef": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m.add("one", "2", "the second version of one")
	m.update()
	for range 3 {
		m.refresh(inRelease)
	}
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, m.body(packages))
	m.wantNoJournals()
	if n := strings.Count(m.log.String(), "put out of the way"); n != 4 {
		t.Errorf("told of %d times, want once for each of 4", n)
	}
}

// TestJournalWithoutRecord: the record may be lost between journal and completion,
// and what is published is ours all the same.
func TestJournalWithoutRecord(t *testing.T) {
	for done := range 3 {
		m, _ := cutOff(t, done)
		m.loseRecord()
		m.e = m.engine()
		if err := m.e.Recover(m.ctx()); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{inRelease, packages} {
			m.wantHeld(name, m.body(name))
			rec, ok, err := m.e.index.File(m.ctx(), "m/"+name)
			if err != nil || !ok || !rec.Ours || string(rec.Digest) != string(digestText(m.body(name))) {
				t.Errorf("%d steps done: the record of %s is %+v, %v, %v", done, name, rec, ok, err)
			}
		}
		m.wantNoJournals()
		m.wantNoParts()
	}
}

// loseRecord deletes the SQLite database.
func (s *site) loseRecord() {
	s.t.Helper()
	list, err := filepath.Glob(filepath.Join(s.conf.State, "index.db*"))
	if err != nil || len(list) == 0 {
		s.t.Fatalf("no record is there: %v", err)
	}
	for _, path := range list {
		if err := os.Remove(path); err != nil {
			s.t.Fatal(err)
		}
	}
}

// TestJournalBeforeFetch: a file that a journal tells of is not fetched anew by who
// does not look at the journals first, such as a sync.
func TestJournalBeforeFetch(t *testing.T) {
	for done := range 2 {
		for _, name := range []string{packages, inRelease} {
			m, _ := cutOff(t, done)
			e := m.engine()
			m.o.Remove("/" + packages) // what was fetched already is all that there is
			err := e.FetchMany(m.ctx(), &m.conf.Mirrors[0], []Wanted{{Name: mirror.Name("m/" + name)}}, Many{
				Done: func(Wanted, Brought, int64, error) {},
			})
			if err != nil {
				t.Fatal(err)
			}
			m.settle(e)
			m.wantHeld(inRelease, m.body(inRelease))
			if b, err := os.ReadFile(m.path("m/" + packages)); err != nil || string(b) != m.members[packages] {
				t.Errorf("%d steps done, %s asked for: %q, %v", done, name, b, err)
			}
			m.wantNoJournals()
		}
	}
}

// TestJournalIsDone: what a process has read of a journal may have been done meanwhile
// by another, and what has the inode of that time is something else.
func TestJournalIsDone(t *testing.T) {
	m, _ := cutOff(t, 1)
	files, err := m.e.tree.Journals()
	if err != nil || len(files) != 1 {
		t.Fatalf("journals: %q, %v", files, err)
	}
	text, err := m.e.tree.ReadJournal(files[0])
	if err != nil {
		t.Fatal(err)
	}
	m.e.resumeGenerations(m.ctx())
	m.wantHeld(inRelease, m.body(inRelease))
	m.add("one", "3", "the third version of one")
	m.update()
	m.refresh(inRelease)
	// It comes back, as after a power cut that took its removal.
	if err := m.e.tree.WriteJournal("m/"+inRelease, text); err != nil {
		t.Fatal(err)
	}
	m.e.resumeGenerations(m.ctx())
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, m.body(packages))
	m.wantNoJournals()
}

// TestJournalName: names are bytes.
func TestJournalName(t *testing.T) {
	j := journal{Top: "m/\xff %41/\u00e9", Steps: [][]entry{{{Name: "m/a\xfe b"}}}}
	m := newMirrored(t, false, "")
	if err := m.e.writeJournal(j); err != nil {
		t.Fatal(err)
	}
	files, err := m.e.tree.Journals()
	if err != nil || len(files) != 1 {
		t.Fatalf("journals: %q, %v", files, err)
	}
	got, err := m.e.readJournal(files[0])
	if err != nil || got.Top != j.Top || got.Steps[0][0].Name != "m/a\xfe b" || got.Steps[0][0].Row.Name != "m/a\xfe b" {
		t.Errorf("read %+v, %v", got, err)
	}
}

// TestPublicationFails: if something cannot get its name, what vouches for it does
// not get its own, and it is gone on with when that has been mended.
func TestPublicationFails(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	old := m.body(inRelease)
	m.add("one", "2", "the second version of one")
	m.update()
	dir := m.path("m/dists/sid/main") // no rename leads into another mount
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		t.Fatalf("mounting: %v: this test runs as root, see `make test`", err)
	}
	unmount := func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
	t.Cleanup(func() { unmount() })
	m.refresh(inRelease)
	m.wantHeld(inRelease, old)
	for range 3 { // who asks meanwhile gets what is here
		if got, err := m.get(m.e, "m/"+inRelease); err != nil || string(got) != old {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if err := unmount(); err != nil {
		t.Fatal(err)
	}
	n := m.o.Count("/"+packages, "")
	if _, err := m.get(m.e, "m/"+inRelease); err != nil {
		t.Fatal(err)
	}
	m.wantHeld(inRelease, m.body(inRelease))
	m.wantHeld(packages, m.body(packages))
	m.wantNoJournals()
	m.wantNoParts()
	if m.o.Count("/"+packages, "") != n {
		t.Error("it was fetched once more")
	}
}

// TestTwinOfARecord: the next version may have the size and the time of the last one.
func TestTwinOfARecord(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch("pool/one_1_amd64.deb")
	const next = "the first Version of one"
	m.set("pool/one_1_amd64.deb", next)
	part, err := m.e.tree.NewPart("m/pool/one_1_amd64.deb")
	if err != nil {
		t.Fatal(err)
	}
	part.Close()
	if len(next) != len(m.pool["pool/one_1_amd64.deb"]) {
		t.Fatal("it is not a twin")
	}
	m.clock.advance(time.Hour)
	m.interrupted(1, "pool/one_1_amd64.deb")
	m.e.resumeGenerations(context.Background())
	rec, ok, err := m.e.index.File(m.ctx(), "m/pool/one_1_amd64.deb")
	if err != nil || !ok || string(rec.Digest) != string(digestText(next)) {
		t.Errorf("the record is %+v, %v, %v", rec, ok, err)
	}
}

func digestText(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

// wantNoJournals checks that nothing is left to be gone on with.
func (m *mirrored) wantNoJournals() {
	m.site.t.Helper()
	if list, err := m.e.tree.Journals(); err != nil || len(list) > 0 {
		m.site.t.Errorf("journals left: %q, %v", list, err)
	}
}

// TestHashNamedFirst: what is called by its digest has its name before anything that
// speaks of it has.
func TestHashNamedFirst(t *testing.T) {
	m := newMirrored(t, true, "")
	m.fetch(inRelease, packages, hashed+sum(m.body(packages)))
	oldTop, oldMember := m.body(inRelease), m.body(packages)
	m.add("one", "2", "the second version of one")
	m.update()
	dir := m.path(mirror.Name("m/" + strings.TrimSuffix(hashed, "/"))) // no rename leads into another mount
	if err := syscall.Mount(dir, dir, "", syscall.MS_BIND, ""); err != nil {
		t.Fatalf("mounting: %v: this test runs as root, see `make test`", err)
	}
	unmount := func() error { return syscall.Unmount(dir, syscall.MNT_DETACH) }
	t.Cleanup(func() { unmount() })
	m.refresh(inRelease)
	m.wantHeld(inRelease, oldTop)
	m.wantHeld(packages, oldMember)
	if err := unmount(); err != nil {
		t.Fatal(err)
	}
	m.refresh(inRelease)
	for _, name := range []string{inRelease, packages, hashed + sum(m.body(packages))} {
		m.wantHeld(name, m.body(name))
	}
}
