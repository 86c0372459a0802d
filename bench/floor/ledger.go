package floor

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"time"

	"mirror/internal/keylock"
	"mirror/store/index"
)

// ledger is what a mirror cannot go without beside the file: a lock of its name, so that
// processes fetch it once, a slot, so that they are polite together, and a record, made
// known before the name appears. All methods do nothing where it is nil.
type ledger struct {
	locks  *keylock.Dir
	record *index.Index
}

// The pool of slots, and how many it has: more than there are clients.
const (
	pool  = "upstream"
	slots = 64
)

// entry is what the ledger has of one file.
type entry struct {
	lock *keylock.Lock
	row  index.Partial
}

func newLedger(dir string) (*ledger, error) {
	record, err := index.Open(dir)
	if err != nil {
		return nil, err
	}
	locks := keylock.New(func(name string) (*os.File, error) {
		return os.OpenFile(filepath.Join(dir, "lock-"+name), os.O_RDWR|os.O_CREATE, 0o600)
	})
	return &ledger{locks, record}, nil
}

// enter looks the name up, and locks it.
func (l *ledger) enter(ctx context.Context, name string) (e entry, err error) {
	if l == nil {
		return e, nil
	}
	if _, err := l.record.Hint(ctx, name); err != nil {
		return e, err
	}
	if e.lock, err = l.locks.TryLock(name); err != nil {
		return e, err
	}
	e.row.Name = name
	_, err = e.lock.TrySlot(pool, slots)
	return e, err
}

// of completes the entry of a file, which needs its slot no longer.
func (l *ledger) of(e entry, body []byte) entry {
	if l == nil {
		return e
	}
	e.lock.ReleaseSlot(pool)
	now, sum := time.Now(), sha256.Sum256(body)
	e.row.Total, e.row.ModTime, e.row.Started, e.row.Digest = int64(len(body)), now, now, sum[:]
	return e
}

func (l *ledger) intend(batch []whole) error {
	if l == nil {
		return nil
	}
	rows := make([]index.Partial, 0, len(batch))
	for _, f := range batch {
		rows = append(rows, f.row)
	}
	return l.record.Intend(context.Background(), rows)
}

func (l *ledger) publish(batch []whole) error {
	if l == nil {
		return nil
	}
	recs := make([]index.Record, 0, len(batch))
	for _, f := range batch {
		recs = append(recs, f.row.Record())
		defer f.lock.Unlock()
	}
	return l.record.Publish(context.Background(), recs)
}
