package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"mirror/bench/contestant"
	"mirror/bench/origin"
)

const (
	entries = 100_000 // of the directory

	directoryTime   = 1.0 // s
	directoryMemory = 200 // MiB
)

// directory asks for the page of a large directory: the upstream's is fetched,
// parsed and recorded, and ours written.
func directory(ctx context.Context, b *bench) ([]*series, error) {
	ours := []contestant.Kind{contestant.OursNginx, contestant.OursBuiltin}
	what := fmt.Sprintf("A directory of %d entries", entries)
	took := &series{
		title: what, unit: "s", format: "%.2f", kinds: append(ours[:len(ours):len(ours)], contestant.Direct),
		note: "From the request to the last byte of the page; direct is the upstream's page, which is not parsed.",
		goal: &goal{
			text: fmt.Sprintf("at most %.0f s", directoryTime),
			met:  func(s *series, kind contestant.Kind) bool { return s.median(kind) <= directoryTime },
		},
	}
	peak := &series{
		title: what + ": peak resident memory of mirror-fcgi", unit: "MiB", format: "%.0f", kinds: ours,
		goal: &goal{
			text: fmt.Sprintf("at most %d MiB", directoryMemory),
			met:  func(s *series, kind contestant.Kind) bool { return s.median(kind) <= directoryMemory },
		},
	}
	last := []byte(origin.EntryName(entries - 1))
	err := b.sideBySide(ctx, b.rounds, took.kinds, func(ctx context.Context, t *turn) error {
		t.b.serial++
		var page bytes.Buffer
		start := time.Now()
		if err := download(ctx, t.Addr+origin.DirectoryPath(entries, t.b.serial), &page); err != nil {
			return err
		}
		took.add(t, time.Since(start).Seconds())
		if !bytes.Contains(page.Bytes(), last) {
			return fmt.Errorf("the page of %d bytes does not have the last entry", page.Len())
		}
		if t.Daemon == nil {
			return nil
		}
		n, _, err := t.peaks()
		peak.add(t, n)
		return err
	})
	return []*series{took, peak}, err
}

// download gets what is none of the files that are checked.
func download(ctx context.Context, url string, to io.Writer) error {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(ask)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(to, resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	if err != nil {
		return fmt.Errorf("http://%s: %w, after %d bytes", url, err, n)
	}
	return nil
}
