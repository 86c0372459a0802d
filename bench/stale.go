package main

import (
	"context"
	"fmt"
	"time"

	"mirror/bench/content"
	"mirror/bench/contestant"
	"mirror/bench/load"
)

const (
	staleClients = 50
	staleNames   = 20
	staleGoal    = 100 // ms
)

// stale asks for mutable names while the upstream takes every question and answers
// none: names that are due, and names that are older than max_stale, of which somebody
// waits for the upstream once, before the clock starts.
func stale(ctx context.Context, b *bench) ([]*series, error) {
	kinds := []contestant.Kind{contestant.OursNginx, contestant.OursBuiltin}
	var all []*series
	for _, age := range []struct{ dir, what string }{{"due", "due"}, {"old", "older than max_stale"}} {
		title := fmt.Sprintf("%d clients of mutable names that are %s, the upstream hangs", staleClients, age.what)
		half := &series{title: title + ": p50", unit: "ms", format: "%.1f", kinds: kinds}
		most := &series{
			title: title + ": p99", unit: "ms", format: "%.1f", kinds: kinds,
			note: "Each client asks again as soon as it has its answer, so this is the machine at its limit.",
			goal: &goal{
				text: fmt.Sprintf("under %d ms", staleGoal),
				met:  func(s *series, k contestant.Kind) bool { return s.median(k) < staleGoal },
			},
		}
		all = append(all, half, most)
		err := b.sideBySide(ctx, b.rounds, kinds, func(ctx context.Context, t *turn) error {
			b.serial++
			paths := make([]string, staleNames)
			for i := range paths {
				paths[i] = content.Path(4*kib, fmt.Sprintf("stale/%s/%d/%d/InRelease", age.dir, b.serial, i))
			}
			if _, err := load.Each(ctx, t.Addr, 1, paths); err != nil {
				return err
			}
			if err := t.Settle(ctx, paths...); err != nil {
				return err
			}
			if err := b.origin.Set(ctx, 0, time.Hour); err != nil {
				return err
			}
			if _, err := load.Each(ctx, t.Addr, 1, paths[:1]); err != nil {
				return err
			}
			took, err := load.Latencies(ctx, t.Addr, staleClients, paths, b.hitTime)
			if err != nil {
				return err
			}
			half.add(t, ms(took[len(took)/2]))
			most.add(t, ms(took[len(took)*99/100]))
			return nil
		})
		if err != nil {
			return all, err
		}
	}
	return all, nil
}
