package fetch

import (
	"context"
	"runtime"

	"mirror"
	"mirror/store/index"
)

// appended is called after each append to the part, by whoever appends. After the first
// one the readers of this process run before the row is written, which is for other
// processes, and before the copying goes on: on two processors both together made the
// first byte of a file of 1 MiB a fifth later.
func (t *transfer) appended(n int) {
	t.update(func(s *state) {
		if s.head != nil { // it begins the part now, and is counted as that
			s.have, s.head = 0, nil
		}
		s.have += int64(n)
	})
	if t.group != nil && t.group.wrote != nil {
		t.group.wrote(n)
	}
	if t.rowDue {
		runtime.Gosched()
		t.putRow()
	}
}

// putRow has the row written, if it is due.
func (t *transfer) putRow() {
	if t.rowDue {
		t.rowDue = false
		t.writeRow(t.row)
	}
}

// newRow is what the record says of a part, but for its inode.
func (t *transfer) newRow(src upstream, meta mirror.Meta) index.Partial {
	return index.Partial{
		Name: string(t.name), Upstream: src.URL(t.rest),
		Total: meta.Size, ModTime: meta.ModTime, ETag: meta.ETag, LastModified: meta.LastModified,
		ContentType: meta.ContentType, Boot: t.e.boot, Started: t.e.now(), Fresh: meta.Fresh,
	}
}

// writeRow records the part beside the copying, so that no client waits for
// the database.
func (t *transfer) writeRow(row index.Partial) {
	ready := make(chan struct{})
	t.rowReady = ready
	go func() {
		defer close(ready)
		if err := t.e.index.PutPartial(context.WithoutCancel(t.ctx), row); err != nil {
			t.e.log.Warn("an unfinished file cannot be recorded", "path", "/"+string(t.name), "err", err)
			return
		}
		t.confirm() // the row first: it says what the part is
	}()
}

func (t *transfer) waitRow() {
	if t.rowReady != nil {
		<-t.rowReady
		t.rowReady = nil
	}
}

func metaOfRow(r index.Partial) mirror.Meta {
	return mirror.Meta{Size: r.Total, ModTime: r.ModTime, ETag: r.ETag, LastModified: r.LastModified, ContentType: r.ContentType}
}
