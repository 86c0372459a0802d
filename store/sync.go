package store

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// shareFrom is from how many files, or directories, on one syncfs(2) is
	// cheaper than an fsync(2) for each: on ext4, by measurement, from about
	// four on. It writes what others have dirtied on the file system, too.
	shareFrom = 8

	// dear is when a shared sync was so slow, since others are writing much,
	// that for the time of pause each file is synced for itself.
	dear  = time.Second
	pause = time.Minute

	// syncers run at a time. The journal commits of parallel syncs are shared
	// by the file system; more than this gained nothing on ext4.
	syncers = 16
)

// syncer puts files of one file system on disk, many of them at once.
type syncer struct {
	reports  bool         // syncfs tells of failed writes: since Linux 5.8
	notUntil atomic.Int64 // when to share again, in ns since 1970
}

func newSyncer() *syncer {
	var u unix.Utsname
	var major, minor int
	if unix.Uname(&u) == nil {
		fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	}
	return &syncer{reports: major > 5 || major == 5 && minor >= 8}
}

// sync puts on disk what n files have that lie on the file system of dir. one
// syncs a single one of them, and is called for each unless one sync was good
// for all.
func (s *syncer) sync(dir *os.File, n int, one func(i int)) {
	if n >= shareFrom && s.reports && time.Now().UnixNano() >= s.notUntil.Load() {
		begun := time.Now()
		err := unix.Syncfs(int(dir.Fd()))
		if took := time.Since(begun); took > dear {
			s.notUntil.Store(begun.Add(took + pause).UnixNano())
		}
		if err == nil {
			return
		}
		// Somebody's bytes could not be written. Whose, each file's own says.
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(syncers, n) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				one(int(i))
			}
		})
	}
	wg.Wait()
}

// Sync puts the bytes of parts on disk: first of all that Publish needs.
func (t *Tree) Sync(items []*Publication) {
	t.syncer.sync(t.parts, len(items), func(i int) {
		if items[i].Err == nil {
			items[i].Err = items[i].Part.Sync()
		}
	})
}
