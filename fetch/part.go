package fetch

import (
	"context"

	"mirror"
	"mirror/store/index"
)

// What a transfer does with its part: the bytes at hand, their row, and who reads them.

// resume takes over what an earlier fetch left on disk, if its record says
// what it is.
func (t *transfer) resume() {
	part, err := t.e.tree.ResumePart(t.name)
	if err != nil {
		return
	}
	row, ok, err := t.e.index.Partial(t.ctx, string(t.name))
	st, err2 := part.Stat()
	// What was checked of a mutable file, before a crash, may be of long ago, and
	// what was checked of any may be what is no longer expected.
	stale := st.Checked && !t.isExpected(part, st.Size)
	if err != nil || err2 != nil || !ok || stale || unfit(row, part, st, t.e.boot) != "" {
		part.Close() // NewPart will unlink it
		return
	}
	t.part, t.row = part, row
	meta := metaOfRow(row)
	t.update(func(s *state) {
		s.part, s.meta, s.from, s.have, s.checked = part, meta, row.Upstream, st.Size, st.Checked
		s.sum = onlySHA256(t.expected, meta.Size)
	})
}

// resumable reports whether the part is worth keeping: it has bytes, and its
// version can be told.
func (t *transfer) resumable() bool {
	s := t.now()
	return s.part != nil && s.have > 0 && !s.checked && s.meta.Pinned() && !s.meta.IsSmall()
}

// keep makes an unfinished part good for the next boot, too.
func (t *transfer) keep() {
	s := t.now()
	if t.row.Name == "" || t.part.Sync() != nil {
		return
	}
	t.row.Synced = s.have
	if err := t.e.index.PutPartial(context.WithoutCancel(t.ctx), t.row); err != nil {
		t.e.log.Warn("an unfinished file cannot be recorded", "path", "/"+string(t.name), "err", err)
	}
}

// discard unlinks the part. Its readers keep what they have open.
func (t *transfer) discard() {
	t.waitRow()
	if err := t.part.Remove(); err != nil {
		t.e.log.Warn("an unfinished file cannot be removed", "path", "/"+string(t.name), "err", err)
	}
	if t.row.Name == "" {
		return
	}
	if err := t.e.index.DeletePartial(context.WithoutCancel(t.ctx), string(t.name)); err != nil {
		t.e.log.Warn("the record of an unfinished file cannot be removed", "path", "/"+string(t.name), "err", err)
	}
	t.row = index.Partial{}
}

// forget gives up what is at hand. Its readers end with ErrChanged.
func (t *transfer) forget() {
	if t.part == nil {
		return
	}
	t.waitRow()
	t.lock.Unnote(string(t.name), live)
	t.discard()
	t.letGo()
}

// setAside does the same with bytes that are wrong, which are kept for who wants
// to know what the upstream has sent. It returns where.
func (t *transfer) setAside() string {
	t.waitRow()
	t.lock.Unnote(string(t.name), live)
	to, err := t.part.SetAside()
	if err != nil {
		t.e.log.Warn("a file with wrong bytes cannot be kept aside", "path", "/"+string(t.name), "err", err)
	}
	t.discard() // its record, and the file if it is still there
	t.letGo()
	return to
}

// letGo ends those who read the part.
func (t *transfer) letGo() {
	if t.digester != nil {
		t.digester.end()
	}
	old := t.part
	t.part, t.row, t.digest, t.digester, t.reading = nil, index.Partial{}, nil, nil, nil
	t.update(func(s *state) { s.restart(state{meta: mirror.Meta{Size: -1}}) })
	old.Close()
}

// restart begins a new inode.
func (t *transfer) restart() error {
	t.forget()
	part, err := t.e.tree.NewPart(t.name)
	if err != nil {
		return err
	}
	t.part = part
	t.update(func(s *state) {
		if s.head == nil { // else clients who read that go on in the part
			s.restart(state{meta: mirror.Meta{Size: -1}})
		}
		s.part = part
	})
	return nil
}

// started is called with a good answer, before its first byte is appended.
func (t *transfer) started(src upstream, meta mirror.Meta) {
	if t.now().head == nil { // else show has said so
		t.steps.done("ask")
	}
	t.waitRow()
	t.row = t.newRow(src, meta)
	t.row.Inode = t.part.Inode
	t.update(func(s *state) {
		s.meta, s.from, s.started, s.sum = meta, t.row.Upstream, true, onlySHA256(t.expected, meta.Size)
	})
	if t.digester == nil && alongside(meta.Size, len(t.expected) > 0) {
		t.digester = newDigester(t.part)
		t.digester.follow(t)
	}
	t.rowDue = !meta.IsSmall()
}
