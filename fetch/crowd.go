package fetch

import "sync"

// join counts a client, or reports that the transfer is over and its part
// closed, or that it was given up and will soon be. The returned function counts
// the client off.
func (t *transfer) join() (leave func(), ok bool) {
	if !t.crowd.enter() {
		return nil, false
	}
	return sync.OnceFunc(func() {
		s := t.now()
		last, over := t.crowd.leave((!t.m.KeepGoing || s.queued) && !t.refresh && !s.checked)
		switch {
		case last && over:
			t.release()
		case last && t.crowd.isGone():
			t.cancel(errLeft)
		}
	}), true
}

// crowd counts the clients that follow a transfer, so that its part is closed
// after the last of them has opened what it was waiting for.
type crowd struct {
	mu   sync.Mutex
	n    int  // guarded by mu
	over bool // guarded by mu: the transfer has ended
	gone bool // guarded by mu: the last client has left, and nobody else may come
}

// enter reports false when the transfer has ended and nobody was left, or was
// given up because nobody was.
func (c *crowd) enter() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone || c.over && c.n == 0 {
		return false
	}
	c.n++
	return true
}

// leave counts a client off. closing: the last one takes the transfer along.
func (c *crowd) leave(closing bool) (last, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n--
	c.gone = c.gone || closing && c.n == 0 && !c.over
	return c.n == 0, c.over
}

func (c *crowd) isGone() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// close reports whether nobody is left who would have to be waited for.
func (c *crowd) close() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	return c.n == 0
}
