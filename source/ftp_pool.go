package source

import (
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

// ftpPool is the connections of one upstream that are logged in and not in use.
// The zero value is an empty one.
type ftpPool struct {
	mu   sync.Mutex // guards idle
	idle []idleConn // the last one was used last
}

type idleConn struct {
	*ftp.Conn
	timer *time.Timer // ends it
}

// get returns the connection used last; nil when there is none.
func (p *ftpPool) get() *ftp.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	last := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	last.timer.Stop()
	return last.Conn
}

// put takes a connection back that its user has done with, whatever happened.
func (p *ftpPool) put(c *ftp.Conn) {
	p.mu.Lock()
	keep := c.Usable() && len(p.idle) < maxIdleFTP
	if keep {
		timer := time.AfterFunc(idleFTP, func() { p.expire(c) })
		p.idle = append(p.idle, idleConn{c, timer})
	}
	p.mu.Unlock()
	if !keep {
		c.Quit()
	}
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
	for c := p.get(); c != nil; c = p.get() {
		c.Quit()
	}
}
