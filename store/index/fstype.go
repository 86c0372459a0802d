package index

import (
	"fmt"
	"syscall"
)

// The journal modes that the index uses.
const (
	// modeWAL is quick and lets readers and one writer work side by side. Its
	// processes share memory through index.db-shm, so they must run on one host.
	modeWAL = "wal"

	// modeDelete is SQLite's classic rollback journal. It needs nothing but
	// file locks that work, and so is the safe mode on network file systems.
	modeDelete = "delete"
)

// Magic numbers of statfs(2), from linux/magic.h and the file systems' sources.
const (
	fsNFS    = 0x6969
	fsSMB    = 0x517B
	fsCIFS   = 0xFF534D42
	fsSMB2   = 0xFE534D42
	fs9P     = 0x01021997
	fsFUSE   = 0x65735546
	fsCeph   = 0x00C36400
	fsAFS    = 0x5346414F
	fsKAFS   = 0x6B414653
	fsCoda   = 0x73757245
	fsLustre = 0x0BD00BD0
	fsGFS2   = 0x01161970
	fsOCFS2  = 0x7461636F
	fsVBox   = 0x786F4256
)

// journalMode says which journal suits a file system, by its statfs type.
// FUSE is among the network ones since sshfs, glusterfs and s3fs all look alike
// from here; a local one is merely slower.
func journalMode(fsType uint32) string {
	switch fsType {
	case fsNFS, fsSMB, fsCIFS, fsSMB2, fs9P, fsFUSE, fsCeph, fsAFS, fsKAFS,
		fsCoda, fsLustre, fsGFS2, fsOCFS2, fsVBox:
		return modeDelete
	}
	return modeWAL
}

// modeFor returns the journal mode for a directory.
func modeFor(dir string) (string, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return "", fmt.Errorf("the state directory %s cannot be looked at: %w", dir, err)
	}
	// The type's width and sign differ between architectures; the magic
	// numbers all fit in 32 bits.
	return journalMode(uint32(fs.Type)), nil
}
