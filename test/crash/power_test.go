//go:build power

package crash

import (
	"crypto/rand"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	cuts  = flag.Int("cuts", 20, "how often TestPowerCut cuts the power of each file system")
	storm = flag.Duration("storm", 10*time.Second, "how long the archives change before")
)

// TestPowerCut takes down what the storm of TestKill writes to a disk, and looks at
// what there may be of it after the power was cut at random moments. A cut may cost a
// fetch. But each name that is there is a whole file of one version, before any of our
// programs runs again, and those then know it as theirs, and bring everything.
func TestPowerCut(t *testing.T) {
	for _, mkfs := range []string{"mkfs.ext4 -q -F", "mkfs.xfs -q -f", "mkfs.btrfs -q -f"} {
		t.Run(strings.Fields(mkfs)[0], func(t *testing.T) {
			dir := t.TempDir()
			d := newDisk(t, mkfs)
			var r *rig
			d.mounted(d.device, dir, func() {
				r = newRig(t, dir)
				r.warm()
				d.run("sync", "--file-system", dir)
				d.begin()
				r.blow(*storm)
			})
			t.Logf("%d writes and flushes, %d MiB", len(d.writes), d.end>>20)

			d.cut(*cuts, func(image string) {
				r.reboot()
				d.mounted(image, dir, r.afterCut)
			})
		})
	}
}

// warm brings all suites, so that nothing of them arrives for the first time: files that
// do may be of another generation for a moment.
func (r *rig) warm() {
	defer r.killAll()
	r.startDaemons()
	for _, s := range r.suites {
		r.settle(s)
	}
}

// blow is the storm of TestKill, of a given length, but nothing is killed before its end.
func (r *rig) blow(d time.Duration) {
	defer r.killAll()
	r.startDaemons()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	r.herd(stop, &wg)
	time.Sleep(d) // how long it blows: no event is waited for
	close(stop)
	wg.Wait()
}

// reboot has the kernel's name of this boot be another one for the programs that begin
// from now on.
func (r *rig) reboot() {
	r.boot = filepath.Join(r.t.TempDir(), "boot_id")
	if err := os.WriteFile(r.boot, []byte(rand.Text()+"\n"), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// afterCut looks at what a cut has left, and lets the mirror begin again on it.
func (r *rig) afterCut() {
	// A web server may be there before us.
	here := len(r.checkTree(r.docroot())) + len(r.checkTree(r.aside())) + r.checkSynced()
	if len(r.journals()) == 0 {
		for _, s := range r.suites {
			if serials := r.held(s); mixed(serials) {
				r.t.Errorf("%s is of several generations, and no journal is there: %v", s.prefix, serials)
			}
		}
	}
	if found, _ := r.verify(); found.Right < here || found.Right+found.Missing != found.Files {
		r.t.Errorf("%d files are here, and of %d on record %d are right: %+v", here, found.Files, found.Right, found)
	}
	defer r.killAll()
	r.startDaemons()
	r.everything()
	for _, s := range r.suites {
		r.settle(s)
	}
	r.syncTree()
}

// killAll kills all that runs, as a power cut does.
func (r *rig) killAll() {
	r.until("nothing runs", func() bool {
		r.kill(r.processes()...)
		return len(r.processes()) == 0
	})
}
