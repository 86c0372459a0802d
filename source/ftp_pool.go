package source

import (
	"context"
	"slices"
	"sync"
	"time"

	"mirror/internal/ftp"
)

const (
	// maxIdleFTP is how many connections of an upstream are kept while nobody
	// needs them: servers count connections, and ten a client is a usual limit.
	maxIdleFTP = 8
	// idleFTP is how long one is kept. Logging in takes some eight round
	// trips; most servers end idle connections after five minutes, some sooner.
	idleFTP = 30 * time.Second
)

// ftpPool is the connections of one upstream that are logged in. The zero value
// has none.
type ftpPool struct {
	mu      sync.Mutex       // guards what follows
	idle    []idleConn       // not in use; the last one was used last
	used    int              // how many are in use, or being made
	waiting []chan *ftp.Conn // for one of these; who came first is first
}

type idleConn struct {
	*ftp.Conn
	timer *time.Timer // ends it
}

// get returns the connection used last; nil when there is none.
func (p *ftpPool) get() *ftp.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.take()
}

// take is get, with mu held.
func (p *ftpPool) take() *ftp.Conn {
	if len(p.idle) == 0 {
		return nil
	}
	last := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	last.timer.Stop()
	p.used++
	return last.Conn
}

// making counts a connection that is about to be made (1), or could not be (-1).
// Who waits does not hear of that: what a server has refused once it would refuse
// all of them, one after the other.
func (p *ftpPool) making(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used += n
}

// wait returns a connection as soon as its user has done with it, or nil where it
// is of no use any more: then there is room for a new one. It reports false where
// none is in use, or ctx is done before.
func (p *ftpPool) wait(ctx context.Context) (*ftp.Conn, bool) {
	p.mu.Lock()
	if c := p.take(); c != nil || p.used == 0 {
		p.mu.Unlock()
		return c, c != nil
	}
	turn := make(chan *ftp.Conn, 1)
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	select {
	case c := <-turn:
		return c, true
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.waiting, turn)
	if i < 0 { // its turn came meanwhile
		return <-turn, true
	}
	p.waiting = slices.Delete(p.waiting, i, i+1)
	return nil, false
}

// put takes a connection back that its user has done with, whatever happened.
func (p *ftpPool) put(c *ftp.Conn) {
	if !c.Usable() {
		c.Quit() // before its place is given away
		c = nil
	}
	if c = p.pass(c); c != nil {
		c.Quit()
	}
}

// pass gives a connection, or the place of one that is gone, to who waits for it,
// or keeps it. It returns one that nobody needs.
func (p *ftpPool) pass(c *ftp.Conn) *ftp.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	switch {
	case len(p.waiting) > 0:
		p.waiting[0] <- c
		p.waiting = p.waiting[1:]
		if c != nil {
			p.used++
		}
	case c != nil && len(p.idle) < maxIdleFTP:
		timer := time.AfterFunc(idleFTP, func() { p.expire(c) })
		p.idle = append(p.idle, idleConn{c, timer})
	default:
		return c
	}
	return nil
}

// expire ends c, if it is still there.
func (p *ftpPool) expire(c *ftp.Conn) {
	p.mu.Lock()
	i := slices.IndexFunc(p.idle, func(idle idleConn) bool { return idle.Conn == c })
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 {
		c.Quit()
	}
}

func (p *ftpPool) closeAll() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, c := range idle {
		c.timer.Stop()
		c.Quit()
	}
}
