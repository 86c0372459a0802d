package store

import (
	"errors"
	"io/fs"
	"os"
)

const (
	logDir = "log"
	// maxLog is where the workers' log is put aside, in bytes; one older one
	// is kept.
	maxLog = 1 << 20
)

// OpenWorkerLog opens the log of detached workers, which have no other place
// to write to, for appending. Several processes write whole lines to it.
func (t *Tree) OpenWorkerLog() (*os.File, error) {
	if err := t.state.Mkdir(logDir, 0o700); err == nil {
		if err := t.share(logDir, fs.ModeSetgid|0o770); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	const name = logDir + "/worker.log"
	if fi, err := t.state.Stat(name); err == nil && fi.Size() > maxLog {
		// Two workers may do this at once; then the second moves a log that
		// is nearly empty, and some old lines are lost.
		if err := t.state.Rename(name, name+".1"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	f, err := t.state.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, t.fileMode())
	if err != nil {
		return nil, err
	}
	if fi, err := f.Stat(); err == nil && fi.Size() == 0 {
		t.share(name, t.fileMode())
	}
	return f, nil
}

// Probe renames a file from the state directory into the docroot and removes
// it: what every publication will do. Comparing device numbers, as Open does,
// is quick but not enough: two bind mounts of one file system have the same,
// and no rename crosses them. For the start of a daemon and for check-config.
func (t *Tree) Probe() error {
	p, err := t.NewPart(probeName)
	if err != nil {
		return err
	}
	defer p.Close()
	pub := &Publication{Part: p, Replace: true}
	t.Publish([]*Publication{pub})
	if pub.Err != nil {
		p.Remove()
		return pub.Err
	}
	return t.doc.Remove(string(probeName))
}

// probeName is hidden, so that no request can ask for it.
const probeName = ".mirror-probe"
