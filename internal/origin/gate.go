package origin

import (
	"context"
	"slices"
	"sync"
)

// gate stops responses at one point until it is opened.
type gate struct {
	after int64 // bytes of body; -1: before the header
	open  chan struct{}
}

// Hold stops every request for path before its header, from the next one on,
// until release is called. Requests are recorded when they arrive, so Arrived
// tells when one stands at the gate.
func (o *Origin) Hold(path string) (release func()) { return o.hold(path, -1) }

// HoldAfter stops every response for path after n bytes of its body, which
// have been flushed, until release is called.
func (o *Origin) HoldAfter(path string, n int64) (release func()) { return o.hold(path, n) }

func (o *Origin) hold(path string, after int64) (release func()) {
	g := &gate{after: after, open: make(chan struct{})}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gates[path] = append(o.gates[path], g)
	return sync.OnceFunc(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.gates[path] = slices.DeleteFunc(o.gates[path], func(x *gate) bool { return x == g })
		close(g.open)
	})
}

// gatesOf are the gates that a request for path has to pass.
func (o *Origin) gatesOf(path string) []*gate {
	o.mu.Lock()
	defer o.mu.Unlock()
	gates := slices.Clone(o.gates[path])
	if path != Everywhere {
		gates = append(gates, o.gates[Everywhere]...)
	}
	return gates
}

// wait returns true when open is closed, false when the client has left or the
// test has ended.
func (o *Origin) wait(ctx context.Context, open <-chan struct{}) bool {
	select {
	case <-open:
		return true
	case <-ctx.Done():
		return false
	case <-o.closed:
		return false
	}
}
