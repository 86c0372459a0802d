package fetch

import (
	"os"
	"testing"

	"mirror"
)

// TestPrefetchOfWorker: a worker process ends when the newer packages are here, too.
func TestPrefetchOfWorker(t *testing.T) {
	m := newMirrored(t, false, "prefetch = true\n")
	m.fetch(inRelease, packages, "pool/one_1_amd64.deb")
	m.add("one", "2", "the second version of one")
	m.update()
	m.clock.advance(2 * m.conf.Mirrors[0].MaxAge)
	worker := m.engine()
	lock, err := worker.tree.Locks.TryLock("m/" + inRelease)
	if err != nil {
		t.Fatal(err)
	}
	if err := worker.Work(mirror.Name("m/"+inRelease), []*os.File{lock.File()}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(m.path("m/pool/one_2_amd64.deb")); err != nil {
		t.Error(err)
	}
}
