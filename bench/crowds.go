package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"mirror/bench/content"
	"mirror/bench/contestant"
	"mirror/bench/load"
)

// herd lets many clients ask for one file at once, of an upstream that limits
// each connection. The one direct client is what the worst of them is held
// against.
func herd(ctx context.Context, b *bench) ([]*series, error) {
	what := fmt.Sprintf("%d clients, one file of %s, upstream %.0f MB/s a connection", b.herdClients, size(b.herdSize), float64(b.herdRate)/1e6)
	gets := &series{title: what + ": requests to the upstream", format: "%.0f", kinds: servers}
	asked := &series{
		title: what + ": bytes asked of the upstream / size", format: "%.3f", kinds: servers,
		goal: &goal{
			text: "each byte once",
			met:  func(s *series, ours contestant.Kind) bool { return s.median(ours) <= 1 },
		},
	}
	worst := &series{
		title: what + ": the last to be done", unit: "s", format: "%.2f", kinds: servers,
		note: "Direct is one client.",
		goal: &goal{
			text: "at most 1.05x one direct client",
			met: func(s *series, ours contestant.Kind) bool {
				return s.ratio(ours, contestant.Direct) <= 1.05
			},
		},
	}
	first := &series{
		title: what + ": the last first byte", unit: "ms", format: "%.1f", kinds: servers,
		note: "Direct is one client.",
	}
	err := b.sideBySide(ctx, b.herdRounds, servers, func(ctx context.Context, t *turn) error {
		if err := b.origin.Set(ctx, b.herdRate, 0); err != nil {
			return err
		}
		clients := b.herdClients
		if t.Kind == contestant.Direct {
			clients = 1
		}
		path := t.path(b.herdSize)
		timings, err := load.Herd(ctx, t.Addr, path, clients)
		if err != nil {
			return err
		}
		var lastFirst, last time.Duration
		for _, timing := range timings {
			lastFirst, last = max(lastFirst, timing.First), max(last, timing.Last)
		}
		if err := t.Settle(ctx, path); err != nil {
			return err
		}
		count, err := b.origin.Count(ctx, path)
		gets.add(t, float64(count.Requests))
		asked.add(t, float64(count.Asked)/float64(b.herdSize))
		worst.add(t, last.Seconds())
		first.add(t, ms(lastFirst))
		return err
	})
	return []*series{gets, asked, worst, first}, err
}

// hits asks for files that are there.
func hits(ctx context.Context, b *bench) ([]*series, error) {
	const files = 64 // of each size: all fit the page cache, and no processor's
	sizes := []int64{4 * kib, mib}
	var all []*series
	for _, n := range sizes {
		all = append(all, &series{
			title: fmt.Sprintf("Hits of %s from %d clients", size(n), b.hitClients), unit: "a second", format: "%.0f", kinds: servers,
		})
	}
	err := b.sideBySide(ctx, b.rounds, servers, func(ctx context.Context, t *turn) error {
		for i, n := range sizes {
			paths := t.paths(files, n)
			if _, err := load.Each(ctx, t.Addr, b.hitClients, paths); err != nil {
				return err
			}
			if err := t.Settle(ctx, paths...); err != nil {
				return err
			}
			rate, err := load.Rate(ctx, t.Addr, b.hitClients, paths, b.hitTime)
			if err != nil {
				return err
			}
			all[i].add(t, rate)
		}
		return nil
	})
	return all, err
}

// memoryGoal is how much the daemon may take, in MiB.
const memoryGoal = 64

// memory lets many clients follow one big file as it arrives.
func memory(ctx context.Context, b *bench) ([]*series, error) {
	what := fmt.Sprintf("Peak resident memory, miss of %s with %d followers", size(b.memorySize), b.memoryClients)
	ours := &series{
		title: what + ": mirror-fcgi", unit: "MiB", format: "%.0f",
		kinds: []contestant.Kind{contestant.OursNginx, contestant.OursBuiltin},
		goal: &goal{
			text: fmt.Sprintf("at most %d MiB", memoryGoal),
			met:  func(s *series, ours contestant.Kind) bool { return s.median(ours) <= memoryGoal },
		},
	}
	nginx := &series{
		title: what + ": nginx", unit: "MiB", format: "%.0f",
		kinds: []contestant.Kind{contestant.OursNginx, contestant.NginxCache},
		note: fmt.Sprintf("All its processes; pages that they share count for each. %s is left out: it would fetch the file %d times at once, onto %s of disk.",
			contestant.NginxStore, b.memoryClients, size(int64(b.memoryClients)*b.memorySize)),
	}
	kinds := []contestant.Kind{contestant.OursNginx, contestant.OursBuiltin, contestant.NginxCache}
	err := b.sideBySide(ctx, 1, kinds, func(ctx context.Context, t *turn) error {
		path := t.path(b.memorySize)
		if _, err := load.Herd(ctx, t.Addr, path, b.memoryClients); err != nil {
			return err
		}
		if err := t.Settle(ctx, path); err != nil {
			return err
		}
		d, n, err := t.peaks()
		if t.Kind.Ours() {
			ours.add(t, d)
		}
		if t.Front != nil {
			nginx.add(t, n)
		}
		return err
	})
	return []*series{ours, nginx}, err
}

// peaks returns the peak resident memory so far, in MiB.
func (t *turn) peaks() (daemon, nginx float64, err error) {
	var errs [2]error
	var n int64
	if t.Daemon != nil {
		n, errs[0] = t.Daemon.Peak()
		daemon = float64(n) / mib
	}
	if t.Front != nil {
		n, errs[1] = t.Front.Peak()
		nginx = float64(n) / mib
	}
	return daemon, nginx, errors.Join(errs[:]...)
}

// checkFile checks that a file on disk is the one at path, and empties it.
func checkFile(file, path string) error {
	want, err := content.Of(path)
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	check := content.NewCheck(want)
	if _, err := io.CopyBuffer(check, f, make([]byte, mib)); err != nil {
		return err
	}
	return errors.Join(check.Whole(), os.Truncate(file, 0))
}
