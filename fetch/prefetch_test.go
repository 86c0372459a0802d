package fetch

import (
	"fmt"
	"os"
	"testing"

	"mirror"
	"mirror/internal/origin"
	"mirror/store/index"
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

// TestPrefetchesTakeTurns: however many indexes change together, few packages are fetched
// at a time.
func TestPrefetchesTakeTurns(t *testing.T) {
	o := origin.New(t)
	s := newSite(t, "prefetch = true\n", o)
	e := s.engine()
	release := o.Hold(origin.Everywhere) // else the first may be done before the next begins
	defer release()
	var names []string
	for i := range 4 {
		var claims []index.Claim
		for j := range 4 {
			name := fmt.Sprintf("p/%d_%d.deb", i, j)
			o.Set("/"+name, origin.File{Size: 100})
			claims = append(claims, index.Claim{Name: "m/" + name, Size: 100})
			names = append(names, name)
		}
		e.prefetch(&s.conf.Mirrors[0], claims)
	}
	o.Await(origin.Everywhere, prefetchJobs)
	release()
	for _, name := range names {
		s.until(name+" is here", func() bool {
			_, err := os.Stat(s.path(mirror.Name("m/" + name)))
			return err == nil
		})
	}
	if n := o.Peak(); n > prefetchJobs {
		t.Errorf("%d packages at a time, want %d", n, prefetchJobs)
	}
}
