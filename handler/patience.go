package handler

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errPatience ends the wait of a client after timeouts.max_wait.
var errPatience = errors.New("the file did not arrive within timeouts.max_wait")

// patience is a context that ends when its client has waited for timeouts.max_wait. For
// a file that is there nobody waits, so the timer, and the context that really can end,
// are made only when somebody first asks whether or when it ends.
type patience struct {
	request context.Context
	most    time.Duration

	once    sync.Once
	bounded context.Context // set by once; nil: nobody has asked yet
	cancel  context.CancelFunc
}

func (h *Handler) patience(ctx context.Context) (_ context.Context, cancel context.CancelFunc) {
	p := &patience{request: ctx, most: h.conf.Timeouts.MaxWait}
	return p, p.end
}

func (p *patience) begin() context.Context {
	p.once.Do(func() { p.bounded, p.cancel = context.WithTimeoutCause(p.request, p.most, errPatience) })
	return p.bounded
}

// end is the CancelFunc. Who asks for the first time after it finds the context ended.
func (p *patience) end() {
	p.once.Do(func() { p.bounded, p.cancel = over, func() {} })
	p.cancel()
}

// over is a context that has ended.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

func (p *patience) Deadline() (time.Time, bool) { return p.begin().Deadline() }
func (p *patience) Done() <-chan struct{}       { return p.begin().Done() }
func (p *patience) Err() error                  { return p.begin().Err() }
func (p *patience) Value(key any) any           { return p.begin().Value(key) }
