package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mirror/bench/content"
	"mirror/bench/load"
)

// The file that all follow: the largest herd still gets it as fast as it comes on
// a small machine.
const (
	followedSize = 4 * mib
	followedRate = 400 * kib // bytes a second: ten seconds
)

// scaleFollowers lets more and more clients follow one fetch.
func scaleFollowers(ctx context.Context, b *bench, plan scalePlan) (*series, error) {
	g := &growth{amount: "followers of one file", label: count, columns: []*column{
		{name: "last first byte", unit: "ms a follower", format: "%.3f", each: true, from: 10},
		{name: "processor", unit: "ms a follower", format: "%.2f", each: true, from: 10},
		{name: "memory", unit: "KiB a follower", format: "%.0f", each: true, from: 10},
		{name: "the last is done", unit: "x one direct client", format: "%.3f", from: 1},
	}}
	s := &series{title: "Followers of one file", growth: g, note: fmt.Sprintf(
		"A miss of %s that all ask for at one moment; the upstream sends %s a second, and each byte once. "+
			"Memory is the peak above that of an idle daemon.", size(followedSize), size(followedRate))}
	if err := b.origin.Set(ctx, followedRate, 0); err != nil {
		return s, err
	}
	b.serial++
	direct, err := load.Herd(ctx, b.setup.Origin, content.Path(followedSize, fmt.Sprintf("direct/%d", b.serial)), 1)
	if err != nil {
		return s, err
	}
	for _, n := range plan.followers {
		began := time.Now()
		values, err := followers(ctx, b, n, direct[0].Last)
		if err != nil {
			return s, fmt.Errorf("%d: %w", n, err)
		}
		g.add(float64(n), values...)
		b.scaleDone(s.title, count(float64(n)), began)
	}
	return s, nil
}

func followers(ctx context.Context, b *bench, n int, direct time.Duration) (values []float64, err error) {
	d, before, err := b.startFresh(ctx, fmt.Sprintf("followers-%d", n), followedRate)
	defer func() { err = errors.Join(err, d.stop()) }()
	if err != nil {
		return nil, err
	}
	path := content.Path(followedSize, fmt.Sprintf("followed/%d", b.serial))
	timings, err := load.Herd(ctx, d.addr, path, n)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, d.logs())
	}
	after, err := d.brought(ctx, followedSize, path)
	if err != nil {
		return nil, err
	}
	first, _, last := extremes(timings)
	each := func(v float64) float64 { return v / float64(n) }
	return []float64{
		each(ms(first)), each(ms(after.cpu - before.cpu)), each((after.peak - before.peak) * kib),
		last.Seconds() / direct.Seconds(),
	}, nil
}
