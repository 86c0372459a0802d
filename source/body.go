package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"mirror"
)

// Causes for which a body is given up.
var (
	errIdle = fmt.Errorf("%w: no byte arrived for too long", mirror.ErrTimeout)
	errSlow = fmt.Errorf("%w: it is too slow", mirror.ErrTimeout)
)

// body watches an answer's body: a silent or a slow one is given up. It is
// used by one goroutine.
type body struct {
	r      io.Reader // what is read; raw, or a decoder over raw
	raw    io.ReadCloser
	cancel context.CancelCauseFunc
	done   func() // called by Close; may be nil
	idle   *time.Timer
	after  time.Duration

	lowSpeed int64 // bytes a second
	window   time.Duration
	spent    time.Duration // in reading, since the window began: a slow client is no slow upstream
	got      int64         // bytes in the window

	waited time.Duration // in reading
	total  int64         // bytes
}

func (h *HTTP) newBody(raw io.ReadCloser, cancel context.CancelCauseFunc) *body {
	b := &body{raw: raw, cancel: cancel, after: h.opts.Idle,
		lowSpeed: h.opts.LowSpeed, window: h.opts.LowSpeedTime}
	b.r = watched{b}
	if b.after > 0 {
		b.idle = time.AfterFunc(b.after, func() { cancel(errIdle) })
		b.idle.Stop()
	}
	return b
}

func (b *body) Read(p []byte) (int, error) { return b.r.Read(p) }

// watched is the wire, below every decoder and buffer.
type watched struct{ *body }

func (b watched) Read(p []byte) (int, error) {
	begun := time.Now()
	if b.idle != nil {
		b.idle.Reset(b.after)
	}
	n, err := b.raw.Read(p)
	if b.idle != nil {
		b.idle.Stop()
	}
	d := time.Since(begun)
	b.got += int64(n)
	b.spent += d
	b.total += int64(n)
	b.waited += d
	if err == nil && b.window > 0 && b.spent >= b.window {
		if float64(b.got) < float64(b.lowSpeed)*b.spent.Seconds() {
			b.cancel(errSlow)
			return n, errSlow
		}
		b.spent, b.got = 0, 0
	}
	return n, err
}

// peek returns up to n bytes without consuming them; fewer at the end.
func (b *body) peek(n int) ([]byte, error) {
	br := bufio.NewReaderSize(b.r, n)
	b.r = br
	head, err := br.Peek(n)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return head, err
}

func (b *body) Close() error {
	if b.idle != nil {
		b.idle.Stop()
	}
	err := b.raw.Close()
	if b.done != nil {
		b.done()
	}
	return err
}
