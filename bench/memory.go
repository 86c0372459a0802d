package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mirror/bench/contestant"
	"mirror/bench/load"
)

// How much memory the daemon may take, in MiB.
const (
	memoryIdle      = 40
	memoryFollowers = 64
)

// memory looks at what the processes hold after many small files, and while many
// clients follow one big file as it arrives.
func memory(ctx context.Context, b *bench) ([]*series, error) {
	ours := []contestant.Kind{contestant.OursNginx, contestant.OursBuiltin, contestant.OursApache}
	alone := []contestant.Kind{contestant.NginxStore, contestant.ModCache} // each client has a fetch of its own
	notFollowed := append(alone[:len(alone):len(alone)], contestant.AptCacherNG, contestant.NginxSlice)
	shared := slices.DeleteFunc(slices.Clone(contestant.Peers), func(k contestant.Kind) bool { return slices.Contains(notFollowed, k) })
	atMost := func(limit float64) *goal {
		return &goal{
			text: fmt.Sprintf("at most %.0f MiB", limit),
			met:  func(s *series, ours contestant.Kind) bool { return s.median(ours) <= limit },
		}
	}
	const whose = "mirror-fcgi, or all processes of the peer; pages that processes share count for each."
	idle := &series{
		title: fmt.Sprintf("Resident memory after %d misses of %s", b.small, size(smallSize)), unit: "MiB", format: "%.0f",
		kinds: append(ours[:len(ours):len(ours)], contestant.Peers...), goal: atMost(memoryIdle), note: whose,
	}
	what := fmt.Sprintf("Peak resident memory, miss of %s with %d followers", size(b.memorySize), b.memoryClients)
	peak := &series{
		title: what, unit: "MiB", format: "%.0f",
		kinds: append(ours[:len(ours):len(ours)], shared...), goal: atMost(memoryFollowers),
		note: whose + fmt.Sprintf(" "+mapped+" Left out are %s and %s, which would fetch the file %d times at once, onto %s of disk, and %s, which leaves some of so many clients without an answer; "+
			"%s has more files open then than a process may have. One client gets the whole file, the others leave after %s each.",
			alone[0], alone[1], b.memoryClients, size(int64(b.memoryClients)*b.memorySize), contestant.AptCacherNG, contestant.NginxSlice, size(b.memorySize/followed)),
	}
	front := &series{
		title: what + ": the web server in front", unit: "MiB", format: "%.0f",
		kinds: []contestant.Kind{contestant.OursNginx, contestant.OursApache},
	}
	err := b.sideBySide(ctx, 1, idle.kinds, func(ctx context.Context, t *turn) error {
		paths := t.paths(b.small, smallSize)
		if _, err := load.Each(ctx, t.Addr, b.smallClients, paths); err != nil {
			return err
		}
		if err := t.Settle(ctx, paths...); err != nil {
			return err
		}
		which := t.Front
		if t.Kind.Ours() {
			which = t.Daemon
		}
		n, err := which.Resident()
		idle.add(t, float64(n)/mib)
		if err != nil || slices.Contains(notFollowed, t.Kind) {
			return err
		}
		path := t.path(b.memorySize)
		requests := slices.Repeat([]load.Request{{Path: path, Enough: b.memorySize / followed}}, b.memoryClients)
		requests[0].Enough = 0
		if _, err := load.All(ctx, t.Addr, requests); err != nil {
			return err
		}
		if err := t.Settle(ctx, path); err != nil {
			return err
		}
		d, f, err := t.peaks()
		if t.Kind.Ours() {
			peak.add(t, d)
			if t.Front != nil {
				front.add(t, f)
			}
		} else {
			peak.add(t, f)
		}
		return err
	})
	return []*series{idle, peak, front}, err
}

// followed is which part of the file most followers get: all of it, for all of
// them, would only take longer.
const followed = 16

// peaks returns the peak resident memory so far, in MiB.
func (t *turn) peaks() (daemon, front float64, err error) {
	var errs [2]error
	var n int64
	if t.Daemon != nil {
		n, errs[0] = t.Daemon.Peak()
		daemon = float64(n) / mib
	}
	if t.Front != nil {
		n, errs[1] = t.Front.Peak()
		front = float64(n) / mib
	}
	return daemon, front, errors.Join(errs[:]...)
}
