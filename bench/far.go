package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mirror/bench/contestant"
	"mirror/bench/load"
)

const (
	farGoal  = 3                      // ms later than direct
	farFiles = 3                      // in each turn, all running at the same time
	farPause = 100 * time.Millisecond // between their first requests
	farLen   = 1 * mib                // of the range
)

// far asks for a range far into files that are missing. Whoever has to bring all that
// is before it is late; whoever only passes it on has nothing afterwards.
func far(ctx context.Context, b *bench) ([]*series, error) {
	servers := slices.DeleteFunc(slices.Clone(servers), func(k contestant.Kind) bool { return k == contestant.AptCacherNG })
	what := fmt.Sprintf("A range at %s into a missing file of %s, upstream %.0f MB/s a connection", size(b.farAt), size(b.farSize), float64(b.farRate)/1e6)
	first := &series{
		title: what + ": first byte", unit: "ms", format: "%.2f", kinds: servers,
		note: fmt.Sprintf("%s is left out: it answers with the whole file.", contestant.AptCacherNG),
		goal: &goal{
			text: fmt.Sprintf("within %d ms of direct", farGoal), against: []contestant.Kind{contestant.Direct},
			met: func(s *series, ours contestant.Kind) bool {
				return s.median(ours) <= s.median(contestant.Direct)+farGoal
			},
		},
	}
	sent := &series{
		title: what + ": bytes from the upstream / (file + range)", format: "%.3f", kinds: servers[:len(servers)-1],
		goal: &goal{text: "at most the file and the range", met: once},
		note: sentNote + " Ours until the file is in the docroot, the others' until the last byte of the range.",
	}
	again := &series{
		title: what + ": bytes asked of the upstream for the whole file afterwards / size", format: "%.3f", kinds: servers[:len(servers)-1],
		goal: &goal{text: "none", met: func(s *series, ours contestant.Kind) bool { return s.median(ours) == 0 }},
	}
	err := b.sideBySide(ctx, b.farRounds, servers, func(ctx context.Context, t *turn) error {
		if err := b.origin.Set(ctx, b.farRate, 0); err != nil {
			return err
		}
		paths := t.paths(farFiles, b.farSize)
		requests := make([]load.Request, farFiles)
		for i, path := range paths {
			requests[i] = load.Request{Path: path, From: b.farAt, To: b.farAt + farLen, Wait: time.Duration(i) * farPause}
		}
		timings, err := load.All(ctx, t.Addr, requests)
		if err != nil {
			return err
		}
		for _, timing := range timings {
			first.add(t, ms(timing.First))
		}
		if t.Kind == contestant.Direct {
			return nil
		}
		if t.Kind.Ours() { // the others have no name that shows when they are done
			if err := t.Settle(ctx, paths...); err != nil {
				return err
			}
		}
		before, err := b.origin.Count(ctx, paths[0])
		if err != nil {
			return err
		}
		sent.add(t, float64(before.Sent)/float64(b.farSize+farLen))
		if err := b.origin.Set(ctx, 0, 0); err != nil {
			return err
		}
		c := load.NewClient(t.Addr)
		defer c.Close()
		if _, err := c.Get(ctx, paths[0]); err != nil {
			return err
		}
		after, err := b.origin.Count(ctx, paths[0])
		again.add(t, float64(after.Asked-before.Asked)/float64(b.farSize))
		return err
	})
	return []*series{first, sent, again}, err
}
