package fetch

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// rot changes a byte of a published file, as a disk does: nothing tells but the byte.
func (m *mirrored) rot(name string) {
	m.site.t.Helper()
	path := filepath.Join(m.docroot, "m", name)
	fi, err := os.Stat(path)
	if err != nil {
		m.site.t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		m.site.t.Fatal(err)
	}
	b[len(b)/2] ^= 4
	if err := os.WriteFile(path, b, 0o644); err != nil {
		m.site.t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, fi.ModTime()); err != nil {
		m.site.t.Fatal(err)
	}
}

// TestRepair: what is damaged is brought anew, though the upstream has what the
// record says: an index, what it names, and a package.
func TestRepair(t *testing.T) {
	names := []string{inRelease, packages, "pool/one_1_amd64.deb"}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			m := newMirrored(t, false, "")
			m.fetch(names...)
			m.clock.advance(time.Second)
			m.rot(name)
			if _, err := m.e.Repair(m.ctx(), mirror.Name("m/"+name)); err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				m.wantHeld(name, m.body(name))
			}
			m.wantNoParts()
		})
	}
}

// TestRepairOfOldGeneration: where the upstream has moved on, a damaged file gives way
// to all of its next generation.
func TestRepairOfOldGeneration(t *testing.T) {
	for _, name := range []string{inRelease, packages} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			m := newMirrored(t, false, "")
			m.fetch(inRelease, packages)
			m.clock.advance(time.Second)
			m.add("one", "2", "the second version of one")
			m.update()
			m.rot(name)
			if _, err := m.e.Repair(m.ctx(), mirror.Name("m/"+name)); err != nil {
				t.Fatal(err)
			}
			m.wantHeld(inRelease, m.body(inRelease))
			m.wantHeld(packages, m.body(packages))
		})
	}
}

// TestRepairFails: what is here stays where the upstream has nothing better.
func TestRepairFails(t *testing.T) {
	const name = "pool/one_1_amd64.deb"
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages, name)
	right := m.body(name)
	m.o.Set("/"+name, origin.File{Body: []byte("The first version of one"), ModTime: m.at()})
	if _, err := m.e.Repair(m.ctx(), "m/"+name); err == nil {
		t.Error("bytes that no index knows were taken")
	}
	m.wantHeld(name, right)
	m.o.Remove("/" + name)
	if _, err := m.e.Repair(m.ctx(), "m/"+name); err == nil {
		t.Error("nothing was brought")
	}
	m.wantHeld(name, right)
}
