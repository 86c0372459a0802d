package maint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"mirror"
	"mirror/internal/keylock"
	"mirror/store"
)

const (
	// roundEvery is the least time from the beginning of a round to that of the
	// next: a small mirror is not read all day long.
	roundEvery = 24 * time.Hour

	// noteEvery is how often a round notes how far it is: so much of it is read
	// twice after a crash.
	noteEvery = time.Minute

	roundFile = "verify"
)

// round is how far the daemon's verification is, as the file of that name in the
// state directory has it: one line.
//
//	2026-11-22T15:04:05Z false "debian/pool/a.deb"
//	begun                ended  after: quoted as Go does, since names are bytes
type round struct {
	begun time.Time
	ended bool
	after mirror.Name // the last name that is settled
}

func (r round) String() string {
	return fmt.Sprintf("%s %t %q\n", r.begun.UTC().Format(time.RFC3339), r.ended, r.after)
}

// readRound reads what was noted. What cannot be read is no round: a new one begins.
func readRound(tree *store.Tree) round {
	text, err := tree.ReadState(roundFile)
	if err != nil {
		return round{}
	}
	var begun, after string
	var r round
	if _, err := fmt.Sscanf(string(text), "%s %t %q\n", &begun, &r.ended, &after); err != nil {
		return round{}
	}
	if r.begun, err = time.Parse(time.RFC3339, begun); err != nil {
		return round{}
	}
	r.after = mirror.Name(after)
	return r
}

// write replaces what was noted. Where a power cut has cost it, the round begins anew.
func (r round) write(tree *store.Tree) error {
	return tree.WriteState(roundFile, []byte(r.String()))
}

// VerifyRound goes on with the verification of everything where it was broken off,
// or begins anew, but not more than once a day. It returns when that round has
// ended, or there is nothing to do: then, too, when another process does it. What
// is wrong is logged.
func (s Site) VerifyRound(ctx context.Context, log *slog.Logger) error {
	tree := s.Engine.Tree()
	lock, err := tree.Locks.TryLock("\x00verify round") // no file is called so
	if errors.Is(err, keylock.ErrHeld) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Unlock()
	r := readRound(tree)
	if age := time.Since(r.begun); r.ended && age >= 0 && age < roundEvery {
		return nil
	}
	if r.ended || r.begun.IsZero() {
		r = round{begun: time.Now()}
		log.Info("verify: everything is read once more", "rate", s.Conf.Server.VerifyRate)
	} else {
		log.Info("verify: goes on", "after", Quote(r.after))
	}
	noted := time.Now()
	note := func() {
		if err := r.write(tree); err != nil {
			log.Warn("verify: how far it is cannot be noted", "err", err)
		}
		noted = time.Now()
	}
	sum, err := s.verify(ctx, "", VerifyOptions{
		Rate: s.Conf.Server.VerifyRate, After: r.after,
		Tell: func(v Verdict) {
			// What has gone, or was changed by others, is counted: it may be a lot,
			// and the same every day.
			if v.State == Damaged || v.State == Wrong || v.State == Unreadable {
				log.Warn("verify: "+v.State, "path", Quote(v.Name), "done", v.Done, "why", v.Text)
			}
		},
		Passed: func(name mirror.Name) {
			r.after = name
			if time.Since(noted) >= noteEvery {
				note()
			}
		},
	})
	r.ended = err == nil
	note()
	end := "all was read"
	if !r.ended {
		end = "broken off, to be gone on with"
	}
	log.Info("verify: "+end,
		"files", sum.Files, "bytes", sum.Bytes, "right", sum.Right, "damaged", sum.Damaged, "wrong", sum.Wrong,
		"missing", sum.Missing, "changed", sum.Changed, "unreadable", sum.Unreadable,
		"repaired", sum.Repaired, "quarantined", sum.Quarantined, "unsettled", sum.Unsettled, "took", sum.Took.Round(time.Second))
	return err
}
