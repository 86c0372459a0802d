package load

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Herd lets n clients ask for one path at once, and returns how each fared. The
// first error ends all.
func Herd(ctx context.Context, addr, path string, n int) ([]Timing, error) {
	return All(ctx, addr, slices.Repeat([]Request{{Path: path}}, n))
}

// All sends all requests, each by a client of its own, and returns how each
// fared. The first error ends all.
func All(ctx context.Context, addr string, requests []Request) ([]Timing, error) {
	timings := make([]Timing, len(requests))
	err := together(ctx, len(requests), func(ctx context.Context, i int) error {
		c := NewClient(addr)
		defer c.Close()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(requests[i].Wait):
		}
		var err error
		timings[i], err = c.Do(ctx, requests[i])
		return err
	})
	return timings, err
}

// Each lets n clients, each on a connection of its own, get paths, every path
// once, and returns how long all took.
func Each(ctx context.Context, addr string, n int, paths []string) (time.Duration, error) {
	var next atomic.Int64
	start := time.Now()
	err := together(ctx, n, func(ctx context.Context, _ int) error {
		c := NewClient(addr)
		defer c.Close()
		for {
			i := int(next.Add(1)) - 1
			if i >= len(paths) {
				return nil
			}
			if _, err := c.Get(ctx, paths[i]); err != nil {
				return err
			}
		}
	})
	return time.Since(start), err
}

// Rate lets n clients get paths, over and over, for d, and returns the requests
// a second.
func Rate(ctx context.Context, addr string, n int, paths []string, d time.Duration) (float64, error) {
	var done atomic.Int64
	start := time.Now()
	err := together(ctx, n, func(ctx context.Context, client int) error {
		c := NewClient(addr)
		defer c.Close()
		for i := client; time.Since(start) < d; i++ {
			if _, err := c.Get(ctx, paths[i%len(paths)]); err != nil {
				return err
			}
			done.Add(1)
		}
		return nil
	})
	return float64(done.Load()) / time.Since(start).Seconds(), err
}

// Latencies lets n clients get paths, over and over, for d, and returns what each
// answer took, sorted.
func Latencies(ctx context.Context, addr string, n int, paths []string, d time.Duration) ([]time.Duration, error) {
	took := make([][]time.Duration, n)
	start := time.Now()
	err := together(ctx, n, func(ctx context.Context, client int) error {
		c := NewClient(addr)
		defer c.Close()
		for i := client; time.Since(start) < d; i++ {
			t, err := c.Get(ctx, paths[i%len(paths)])
			if err != nil {
				return err
			}
			took[client] = append(took[client], t.Last)
		}
		return nil
	})
	all := slices.Concat(took...)
	slices.Sort(all)
	return all, err
}

// together runs f n times at once.
func together(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := f(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
