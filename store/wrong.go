package store

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"time"

	"mirror"
)

// wrongDir holds files that were not what they had to be, for whoever wants to know
// what an upstream sent. Nothing reads them.
const wrongDir = "wrong"

// The bounds of what is kept there.
const (
	mostWrong      = 20
	mostWrongBytes = 1 << 30
)

// SetAside moves a part with wrong bytes to where nobody reads it, and returns its
// path below the state directory. The oldest of those that are there make room.
// Readers keep what they have open. Only the holder of name's lock may call it.
func (p *Part) SetAside() (string, error) {
	t, file := p.t, partName(p.Name)
	to := path.Join(wrongDir, file)
	err := t.makeOwn(wrongDir)
	if err == nil {
		err = t.state.Rename(path.Join(partDir, file), to)
	}
	if err != nil {
		return "", storeError(p.Name, err)
	}
	t.boundWrong(file)
	return to, nil
}

// Wrong is a file with wrong bytes that is kept.
type Wrong struct {
	Path string // below the state directory
	Size int64
	At   time.Time // when its last byte came
}

// Wrong returns what is kept of name; nil: nothing.
func (t *Tree) Wrong(name mirror.Name) (*Wrong, error) {
	to := path.Join(wrongDir, partName(name))
	fi, err := t.state.Lstat(to)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, storeError(name, err)
	}
	return &Wrong{to, fi.Size(), fi.ModTime()}, nil
}

// boundWrong removes what is too much or too old, but for the newest.
func (t *Tree) boundWrong(newest string) {
	list, err := fs.ReadDir(t.state.FS(), wrongDir)
	if err != nil {
		return
	}
	var files []fs.FileInfo
	for _, d := range list {
		if fi, err := d.Info(); err == nil && d.Name() != newest {
			files = append(files, fi)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return changed(b).Compare(changed(a)) })
	n, bytes := 1, int64(0)
	for _, fi := range files {
		n, bytes = n+1, bytes+fi.Size()
		if n > mostWrong || bytes > mostWrongBytes || time.Since(changed(fi)) > abandoned {
			t.state.Remove(path.Join(wrongDir, fi.Name()))
		}
	}
}
