package fetch

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"mirror"
	"mirror/store"
	"mirror/store/index"
)

// journal is what a generation publishes, in its order. It is all that whoever goes
// on with it needs to know: the record may be lost by then.
//
//	{"top": "/debian/dists/sid/InRelease",
//	 "steps": [[{"name": "/debian/dists/sid/main/binary-amd64/Packages",
//	             "row":  {...},                        the part, and what it will be on record
//	             "over": {"inode": 7, ...}}], ...]}    what of ours it replaces
type journal struct {
	Top   escaped   `json:"top"` // whose lock is held while it is being done
	Steps [][]entry `json:"steps"`
}

type entry struct {
	Name escaped       `json:"name"`
	Row  index.Partial `json:"row"`
	Over *incarnation  `json:"over,omitempty"`
}

// incarnation is what tells a file from others that had its name.
type incarnation struct {
	Inode   uint64    `json:"inode"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"mtime"`
}

func incarnationOf(fi fs.FileInfo) incarnation {
	return incarnation{store.Inode(fi), fi.Size(), fi.ModTime()}
}

func (v incarnation) equal(w incarnation) bool {
	return v.Inode == w.Inode && v.Size == w.Size && v.ModTime.Equal(w.ModTime)
}

// becomes is the file that an entry makes.
func (it *entry) becomes() incarnation {
	return incarnation{it.Row.Inode, it.Row.Total, it.Row.ModTime}
}

// escaped is a name as a journal has it: JSON takes no bytes that are not UTF-8.
type escaped mirror.Name

func (n escaped) MarshalText() ([]byte, error) { return []byte("/" + mirror.Name(n).Escape()), nil }

func (n *escaped) UnmarshalText(text []byte) error {
	name, err := url.PathUnescape(strings.TrimPrefix(string(text), "/"))
	*n = escaped(name)
	return err
}

func (e *Engine) writeJournal(j journal) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return e.tree.WriteJournal(mirror.Name(j.Top), text)
}

// readJournal returns the journal in a file: fs.ErrNotExist says that it has been
// done, or was none, and nobody has to look at it again.
func (e *Engine) readJournal(file string) (j journal, err error) {
	text, err := e.tree.ReadJournal(file)
	if err != nil {
		return j, err
	}
	if err = json.Unmarshal(text, &j); err == nil && store.JournalOf(mirror.Name(j.Top)) != file {
		err = fmt.Errorf("it is that of /%s", mirror.Name(j.Top))
	}
	if err == nil {
		for _, step := range j.Steps {
			for i := range step {
				step[i].Row.Name = string(step[i].Name)
			}
		}
		return j, nil
	}
	to, err2 := e.tree.RejectJournal(file)
	e.log.Warn("a journal cannot be understood, and is put out of the way", "to", to, "err", err, "moving", err2)
	return j, fs.ErrNotExist
}
