package fetch

import (
	"context"
	"errors"
	"io"
	"sync"

	"mirror"
	"mirror/store"
)

// open returns a transfer's file as soon as the upstream has confirmed it and
// there is something to read, or that it is empty.
func (t *transfer) open(ctx context.Context) (*File, error) {
	leave, ok := t.join()
	if !ok {
		// Not before it has ended is there anything else to be found. What it ended
		// with is an answer to who came a moment too late, too.
		s, err := t.await(ctx, isDone)
		return nil, s.nothing(err)
	}
	var part *store.Part
	s, err := t.await(ctx, func(s *state) bool {
		begun := s.part != nil || s.head != nil
		ready := s.body != nil || begun && (s.checked || s.started && s.visible() > 0)
		// A published file is better read from the docroot.
		if ready && s.part != nil && s.body == nil && s.err == nil && !s.published {
			part = s.part.Ref()
		}
		return ready || s.done
	})
	if part == nil && s.body == nil && (s.head == nil || s.err != nil) {
		leave()
		return nil, s.nothing(err)
	}
	f := &File{
		Meta: s.meta, e: t.e, name: t.name, ctx: ctx, part: part, body: s.body, head: s.head, leave: leave,
		digest: s.sum, looked: true, // the transfer has asked already
	}
	if s.checked {
		f.Meta.Size = s.have
	}
	if s.body != nil {
		f.grow = &local{t: t} // for its end alone
		return f, nil
	}
	l := &local{t, s.edition}
	f.grow, f.made = l, l.part
	f.relay = newRelay(t.e, t.place, s.meta, s.from)
	return f, nil
}

// join counts a client, or reports that the transfer is over and its part
// closed, or that it was given up and will soon be. The returned function counts
// the client off.
func (t *transfer) join() (leave func(), ok bool) {
	t.look(func(s *state) {
		if ok = !t.left && (!s.done || t.clients > 0); ok {
			t.clients++
		}
	})
	if !ok {
		return nil, false
	}
	return sync.OnceFunc(t.leave), true
}

// leave counts a client off. With the last one goes the part of a transfer that has ended,
// and also a transfer that is for clients alone.
func (t *transfer) leave() {
	var release, cancel bool
	t.look(func(s *state) {
		t.clients--
		release = t.clients == 0 && s.done
		cancel = t.clients == 0 && !s.done && (!t.m.KeepGoing || s.queued) && !t.refresh && !s.checked
		t.left = t.left || cancel
	})
	if release {
		t.release()
	}
	if cancel {
		t.cancel(errLeft)
	}
}

// nothing is why there is no file to be had of a transfer: err, if it could not be awaited.
func (s *state) nothing(err error) error {
	switch {
	case err != nil:
		return err
	case s.err != nil && !isGivenUpOn(s.err):
		return s.err
	}
	return errAgain
}

// isGivenUpOn reports whether a transfer has ended for reasons that are not those of
// who asks for its file now.
func isGivenUpOn(err error) bool { return errors.Is(err, errLeft) || errors.Is(err, errAside) }

// local follows a transfer of this process.
type local struct {
	t       *transfer
	edition int // that is read
}

func (l *local) close() {}

func (l *local) is(s *state) bool { return s.edition == l.edition }

// part returns a reference to the part, which there is by now; nil: it was given up.
func (l *local) part() (p *store.Part) {
	l.t.look(func(s *state) {
		if l.is(s) && s.part != nil {
			p = s.part.Ref()
		}
	})
	return p
}

func (l *local) visible() int64 {
	s := l.t.now()
	if !l.is(&s) {
		return -1
	}
	return s.visible()
}

func (l *local) wait(ctx context.Context, pos int64) (int64, error) {
	s, err := l.t.await(ctx, func(s *state) bool {
		return !l.is(s) || s.visible() > pos || s.done
	})
	switch {
	case err != nil:
		return 0, err
	case !l.is(&s):
		return 0, mirror.ErrChanged
	case s.visible() > pos:
		return s.visible(), nil
	case s.err != nil:
		return 0, s.err
	}
	return 0, io.ErrUnexpectedEOF
}

func (l *local) settled(ctx context.Context) (bool, error) {
	s, err := l.t.await(ctx, isDone)
	if err != nil {
		return false, err
	}
	return s.published, s.err
}
