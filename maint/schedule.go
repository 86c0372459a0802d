package maint

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Job is something that a daemon does again and again.
type Job struct {
	Name  string
	Every time.Duration // from the end of one run to the next
	Do    func(context.Context) error
}

// Schedule does each of the jobs at once and then every so often, beside each
// other, until ctx is done and all have returned. One that fails is logged, and
// tried again when its time comes.
func Schedule(ctx context.Context, log *slog.Logger, jobs []Job) {
	var wg sync.WaitGroup
	for _, j := range jobs {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := j.Do(ctx); err != nil && ctx.Err() == nil {
					log.Warn(j.Name+" failed", "err", err)
				}
				select {
				case <-ctx.Done():
				case <-time.After(j.Every):
				}
			}
		})
	}
	wg.Wait()
}
