package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"

	"mirror"
	"mirror/internal/keylock"
)

const (
	// farAhead is how far a read may be ahead of the growing file before it is
	// worth a request of its own, in bytes: at 10 MB/s, a tenth of a second.
	farAhead = 1 << 20

	// relayChunk bounds what one relayed request asks for, in bytes. After
	// each the growing file may have caught up, and is read again.
	relayChunk = 8 << 20
)

// relay reads a part of the very version that is being fetched straight from
// an upstream, and stores nothing.
type relay struct {
	e *Engine
	place
	pin  mirror.Meta
	from string // the URL that gave pin

	end  int64 // no byte at or after it is wanted
	off  bool  // it was tried and failed
	only bool  // there is no growing file any more: it takes no slot, and cannot be waited for
	slot *keylock.Lock
	body io.ReadCloser
	at   int64 // where body is
	left int64 // bytes that body still has
}

func newRelay(e *Engine, p place, pin mirror.Meta, from string) *relay {
	return &relay{e: e, place: p, pin: pin, from: from, end: pin.Size}
}

// worthwhile reports whether a read that is ahead by gap bytes should be
// relayed rather than waited for.
func (r *relay) worthwhile(gap int64) bool {
	if r == nil || r.off {
		return false
	}
	return (r.body != nil || gap > farAhead) && r.pin.Pinned() && r.e.conf.Limits.Relays > 0
}

// instead reports whether the relay can go on at pos in the place of a growing
// file that cannot be stored, and from then on does.
func (r *relay) instead(pos int64) bool {
	if r == nil || r.pin.Size < 0 || (pos > 0 && !r.pin.Pinned()) {
		return false
	}
	r.only = true
	r.close() // a slot that it had
	return true
}

func (r *relay) readAt(ctx context.Context, p []byte, pos int64) (int, error) {
	if r.body == nil || r.at != pos || r.left == 0 {
		if err := r.open(ctx, pos); err != nil {
			return 0, err
		}
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.left)])
	r.at += int64(n)
	r.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = nil
		if n == 0 {
			err = io.ErrUnexpectedEOF
		}
	}
	if n > 0 {
		err = nil // it comes again
	}
	return n, err
}

func (r *relay) open(ctx context.Context, pos int64) error {
	r.closeBody()
	if err := r.takeSlot(); err != nil {
		return err
	}
	last := r.end - 1
	if last < pos {
		last = r.pin.Size - 1
	}
	if !r.only {
		last = min(last, pos+relayChunk-1)
	}
	var err error
	for _, src := range r.e.sources[r.m] {
		pin := r.pin
		if src.URL(r.rest) != r.from {
			pin.ETag = "" // it means nothing to another upstream
		}
		if pos > 0 && !pin.Pinned() {
			continue
		}
		var body io.ReadCloser
		if body, err = src.Range(ctx, r.rest, pos, last, pin); err == nil {
			r.body, r.at, r.left = body, pos, last-pos+1
			return nil
		}
	}
	if err == nil {
		err = mirror.ErrChanged
	}
	return err
}

func (r *relay) takeSlot() error {
	if r.slot != nil || r.only {
		return nil
	}
	slot, err := r.e.tree.Locks.TryPool(poolRelays, r.e.conf.Limits.Relays)
	if errors.Is(err, keylock.ErrHeld) {
		return fmt.Errorf("%w: every slot for relayed ranges (limits.relays) is taken", mirror.ErrBusy)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", mirror.ErrStore, err)
	}
	r.slot = slot
	return nil
}

func (r *relay) closeBody() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}

func (r *relay) close() {
	if r == nil {
		return
	}
	r.closeBody()
	if r.slot != nil {
		r.slot.Unlock()
		r.slot = nil
	}
}

// passThrough returns a file that cannot be stored: its bytes come straight
// from an upstream.
func (e *Engine) passThrough(ctx context.Context, p place, cause error) (*File, error) {
	n := e.nature(p.m, p.rest)
	if n.Page != "" {
		return nil, cause // its upstream has no such name, and would say so
	}
	if p.m.Keyring != "" && (n.Inline || len(n.Signatures) > 0) {
		return nil, cause // nobody could check its signature before the client has it
	}
	e.log.Error("passed through, not stored: free some space", "path", "/"+string(p.name), "err", cause)
	meta, from, err := e.statUpstream(ctx, p)
	if err != nil {
		return nil, err
	}
	if limit := e.conf.Limits.MaxSize; limit > 0 && meta.Size > limit {
		return nil, fmt.Errorf("/%s: %w", p.name, mirror.ErrTooLarge)
	}
	if meta.Size < 0 {
		return nil, fmt.Errorf("/%s cannot be passed through, since its upstream does not tell its length: %w", p.name, cause)
	}
	r := newRelay(e, p, meta, from)
	r.only = true
	return &File{Meta: meta, e: e, name: p.name, ctx: ctx, relay: r}, nil
}
