package fetch

import (
	"io/fs"
	"sync"
	"syscall"

	"mirror"
)

// digestCache remembers what the record says of files that are there, so that a hit does
// not ask it: that costs more than opening and reading a short file.
//
// An entry is of one inode, whose content, name and mode nobody has changed since: each
// changes its ctime. And it is of a record that names this inode: after a rename the
// record is of the version before for a moment, which may have had the same size and
// time.
type digestCache struct {
	mu sync.Mutex
	of map[mirror.Name]digest // guarded by mu
}

type digest struct {
	file   identity
	sha256 []byte
}

// identity tells a file from any other, and from itself after a change.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
}

// mostDigests bounds the memory to about a megabyte.
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
		d.of = make(map[mirror.Name]digest)
	}
	d.of[name] = digest{file, sha256}
}
