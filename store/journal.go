package store

import (
	"errors"
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

// Journals returns the texts of all journals.
func (t *Tree) Journals() ([][]byte, error) {
	list, err := fs.ReadDir(t.state.FS(), journalDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, storeError(journalDir, err)
	}
	var texts [][]byte
	for _, d := range list {
		if path.Ext(d.Name()) != "" {
			continue // being written, or it never was to its end
		}
		text, err := t.state.ReadFile(path.Join(journalDir, d.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // another process has come to its end
		}
		if err != nil {
			return nil, storeError(journalDir, err)
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// RemoveJournal removes top's journal: all that it says has been done.
func (t *Tree) RemoveJournal(top mirror.Name) error {
	err := t.state.Remove(path.Join(journalDir, partName(top)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return storeError(top, err)
	}
	return nil
}
