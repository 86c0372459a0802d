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
	if err := t.makeOwn(logDir); err != nil {
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
