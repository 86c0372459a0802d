package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"mirror/bench/contestant"
	"mirror/bench/origin"
)

const (
	packages = 60_000 // of the suite

	indexTime   = 5.0 // s
	indexMemory = 150 // MiB
)

// indexed brings an index of a large suite: it is fetched, compared with what the
// release says, read, and what it says is recorded, before it has its name.
func indexed(ctx context.Context, b *bench) ([]*series, error) {
	kinds := []contestant.Kind{contestant.OursBuiltin}
	what := fmt.Sprintf("The Packages.xz of a suite of %d packages", packages)
	took := &series{
		title: what, unit: "s", format: "%.2f", kinds: kinds,
		note: "From the request until it is in the docroot, and what it says of each package in the record.",
		goal: &goal{
			text: fmt.Sprintf("at most %.0f s", indexTime),
			met:  func(s *series, kind contestant.Kind) bool { return s.median(kind) <= indexTime },
		},
	}
	peak := &series{
		title: what + ": peak resident memory of mirror-fcgi", unit: "MiB", format: "%.0f", kinds: kinds,
		goal: &goal{
			text: fmt.Sprintf("at most %d MiB", indexMemory),
			met:  func(s *series, kind contestant.Kind) bool { return s.median(kind) <= indexMemory },
		},
	}
	// The origin makes it when it is first asked, which takes longer than any
	// mirror waits.
	if err := download(ctx, b.setup.Origin+origin.PackagesPath(packages, 0), io.Discard); err != nil {
		return nil, err
	}
	get := func(ctx context.Context, t *turn, path string) error {
		if err := download(ctx, t.Addr+path, io.Discard); err != nil {
			return err
		}
		return t.Settle(ctx, path)
	}
	err := b.sideBySide(ctx, b.rounds, kinds, func(ctx context.Context, t *turn) error {
		t.b.serial++
		if err := get(ctx, t, origin.ReleasePath(packages, t.b.serial)); err != nil {
			return err
		}
		start := time.Now()
		if err := get(ctx, t, origin.PackagesPath(packages, t.b.serial)); err != nil {
			return err
		}
		took.add(t, time.Since(start).Seconds())
		n, _, err := t.peaks()
		peak.add(t, n)
		return err
	})
	return []*series{took, peak}, err
}
