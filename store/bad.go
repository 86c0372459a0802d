package store

import (
	"path"
	"time"

	"mirror"
	"mirror/internal/durable"
)

const (
	// badDir holds damaged files that nobody is to be served.
	badDir = "bad"
	// keepBad is how long they stay: somebody may want to look at one, but a disk
	// that rots must not be filled by them.
	keepBad = 30 * 24 * time.Hour
	// badBase is how many bytes of the name that it had are in the one that it
	// gets, behind a hash of all of it: together they are less than 255.
	badBase = 200
)

// Quarantine moves a published file to where nobody is served it, in the state
// directory, and returns where it is there. One of the same name that was there
// goes. Only the holder of name's lock may call it.
//
//	mkdirat(state, "bad")            once
//	renameat2(dir, name, bad, hash)  the name is gone from the docroot
//	fsync(dir)                       also after a power cut
func (t *Tree) Quarantine(name mirror.Name) (string, error) {
	if err := t.makeOwn(badDir); err != nil {
		return "", storeError(name, err)
	}
	bad, err := t.state.Open(badDir)
	if err != nil {
		return "", storeError(name, err)
	}
	defer bad.Close()
	dir, err := t.openStanding(name)
	if err != nil {
		return "", lookError(name, err)
	}
	defer dir.Close()
	base := name.Base()
	to := durable.Place{Dir: bad, Name: partName(name) + "-" + base[:min(len(base), badBase)]}
	if err := durable.Replace(durable.Place{Dir: dir, Name: base}, to); err != nil {
		return "", storeError(name, err)
	}
	if err := durable.SyncDir(dir); err != nil {
		return "", storeError(name, err)
	}
	return path.Join(t.state.Name(), badDir, to.Name), nil
}
