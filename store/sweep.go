package store

import (
	"errors"
	"io/fs"
	"path"
	"time"

	"mirror"
)

const (
	// sweepEvery is the pause between two sweeps of a state directory.
	sweepEvery = 24 * time.Hour
	// abandoned is the age at which a part that nobody resumed is removed.
	abandoned = 7 * 24 * time.Hour
)

// Sweep removes parts that nobody has touched for a week, at most once a day:
// whoever passes does it. It takes no lock: a fetch that runs touches its part
// all the time, and one that resumes such a part at this very moment merely
// fails to publish it.
func (t *Tree) Sweep(now time.Time) error {
	const stamp = "swept"
	if fi, err := t.state.Stat(stamp); err == nil && now.Sub(fi.ModTime()) < sweepEvery {
		return nil
	}
	if err := t.state.WriteFile(stamp, nil, t.fileMode()); err != nil {
		return storeError(stamp, err)
	}
	if err := t.sweep(partDir, now, abandoned, anyFile); err != nil {
		return err
	}
	// Journals that were not written to their end, or made no sense.
	return t.sweep(journalDir, now, abandoned, func(file string) bool { return path.Ext(file) != "" })
}

// SweepBad removes what was quarantined more than a month ago.
func (t *Tree) SweepBad(now time.Time) error { return t.sweep(badDir, now, keepBad, anyFile) }

func anyFile(string) bool { return true }

// sweep removes from a directory of the state directory what has not changed for so
// long. The change may be of any kind: a checked part, and a file that was moved, have
// the upstream's mtime.
func (t *Tree) sweep(dir string, now time.Time, age time.Duration, which func(file string) bool) error {
	list, err := fs.ReadDir(t.state.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return storeError(mirror.Name(dir), err)
	}
	for _, d := range list {
		fi, err := d.Info()
		if err != nil || !which(d.Name()) || now.Sub(changed(fi)) < age {
			continue // gone meanwhile, or of use
		}
		if err := t.state.Remove(path.Join(dir, d.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return storeError(mirror.Name(d.Name()), err)
		}
	}
	return nil
}
