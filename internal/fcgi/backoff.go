package fcgi

import (
	"log/slog"
	"time"
)

const (
	// firstDelay is short, since a hang-up in the queue is over at once.
	firstDelay = 5 * time.Millisecond
	// maxDelay is how long a freed file descriptor may go unnoticed.
	maxDelay = time.Second
	// logEvery keeps a lasting shortage from filling the disk with its log.
	logEvery = 10 * time.Second
)

// backoff paces the retries of a failing accept and the log lines about it. It
// belongs to one goroutine.
type backoff struct {
	log    *slog.Logger
	delay  time.Duration
	logged time.Time
	silent int // failures since then
}

// failed notes a failure and returns how long to wait.
func (b *backoff) failed(err error) time.Duration {
	b.delay = min(max(2*b.delay, firstDelay), maxDelay)
	if now := time.Now(); b.logged.IsZero() || now.Sub(b.logged) >= logEvery {
		b.log.Error("cannot accept a connection; trying again", "error", err, "failures_not_logged", b.silent)
		b.logged, b.silent = now, 0
	} else {
		b.silent++
	}
	return b.delay
}

func (b *backoff) succeeded() { b.delay = 0 }
