// Package crash kills what it can while a herd of clients is served, and then
// looks at every byte.
package crash

import (
	"flag"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"mirror/internal/origin"
)

var kills = flag.Int("kills", 300, "how many processes TestKill kills")

const clients = 12

// TestKill kills daemons, CGI processes and workers with SIGKILL at random
// moments, now and then all of them at once, while upstreams fail and files
// change. Whatever a client took for a whole answer, and whatever stands in the
// docroot, or is kept in the state directory, at any time, has to be a version that an upstream had.
func TestKill(t *testing.T) {
	r := newRig(t, t.TempDir())
	r.startDaemons()

	t.Cleanup(func() {
		if t.Failed() {
			r.tellLogs()
		}
	})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	r.herd(stop, &wg)
	killed := r.storm()
	close(stop)
	wg.Wait()
	if killed < *kills {
		t.Errorf("only %d processes were killed, want %d", killed, *kills)
	}
	r.count(killed)

	r.everything()
	for _, s := range r.suites {
		r.calm(s)
	}
	r.syncTree()
	if r.tree.synced < *kills/30 {
		t.Errorf("only %d of the syncs have ended: nothing was tested", r.tree.synced)
	}
	for _, d := range r.daemons {
		d.cmd.Process.Signal(syscall.SIGTERM)
		if err := <-d.done; err != nil {
			t.Errorf("a daemon at its end: %v", err)
		}
	}
	r.until("the workers have ended", func() bool { return len(r.processes()) == 0 })
	r.checkSynced()
	inDocroot, aside := r.checkTree(r.docroot()), r.checkTree(r.aside())
	for _, f := range r.files {
		if !inDocroot[f.path] && !aside[f.path] {
			t.Errorf("%s is not published", f.path)
		}
	}
	r.checkLeft()
}

// herd lets clients ask, files change and upstreams fail until stop is closed.
func (r *rig) herd(stop <-chan struct{}, wg *sync.WaitGroup) {
	for c := range clients {
		wg.Go(func() { r.client(c, stop) })
	}
	for _, trouble := range []func(<-chan struct{}){r.sweep, r.rebuild, r.fail, r.tree.run, r.syncing} {
		wg.Go(func() { trouble(stop) })
	}
	for _, s := range r.suites {
		wg.Go(func() { s.run(stop) })
		wg.Go(func() { r.watch(s, stop) })
	}
}

// everything checks that every file is to be had, from every door.
func (r *rig) everything() {
	for _, f := range r.files {
		for _, ask := range r.doors() {
			b, err := ask(f)
			if err != nil {
				r.t.Errorf("%s after the storm: %v", f.path, err)
			} else if _, ok := f.version(b); !ok {
				r.t.Errorf("%s after the storm: %d bytes that are not the file", f.path, len(b))
			}
		}
	}
}

// together is how many turns of the storm there are to one in which everything
// is killed at once.
const together = 12

// storm kills a random process again and again, or all of them; daemons come
// back.
func (r *rig) storm() (killed int) {
	rnd := rand.New(rand.NewPCG(3, uint64(time.Now().UnixNano())))
	deadline := time.Now().Add(3 * time.Minute)
	for turn := 1; killed < *kills && time.Now().Before(deadline); turn++ {
		// The moments are what is random here: nothing is waited for.
		time.Sleep(time.Duration(rnd.IntN(60)) * time.Millisecond)
		pids := r.processes()
		switch {
		case len(pids) == 0:
		case turn%together == 0:
			killed += r.kill(pids...)
			killed += r.kill(r.processes()...) // what the killed had just started
		default:
			killed += r.kill(pids[rnd.IntN(len(pids))])
		}
		r.startDaemons()
	}
	return killed
}

// count tells what the storm was like, and fails if something was not tested.
func (r *rig) count(killed int) {
	var whole [kinds]int64
	var all int64
	for _, f := range r.everyFile() {
		whole[f.kind] += f.whole.Load()
		all += f.whole.Load()
	}
	r.t.Logf("%d processes killed; %d whole answers, %d broken ones", killed, all, r.broken.Load())
	for k, n := range whole {
		r.t.Logf("%6d %s", n, kindNames[k])
		if n < int64(*kills)/30 {
			r.t.Errorf("only %d whole answers of files that are %s: nothing was tested", n, kindNames[k])
		}
	}
	for i, o := range r.up {
		if o.Count(origin.Everywhere, "GET") == 0 {
			r.t.Errorf("upstream %d was never asked", i)
		}
	}
}
