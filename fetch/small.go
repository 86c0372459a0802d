package fetch

import (
	"bytes"
	"crypto/sha256"

	"mirror"
)

// A small file about which nothing but its digest has to be known goes to its clients
// from memory, and so do the first bytes of a larger one, before anything is on disk:
// making, writing and marking a part took longer than all else that they waited for. The
// small one's bytes have been compared by then, and of the larger one the end is held
// back as ever. Their names come as those of any file, after part, check and sync. Who
// follows in another process waits for the part.

// isPlain reports whether the file is missing, with no beginning of it at hand, and is
// neither an index nor one of a set, nor a page: so its digest is all that take has to
// compare.
func (t *transfer) isPlain() bool {
	return t.held == nil && t.part == nil && t.group == nil && t.generation == nil &&
		t.nature.Index == "" && t.nature.Page == "" && len(t.nature.Set) == 0 &&
		!t.nature.Inline && len(t.nature.Signatures) == 0
}

// take shows a whole small file to its clients (source.Request.Small). One that is not
// what it has to be it does not take: that goes through a part, where verify says so.
func (t *transfer) take(src upstream, m mirror.Meta, body []byte) bool {
	if len(t.expected) > 0 {
		ok, err := matchesAny(t.expected, m.Size, summer(bytes.NewReader(body), m.Size))
		if !ok || err != nil {
			return false
		}
	}
	t.steps.done("ask")
	t.row = t.newRow(src, m)
	t.body = body
	t.update(func(s *state) {
		s.restart(state{body: body, meta: m, from: t.row.Upstream, started: true, have: m.Size, checked: true, sum: onlySHA256(t.expected, m.Size)})
	})
	return true
}

// show lets clients have the first bytes of a larger file while its part is made
// (source.Request.First).
func (t *transfer) show(src upstream, m mirror.Meta, head []byte) {
	if !m.Pinned() || !sizeFits(t.expected, m.Size) {
		return // what follows may have to be had without the disk, or Start says no
	}
	t.steps.done("ask")
	t.update(func(s *state) {
		s.restart(state{head: head, meta: m, from: src.URL(t.rest), started: true, have: int64(len(head)), sum: onlySHA256(t.expected, m.Size)})
	})
}

// writeBody makes the part from what take has taken.
func (t *transfer) writeBody() error {
	part, err := t.e.tree.NewPart(t.name)
	if err != nil {
		return err
	}
	t.part, t.row.Inode = part, part.Inode
	t.update(func(s *state) { s.part = part }) // whoever ends the transfer closes it
	if err := part.Append(t.body); err != nil {
		return err
	}
	sum := sha256.Sum256(t.body)
	t.digest, t.body = sum[:], nil
	return nil
}
