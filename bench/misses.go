package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"mirror/bench/contestant"
	"mirror/bench/load"
)

// servers are the contestants of most measures.
var servers = []contestant.Kind{
	contestant.OursNginx, contestant.OursBuiltin, contestant.NginxStore, contestant.NginxCache, contestant.Direct,
}

// firstByteLate is how much later than nginx's our first byte may come.
const firstByteLate = 3 // ms

func firstByteGoal() *goal {
	return &goal{
		text: fmt.Sprintf("at most %d ms over %s", firstByteLate, contestant.NginxStore),
		met: func(s *series, ours contestant.Kind) bool {
			return s.median(ours) <= s.median(contestant.NginxStore)+firstByteLate
		},
	}
}

func firstByteSeries(size string, kinds []contestant.Kind) *series {
	return &series{
		title: "First byte of a miss of " + size, unit: "ms", format: "%.2f", kinds: kinds, goal: firstByteGoal(),
		note: "From before the connection is made to the first byte of the body.",
	}
}

// firstByte asks for small files, one after another, each on a new connection.
func firstByte(ctx context.Context, b *bench) ([]*series, error) {
	sizes := []int64{kib, mib}
	var all []*series
	for _, n := range sizes {
		all = append(all, firstByteSeries(size(n), servers))
	}
	err := b.sideBySide(ctx, b.rounds, servers, func(ctx context.Context, t *turn) error {
		c := load.NewClient(t.Addr)
		defer c.Close()
		for i, n := range sizes {
			for range b.firstMisses {
				c.Close()
				path := t.path(n)
				timing, err := c.Get(ctx, path)
				if err != nil {
					return err
				}
				all[i].add(t, ms(timing.First))
				// What follows on a file must not meet the next miss.
				if err := t.Settle(ctx, path); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return all, err
}

// smallMisses is a package manager's work.
func smallMisses(ctx context.Context, b *bench) ([]*series, error) {
	const fileSize = 4 * kib
	what := fmt.Sprintf("%d misses of %s from %d clients", b.small, size(fileSize), b.smallClients)
	rate := &series{
		title: what, unit: "a second", format: "%.0f", kinds: append(servers[:len(servers):len(servers)], contestant.Floor),
		note: "The last line is no mirror: see bench/floor. Ours and it sync every file, nginx none.",
		goal: &goal{
			text: "at least 0.7x " + string(contestant.NginxStore),
			met: func(s *series, ours contestant.Kind) bool {
				return s.ratio(ours, contestant.NginxStore) >= 0.7
			},
		},
	}
	named := &series{
		title: what + ": until all names are in the docroot", unit: "s", format: "%.2f",
		kinds: []contestant.Kind{contestant.OursNginx, contestant.OursBuiltin, contestant.NginxStore, contestant.Floor},
		note:  "From the first request. Ours are synced to the disk by then, nginx's are not.",
	}
	err := b.sideBySide(ctx, b.rounds, rate.kinds, func(ctx context.Context, t *turn) error {
		paths := t.paths(b.small, fileSize)
		start := time.Now()
		took, err := load.Each(ctx, t.Addr, b.smallClients, paths)
		if err != nil {
			return err
		}
		rate.add(t, float64(len(paths))/took.Seconds())
		if err := t.Settle(ctx, paths...); err != nil {
			return err
		}
		named.add(t, time.Since(start).Seconds())
		return nil
	})
	return []*series{rate, named}, err
}

// bigMiss asks for one big file.
func bigMiss(ctx context.Context, b *bench) ([]*series, error) {
	first := firstByteSeries(size(gib), servers)
	speed := &series{
		title: "Miss of " + size(gib) + ", one client", unit: "MB/s", format: "%.0f",
		kinds: append(servers[:len(servers):len(servers)], contestant.Curl),
		goal: &goal{
			text: "at least 0.9x " + string(contestant.NginxStore),
			met: func(s *series, ours contestant.Kind) bool {
				return s.ratio(ours, contestant.NginxStore) >= 0.9
			},
		},
	}
	memory := &series{
		title: "Peak resident memory, miss of " + size(gib) + ", one client", unit: "MiB", format: "%.0f",
		kinds: servers[:len(servers)-1],
		note:  "All processes of the contestant; pages that nginx's processes share count for each.",
	}
	err := b.sideBySide(ctx, b.bigRounds, speed.kinds, func(ctx context.Context, t *turn) error {
		path := t.path(gib)
		if t.Kind == contestant.Curl {
			took, err := curl(ctx, t, path)
			speed.add(t, gib/1e6/took.Seconds())
			return err
		}
		c := load.NewClient(t.Addr)
		defer c.Close()
		timing, err := c.Get(ctx, path)
		if err != nil {
			return err
		}
		first.add(t, ms(timing.First))
		speed.add(t, gib/1e6/timing.Last.Seconds())
		if err := t.Settle(ctx, path); err != nil || t.Kind == contestant.Direct {
			return err
		}
		daemon, nginx, err := t.peaks()
		memory.add(t, daemon+nginx)
		return err
	})
	return []*series{first, speed, memory}, err
}

// curl gets path into a file, and checks that.
func curl(ctx context.Context, t *turn, path string) (time.Duration, error) {
	file := filepath.Join(t.b.dir, "curl")
	cmd := exec.CommandContext(ctx, "curl", "-sSf", "-o", file, "http://"+t.Addr+path)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if err != nil {
		return took, fmt.Errorf("curl: %w: %s", err, out)
	}
	return took, checkFile(file, path)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
