package store

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"mirror"
	"mirror/internal/durable"
)

// journalDir holds one file for each set of publications that is under way: what
// has to be published in order, whoever does it in the end.
const journalDir = "journal"

// WriteJournal puts a journal on disk, in place of the one that top had.
func (t *Tree) WriteJournal(top mirror.Name, text []byte) error {
	err := t.makeOwn(journalDir)
	if err == nil {
		err = t.writeJournal(partName(top), text)
	}
	if err != nil {
		return storeError(top, err)
	}
	return nil
}

func (t *Tree) writeJournal(file string, text []byte) error {
	dir, err := t.state.Open(journalDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	tmp := file + ".tmp"
	f, err := t.state.OpenFile(path.Join(journalDir, tmp), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, t.fileMode())
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = durable.Replace(durable.Place{Dir: dir, Name: tmp}, durable.Place{Dir: dir, Name: file})
	}
	if err == nil {
		err = durable.SyncDir(dir)
	}
	return err
}

// maxJournal bounds a journal's text, in bytes: a line of it has a few hundred.
const maxJournal = 64 << 20

// Journals lists the journals, by the names of their files.
func (t *Tree) Journals() ([]string, error) {
	list, err := fs.ReadDir(t.state.FS(), journalDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, storeError(journalDir, err)
	}
	var files []string
	for _, d := range list {
		if path.Ext(d.Name()) == "" { // else it is being written, never was to its end, or is none
			files = append(files, d.Name())
		}
	}
	return files, nil
}

// JournalOf is the name of top's journal's file.
func JournalOf(top mirror.Name) string { return partName(top) }

// ReadJournal returns the text of a journal, or fs.ErrNotExist: another process has
// come to its end.
func (t *Tree) ReadJournal(file string) ([]byte, error) {
	f, err := t.state.Open(path.Join(journalDir, file))
	if err != nil {
		return nil, storeError(journalDir, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxJournal))
	if err != nil {
		return nil, storeError(journalDir, err)
	}
	return text, nil
}

// RejectJournal puts what is no journal out of the way, and returns where it is
// below the state directory.
func (t *Tree) RejectJournal(file string) (string, error) {
	from := path.Join(journalDir, file)
	to := from + ".bad"
	if err := t.state.Rename(from, to); err != nil {
		return "", storeError(journalDir, err)
	}
	return to, nil
}

// RemoveJournal removes top's journal: all that it says has been done.
func (t *Tree) RemoveJournal(top mirror.Name) error {
	err := t.state.Remove(path.Join(journalDir, partName(top)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return storeError(top, err)
	}
	return nil
}
