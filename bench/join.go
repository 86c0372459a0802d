package main

import (
	"context"
	"fmt"
	"time"

	"mirror/bench/contestant"
	"mirror/bench/load"
)

const (
	joinGoal   = 3                      // ms: how late a first byte may come that is here already
	joiners    = 3                      // of each kind
	joinPause  = 100 * time.Millisecond // between two
	joinEnough = mib                    // is what they take of the file, which others' limits do not slow
)

// join has clients come while one downloads: some want the whole file, some a range
// that has arrived. The line to the upstream is slow, so that there is something to
// join.
func join(ctx context.Context, b *bench) ([]*series, error) {
	what := fmt.Sprintf("Joining a download of %s after %s, upstream %.0f MB/s in all", size(b.joinSize), b.joinAfter, float64(b.joinRate)/1e6)
	soon := &goal{
		text: fmt.Sprintf("at most %d ms", joinGoal),
		met:  func(s *series, ours contestant.Kind) bool { return s.median(ours) <= joinGoal },
	}
	first := &series{
		title: what + ": first byte", unit: "ms", format: "%.2f", kinds: servers, goal: soon,
		note: fmt.Sprintf("%d clients, and as many that want a range, each %d ms after the one before; they leave after %s.", joiners, joinPause/time.Millisecond, size(joinEnough)),
	}
	ranged := &series{
		title: what + ": first byte of a range that has arrived", unit: "ms", format: "%.2f", kinds: servers, goal: soon,
	}
	gets := &series{
		title: what + ": requests to the upstream", format: "%.0f", kinds: servers,
		note: "With the first client's. Slices are a request each, and so are the pieces of who fetches several at once.",
	}
	sent := &series{
		title: what + ": bytes from the upstream / size", format: "%.3f", kinds: servers,
		note: sentNote, goal: &goal{text: "each byte once", met: once},
	}
	err := b.sideBySide(ctx, b.joinRounds, servers, func(ctx context.Context, t *turn) error {
		if err := b.origin.SetLine(ctx, b.joinRate); err != nil {
			return err
		}
		path := t.path(b.joinSize)
		requests := []load.Request{{Path: path}}
		for i := range joiners {
			wait := b.joinAfter + time.Duration(i)*2*joinPause
			requests = append(requests,
				load.Request{Path: path, Enough: joinEnough, Wait: wait},
				load.Request{Path: path, From: mib, To: 2 * mib, Wait: wait + joinPause})
		}
		timings, err := load.All(ctx, t.Addr, requests)
		if err != nil {
			return err
		}
		for i, timing := range timings[1:] {
			[]*series{first, ranged}[i%2].add(t, ms(timing.First))
		}
		if err := t.Settle(ctx, path); err != nil {
			return err
		}
		count, err := b.origin.Count(ctx, path)
		gets.add(t, float64(count.Requests))
		sent.add(t, float64(count.Sent)/float64(b.joinSize))
		return err
	})
	return []*series{first, ranged, gets, sent}, err
}
