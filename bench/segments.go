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

// segmentsGoal is how fast ours has to be, compared with aria2c.
const segmentsGoal = 0.9

// segmentsFew are clients whose bytes, all together, any machine can bear.
const segmentsFew = 10

// segmentsDelay is how far away the upstream is in the rounds with a distant one.
const segmentsDelay = 50 * time.Millisecond

// segments has an upstream that limits each connection, so that more of them are
// faster.
func segments(ctx context.Context, b *bench) ([]*series, error) {
	four := map[contestant.Kind]contestant.Kind{
		contestant.OursNginx: contestant.OursNginx, contestant.OursBuiltin: contestant.OursBuiltin,
	}
	eight := map[contestant.Kind]contestant.Kind{
		contestant.OursNginx: contestant.OursNginx8, contestant.OursBuiltin: contestant.OursBuiltin8,
	}
	crowds := []int{1, segmentsFew, b.herdClients}
	var all []*series
	for _, w := range []struct {
		with   string
		aria   contestant.Kind
		ours   map[contestant.Kind]contestant.Kind
		delay  time.Duration
		crowds []int
	}{
		{"", contestant.Aria4, four, 0, crowds},
		{", connections = 8", contestant.Aria8, eight, 0, crowds},
		{fmt.Sprintf(", %v before each answer", segmentsDelay), contestant.Aria4, four, segmentsDelay, crowds[:1]},
		{fmt.Sprintf(", %v before each answer, connections = 8", segmentsDelay), contestant.Aria8, eight, segmentsDelay, crowds[:1]},
	} {
		more, err := b.segments(ctx, w.with, w.aria, w.ours, w.delay, w.crowds)
		if all = append(all, more...); err != nil {
			return all, err
		}
	}
	return all, nil
}

// segments compares those of ours with aria2c.
func (b *bench) segments(ctx context.Context, with string, aria contestant.Kind, ours map[contestant.Kind]contestant.Kind, delay time.Duration, crowds []int) ([]*series, error) {
	kinds := []contestant.Kind{ours[contestant.OursNginx], ours[contestant.OursBuiltin], aria, contestant.Direct}
	what := fmt.Sprintf("%s of a missing file, upstream %.0f MB/s a connection%s", size(b.segmentsSize), float64(b.segmentsRate)/1e6, with)
	like := &goal{
		text: fmt.Sprintf("at least %.1fx %s", segmentsGoal, aria), as: ours, against: []contestant.Kind{aria},
		met: func(s *series, k contestant.Kind) bool { return s.ratio(k, aria) >= segmentsGoal },
	}
	var speed []*series
	for _, clients := range crowds {
		title := what + ": one client"
		if clients > 1 {
			title = fmt.Sprintf("%s: until the last of %d clients has it", what, clients)
		}
		speed = append(speed, &series{
			title: title, unit: "MB/s", format: "%.1f", kinds: kinds, goal: like,
			note: fmt.Sprintf("%s and %s are one client. All clients of ours together take as many times the figure, which the machine has to bear.", aria, contestant.Direct),
		})
	}
	sent := &series{
		title: what + ": bytes from the upstream / size", format: "%.3f", kinds: kinds[:3], note: sentNote,
		goal: &goal{text: "each byte once", met: once, as: ours},
	}
	gets := &series{title: what + ": requests to the upstream", format: "%.0f", kinds: kinds[:3]}
	err := b.sideBySide(ctx, b.segmentsRounds, kinds, func(ctx context.Context, t *turn) error {
		if err := b.origin.Set(ctx, b.segmentsRate, delay); err != nil {
			return err
		}
		var took time.Duration
		for i, clients := range crowds {
			if i > 0 && !t.Kind.Ours() { // they are one client, whose figure is there
				speed[i].add(t, float64(b.segmentsSize)/1e6/took.Seconds())
				continue
			}
			path := t.path(b.segmentsSize)
			var err error
			if took, err = t.fetch(ctx, path, clients); err != nil {
				return err
			}
			speed[i].add(t, float64(b.segmentsSize)/1e6/took.Seconds())
			if err := t.Settle(ctx, path); err != nil {
				return err
			}
			count, err := b.origin.Count(ctx, path)
			if err != nil {
				return err
			}
			if t.Kind != contestant.Direct {
				sent.add(t, float64(count.Sent)/float64(b.segmentsSize))
				gets.add(t, float64(count.Requests))
			}
		}
		return nil
	})
	return append(speed, sent, gets), err
}

// fetch gets path for so many clients, and returns when the last has it.
func (t *turn) fetch(ctx context.Context, path string, clients int) (last time.Duration, err error) {
	switch t.Kind {
	case contestant.Aria4:
		return aria(ctx, t, path, 4)
	case contestant.Aria8:
		return aria(ctx, t, path, 8)
	}
	timings, err := load.Herd(ctx, t.Addr, path, clients)
	_, _, last = extremes(timings)
	return last, err
}

// aria gets path into a file by several connections, and checks that.
func aria(ctx context.Context, t *turn, path string, connections int) (time.Duration, error) {
	t.b.serial++
	name := fmt.Sprintf("aria-%d", t.b.serial)
	n := fmt.Sprint(connections)
	cmd := exec.CommandContext(ctx, "aria2c", "--no-conf", "-q", "-x", n, "-s", n, "-k", "1M",
		"--file-allocation=none", "-d", t.b.dir, "-o", name, "http://"+t.Addr+path)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if err != nil {
		return took, fmt.Errorf("aria2c: %w: %s", err, out)
	}
	return took, checkFile(filepath.Join(t.b.dir, name), path)
}
