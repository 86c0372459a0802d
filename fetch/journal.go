package fetch

import (
	"context"
	"encoding/json"
	"errors"

	"mirror"
	"mirror/internal/keylock"
	"mirror/store"
	"mirror/store/index"
)

// journal is what a generation publishes, in its order.
type journal struct {
	Top   mirror.Name `json:"top"` // whose lock is held while it is being done
	Steps [][]entry   `json:"steps"`
}

type entry struct {
	Name  mirror.Name `json:"name"`
	Inode uint64      `json:"inode"` // of the part
}

func (e *Engine) writeJournal(j journal) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return e.tree.WriteJournal(j.Top, text)
}

// resumeGenerations goes on with publications that a crash cut off. It does
// nothing about those that another process is at. It reports whether there was
// something to do.
func (e *Engine) resumeGenerations(ctx context.Context) (resumed bool) {
	texts, err := e.tree.Journals()
	if err != nil {
		e.log.Warn("the journals cannot be read", "err", err)
		return false
	}
	for _, text := range texts {
		var j journal
		if err := json.Unmarshal(text, &j); err != nil || j.Top == "" {
			e.log.Warn("a journal cannot be read", "text", string(text), "err", err)
			continue
		}
		lock, err := e.tree.Locks.TryLock(string(j.Top))
		if errors.Is(err, keylock.ErrHeld) {
			continue
		}
		if err == nil {
			resumed = true
			err = e.resumeGeneration(ctx, j, lock)
			lock.Unlock()
		}
		if err != nil {
			e.log.Warn("a publication that was cut off cannot be gone on with", "path", "/"+string(j.Top), "err", err)
		}
	}
	return resumed
}

// resumeGeneration does what is left of a journal. The caller holds the lock of
// its top.
func (e *Engine) resumeGeneration(ctx context.Context, j journal, top *keylock.Lock) error {
	locks := map[mirror.Name]*keylock.Lock{j.Top: top}
	for _, step := range j.Steps {
		for _, it := range step {
			if locks[it.Name] != nil {
				continue
			}
			lock, err := e.tree.Locks.TryLock(string(it.Name))
			if err != nil { // whoever has it may be about to replace the part: next time
				return err
			}
			defer lock.Unlock()
			locks[it.Name] = lock
		}
	}
	for _, step := range j.Steps {
		var pubs []*store.Publication
		for _, it := range step {
			part, err := e.tree.FollowPart(it.Name)
			if err != nil {
				continue // it has its name already
			}
			defer part.Close()
			if st, err := part.Stat(); err != nil || !st.Checked || part.Inode != it.Inode {
				continue
			}
			pubs = append(pubs, &store.Publication{Part: part, Replace: e.Owns(ctx, it.Name)})
		}
		e.tree.Publish(pubs)
		var recs []index.Record
		for _, it := range step {
			row, ok, err := e.index.Partial(ctx, string(it.Name))
			if err == nil && ok && row.Inode == it.Inode {
				recs = append(recs, row.Record())
			}
		}
		if err := e.index.Publish(ctx, recs); err != nil {
			return err
		}
	}
	e.log.Info("a publication that was cut off has been completed", "path", "/"+string(j.Top))
	return e.tree.RemoveJournal(j.Top)
}
