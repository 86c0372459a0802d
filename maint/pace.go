package maint

import (
	"context"
	"time"
)

// pace bounds how much is read in any time: rate bytes a second, and one chunk
// more. Time in which nothing was read is not made up for.
type pace struct {
	rate int64     // bytes a second; 0: no bound
	free time.Time // when what was read so far is paid for
}

// spend waits until n more bytes may be read.
func (p *pace) spend(ctx context.Context, n int64) error {
	if p.rate <= 0 {
		return ctx.Err()
	}
	now := time.Now()
	wait := p.free.Sub(now)
	if wait < 0 {
		p.free, wait = now, 0
	}
	p.free = p.free.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
