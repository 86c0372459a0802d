package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mirror/bench/content"
	"mirror/bench/load"
)

// The fetches that run at a time: each takes as long as a slow upstream does, so
// that all are open together whatever the mirror costs.
const (
	runningSize = mib
	runningRate = 128 * kib // bytes a second of each: eight seconds
)

// scaleFetches lets more and more fetches run at a time.
func scaleFetches(ctx context.Context, b *bench, plan scalePlan) (*series, error) {
	g := &growth{amount: "fetches at a time", label: count, columns: []*column{
		{name: "last first byte", unit: "ms a fetch", format: "%.3f", each: true, from: 100}, // of ten, any pause of the machine is most of it
		{name: "processor", unit: "ms a fetch", format: "%.2f", each: true, from: 10},
		{name: "memory", unit: "KiB a fetch", format: "%.0f", each: true, from: 10},
		{name: "the last is done", unit: "x the upstream's time", format: "%.3f", from: 1},
	}}
	s := &series{title: "Running fetches", growth: g, note: fmt.Sprintf(
		"Misses of %s, each with one client, that begin at one moment; the upstream sends each with %s a second, so that all run together. "+
			"Memory is the peak above that of an idle daemon.", size(runningSize), size(runningRate))}
	for _, n := range plan.fetches {
		began := time.Now()
		values, err := runningFetches(ctx, b, n)
		if err != nil {
			return s, fmt.Errorf("%d: %w", n, err)
		}
		g.add(float64(n), values...)
		b.scaleDone(s.title, count(float64(n)), began)
	}
	return s, nil
}

func runningFetches(ctx context.Context, b *bench, n int) (values []float64, err error) {
	d, before, err := b.startFresh(ctx, fmt.Sprintf("fetches-%d", n), runningRate)
	defer func() { err = errors.Join(err, d.stop()) }()
	if err != nil {
		return nil, err
	}
	paths, requests := make([]string, n), make([]load.Request, n)
	for i := range paths {
		paths[i] = content.Path(runningSize, fmt.Sprintf("running/%d/%d", b.serial, i))
		requests[i].Path = paths[i]
	}
	timings, err := load.All(ctx, d.addr, requests)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, d.logs())
	}
	after, err := d.brought(ctx, runningSize, paths...)
	if err != nil {
		return nil, err
	}
	first, firstDone, last := extremes(timings)
	if first > firstDone {
		return nil, fmt.Errorf("they did not run together: the last had its first byte after %v, and the first was done after %v", first, firstDone)
	}
	each := func(v float64) float64 { return v / float64(n) }
	return []float64{
		each(ms(first)), each(ms(after.cpu - before.cpu)), each((after.peak - before.peak) * kib),
		last.Seconds() / (float64(runningSize) / runningRate),
	}, nil
}

// extremes returns when the last client had its first byte, the first client its
// last byte, and the last client its last byte.
func extremes(timings []load.Timing) (lastFirst, firstLast, lastLast time.Duration) {
	firstLast = timings[0].Last
	for _, t := range timings {
		lastFirst, firstLast, lastLast = max(lastFirst, t.First), min(firstLast, t.Last), max(lastLast, t.Last)
	}
	return lastFirst, firstLast, lastLast
}

// underWay is how many bytes a connection that is given up may have been sent in vain:
// a large file may come by several connections, and its first one is given up then.
const underWay = 16 * mib

// sentOnce checks that the origin has sent each byte of each path once. Of files up
// to underWay that is to the byte.
func sentOnce(ctx context.Context, b *bench, paths []string, size int64) error {
	counts, err := b.origin.Counts(ctx)
	if err != nil {
		return err
	}
	most := size
	if size > underWay {
		most += underWay + size/100
	}
	for _, path := range paths {
		if got := counts[path]; got.Sent < size || got.Sent > most {
			return fmt.Errorf("%s: the upstream has sent %d bytes in %d requests, not %d", path, got.Sent, got.Requests, size)
		}
	}
	return nil
}
