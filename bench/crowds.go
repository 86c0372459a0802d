package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"mirror/bench/content"
	"mirror/bench/contestant"
	"mirror/bench/load"
)

// herdFirst is how late the last client's first byte may come, in ms.
const herdFirst = 50

// once is met by whoever has each byte sent once, but for what is under way when a
// connection is given up.
func once(s *series, ours contestant.Kind) bool { return s.median(ours) <= 1.01 }

const sentNote = "What the upstream sent, which is less than what was asked for where a request was given up. Within 1 % is once."

// herd lets many clients ask for one file at once, of an upstream that limits
// each connection. The one direct client is what the worst of them is held
// against.
func herd(ctx context.Context, b *bench) ([]*series, error) {
	what := fmt.Sprintf("%d clients, one file of %s, upstream %.0f MB/s a connection", b.herdClients, size(b.herdSize), float64(b.herdRate)/1e6)
	gets := &series{title: what + ": requests to the upstream", format: "%.0f", kinds: servers}
	asked := &series{
		title: what + ": bytes from the upstream / size", format: "%.3f", kinds: servers, note: sentNote,
		goal: &goal{
			text: "each byte once",
			met:  once,
		},
	}
	worst := &series{
		title: what + ": the last to be done", unit: "s", format: "%.2f", kinds: servers,
		note: "Direct is one client.",
		goal: &goal{
			text: "1.00x one direct client, within 1 %", against: []contestant.Kind{contestant.Direct},
			met: func(s *series, ours contestant.Kind) bool {
				return s.ratio(ours, contestant.Direct) <= 1.01
			},
		},
	}
	first := &series{
		title: what + ": the last first byte", unit: "ms", format: "%.1f", kinds: servers,
		note: "Direct is one client.",
		goal: &goal{
			text: fmt.Sprintf("under %d ms", herdFirst),
			met:  func(s *series, ours contestant.Kind) bool { return s.median(ours) < herdFirst },
		},
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
		lastFirst, _, last := extremes(timings)
		if err := t.Settle(ctx, path); err != nil {
			return err
		}
		count, err := b.origin.Count(ctx, path)
		gets.add(t, float64(count.Requests))
		asked.add(t, float64(count.Sent)/float64(b.herdSize))
		worst.add(t, last.Seconds())
		first.add(t, ms(lastFirst))
		return err
	})
	return []*series{gets, asked, worst, first}, err
}

// How many hits ours must have, of nginx's with static files. Behind nginx it is
// that nginx, and only what differs between two runs of it.
const (
	hitsNginx   = 0.97
	hitsBuiltin = 0.7
)

func hitsGoal() *goal {
	return &goal{
		text:    fmt.Sprintf("of nginx's static files 1.0x behind nginx (%.2fx counts, since the figures spread), %.1fx built-in", hitsNginx, hitsBuiltin),
		against: []contestant.Kind{contestant.NginxStore},
		met: func(s *series, ours contestant.Kind) bool {
			least := hitsNginx
			if ours == contestant.OursBuiltin {
				least = hitsBuiltin
			}
			return s.ratio(ours, contestant.NginxStore) >= least
		},
		as: map[contestant.Kind]contestant.Kind{
			contestant.OursNginx: contestant.OursNginx, contestant.OursBuiltin: contestant.OursBuiltin,
		},
	}
}

// hits asks for files that are there.
func hits(ctx context.Context, b *bench) ([]*series, error) {
	const files = 64 // of each size: all fit the page cache, and no processor's
	sizes := []int64{4 * kib, mib}
	var all []*series
	for _, n := range sizes {
		all = append(all, &series{
			title: fmt.Sprintf("Hits of %s from %d clients", size(n), b.hitClients), unit: "a second", format: "%.0f", kinds: servers,
			goal: hitsGoal(), note: fmt.Sprintf("%s's are nginx's static files.", contestant.NginxStore),
		})
	}
	err := b.sideBySide(ctx, b.hitRounds, servers, func(ctx context.Context, t *turn) error {
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
