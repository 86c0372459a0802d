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
	shares   bool         // syncfs does all that fsync does, and tells of failed writes
	notUntil atomic.Int64 // when to share again, in ns since 1970
}

// sharing are the file systems on which syncfs(2) is known to put on disk what
// fsync(2) does. On others it may mean less: FUSE, for one, does not pass it on.
var sharing = map[int64]bool{
	unix.EXT4_SUPER_MAGIC: true, unix.XFS_SUPER_MAGIC: true, unix.BTRFS_SUPER_MAGIC: true,
	unix.F2FS_SUPER_MAGIC: true, unix.TMPFS_MAGIC: true,
}

// newSyncer is for the file system that has dir.
func newSyncer(dir string) *syncer {
	var u unix.Utsname
	var st unix.Statfs_t
	var major, minor int
	if unix.Uname(&u) != nil || unix.Statfs(dir, &st) != nil {
		return &syncer{}
	}
	fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	reports := major > 5 || major == 5 && minor >= 8 // since Linux 5.8
	return &syncer{shares: reports && sharing[int64(st.Type)]}
}

// sync puts on disk what n files have that lie on the file system of dir. one
// syncs a single one of them, and is called for each unless one sync was good
// for all.
func (s *syncer) sync(dir *os.File, n int, one func(i int)) {
	if n >= shareFrom && s.shares && time.Now().UnixNano() >= s.notUntil.Load() {
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
