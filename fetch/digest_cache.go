package fetch

import (
	"io/fs"
	"sync"
	"syscall"

	"mirror"
)

// digestCache remembers the digests that the record has of published files, so that a
// hit does not ask the record: that costs more than opening and reading a short file.
// (Digests of files that arrive are computed in digest.go.)
//
// An entry holds for one inode whose content, name and mode nobody has changed since:
// each of these changes its ctime. And it comes from a record that names this inode:
// right after a rename the record is still that of the version before, which may have
// had the same size and time.
type digestCache struct {
	mu sync.Mutex
	of map[mirror.Name]knownDigest // guarded by mu
}

type knownDigest struct {
	file   identity
	sha256 []byte
}

// identity tells a file from any other, and from itself after a change.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
}

// mostDigests bounds the entries; they take about a megabyte. A full cache is emptied.
const mostDigests = 4096

func identityOf(fi fs.FileInfo) identity {
	st := fi.Sys().(*syscall.Stat_t)
	return identity{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}
}

// get returns nil for a file of which nothing is remembered.
func (d *digestCache) get(name mirror.Name, file identity) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.of[name]; ok && known.file == file {
		return known.sha256
	}
	return nil
}

func (d *digestCache) put(name mirror.Name, file identity, sha256 []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of == nil || len(d.of) >= mostDigests {
		d.of = make(map[mirror.Name]knownDigest)
	}
	d.of[name] = knownDigest{file, sha256}
}
