package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"mirror/bench/contestant"
	"mirror/bench/load"
)

// servers are the contestants of most measures.
var servers = slices.Concat(contestant.Ours, contestant.Peers, []contestant.Kind{contestant.Direct})

// What to know of Varnish where the disk counts, and where memory does.
const (
	noDisk = string(contestant.Varnish) + " keeps nothing on the disk."
	mapped = string(contestant.Varnish) + " keeps the file there, and " + string(contestant.VarnishFile) + " maps its own."
)

func withFloors() []contestant.Kind { return slices.Concat(servers, contestant.Floors) }

func firstByteGoal() *goal {
	return &goal{
		text: fmt.Sprintf("at or under %s", contestant.NginxStore), against: []contestant.Kind{contestant.NginxStore},
		met: func(s *series, ours contestant.Kind) bool {
			return s.ratio(ours, contestant.NginxStore) <= 1
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
	kinds := withFloors()
	all := []*series{firstByteSeries(size(kib), kinds), firstByteSeries(size(mib), servers)}
	all[0].note += " The last lines are no mirrors: see bench/floor."
	err := b.sideBySide(ctx, b.rounds, kinds, func(ctx context.Context, t *turn) error {
		c := load.NewClient(t.Addr)
		defer c.Close()
		for i, n := range sizes {
			if slices.Contains(contestant.Floors, t.Kind) && n > kib {
				continue // it answers when it has all of a file
			}
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

const (
	upstreamDelay = 50 * time.Millisecond
	delayGoal     = 1.02 // x direct
)

// delayed is firstByte with an upstream that is far away.
func delayed(ctx context.Context, b *bench) ([]*series, error) {
	sizes := []int64{kib, mib, gib}
	var all []*series
	for _, n := range sizes {
		all = append(all, &series{
			title: fmt.Sprintf("First byte of a miss of %s, each answer of the upstream %d ms late", size(n), upstreamDelay/time.Millisecond),
			unit:  "ms", format: "%.2f", kinds: servers,
			note: "From before the connection is made to the first byte of the body.",
			goal: &goal{
				text: fmt.Sprintf("at most %.2fx direct", delayGoal), against: []contestant.Kind{contestant.Direct},
				met: func(s *series, ours contestant.Kind) bool {
					return s.ratio(ours, contestant.Direct) <= delayGoal
				},
			},
		})
	}
	err := b.sideBySide(ctx, b.delayRounds, servers, func(ctx context.Context, t *turn) error {
		if err := b.origin.Set(ctx, 0, upstreamDelay); err != nil {
			return err
		}
		c := load.NewClient(t.Addr)
		defer c.Close()
		for i, n := range sizes {
			q := load.Request{}
			misses := b.delayMisses
			if n == gib { // its first byte is all that is wanted of it
				q.Enough, misses = 1, 1
			}
			for range misses {
				c.Close()
				q.Path = t.path(n)
				timing, err := c.Do(ctx, q)
				if err != nil {
					return err
				}
				all[i].add(t, ms(timing.First))
				if err := t.Settle(ctx, q.Path); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return all, err
}

// smallSize is how long a small file is.
const smallSize = 4 * kib

// smallMisses is a package manager's work.
func smallMisses(ctx context.Context, b *bench) ([]*series, error) {
	what := fmt.Sprintf("%d misses of %s from %d clients", b.small, size(smallSize), b.smallClients)
	rate := &series{
		title: what, unit: "a second", format: "%.0f", kinds: withFloors(),
		note: "The last lines are no mirrors: see bench/floor. Ours and they sync every file, the peers none. " + noDisk + " " +
			"CGI, a process for each miss, brings a fifth of the files.",
		goal: &goal{
			text: "at least " + string(contestant.NginxStore) + "'s", against: []contestant.Kind{contestant.NginxStore},
			met: func(s *series, ours contestant.Kind) bool {
				return s.ratio(ours, contestant.NginxStore) >= 1
			},
		},
	}
	named := &series{
		title: what + ": until all names are in the docroot", unit: "s", format: "%.2f",
		kinds: []contestant.Kind{contestant.OursNginx, contestant.OursBuiltin, contestant.OursApache, contestant.NginxStore, contestant.Floor, contestant.FloorLedger, contestant.FloorSockets},
		note:  "From the first request. Ours are synced to the disk by then, nginx's are not.",
	}
	err := b.sideBySide(ctx, b.smallRounds, rate.kinds, func(ctx context.Context, t *turn) error {
		n := b.small
		if t.Kind == contestant.OursCGI {
			n /= 5
		}
		paths := t.paths(n, smallSize)
		start := time.Now()
		took, err := load.Each(ctx, t.Addr, b.smallClients, paths)
		if err != nil {
			return err
		}
		rate.add(t, float64(len(paths))/took.Seconds())
		if err := t.Settle(ctx, paths...); err != nil {
			return err
		}
		if n == b.small {
			named.add(t, time.Since(start).Seconds())
		}
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
		note:  noDisk,
		goal: &goal{
			text: "at least the best peer's", against: contestant.Peers,
			met: func(s *series, ours contestant.Kind) bool {
				return !slices.ContainsFunc(contestant.Peers, func(peer contestant.Kind) bool { return s.ratio(ours, peer) < 1 })
			},
		},
	}
	memory := &series{
		title: "Peak resident memory, miss of " + size(gib) + ", one client", unit: "MiB", format: "%.0f",
		kinds: servers[:len(servers)-1],
		note:  "All processes of the contestant but mirror-cgi's; pages that processes share count for each. " + mapped,
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
