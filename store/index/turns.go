package index

import (
	"context"
	"math/rand/v2"
	"time"
)

// How processes take turns.
//
// SQLite's lock has no queue: whoever tries at the right moment gets it. A
// process that writes without pause lets go for microseconds only, and others,
// who try ever more rarely (SQLite's own way, up to ten times a second), may
// miss all of these. So both sides do their part: who has written for a whole
// turn pauses for longer than the others wait between two tries, and so each
// of them tries in the pause, and the first gets its turn.
//
//	writer A  ████████████████████ turn ······· pause   ← A waits ──→
//	writer B     ×   ×   ×   ×   ×   ×   ×   ×  ████████████████████
//	             └ tries, at most tryEvery apart
//
// Eight processes that write all the time wait 0.16 s at most (1.3 s each in
// the safe mode, where a commit takes a hundred times as long); with SQLite's
// own waiting it was 1.3 s, and in the safe mode there was no end to it.
const (
	turnTime  = 100 * time.Millisecond
	pauseTime = 10 * time.Millisecond
	tryEvery  = 8 * time.Millisecond

	// The first wait. A commit takes a few hundred microseconds.
	tryFirst = time.Millisecond

	// patience bounds the wait, below the 30 s after which apt gives up. A
	// process that is alive never holds a lock for that long.
	patience = 20 * time.Second
)

// patiently repeats f while others are in the way. Every call that may take a
// lock goes through here, SQLite's own waiting is off.
func (x *Index) patiently(ctx context.Context, f func() error) error {
	deadline := time.Now().Add(x.patience)
	for longest := tryFirst; ; longest = min(2*longest, tryEvery) {
		err := f()
		if !isBusy(err) || time.Now().After(deadline) {
			return err
		}
		// Some chance keeps two that wait from always meeting.
		wait := time.NewTimer(longest/2 + rand.N(longest/2))
		select {
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		case <-wait.C:
		}
	}
}

// A turn tells a writer when to pause.
type turn struct{ began, ended time.Time }

// begin is called before each transaction. It pauses if the turn is over.
func (t *turn) begin() {
	if t.over(time.Now()) {
		time.Sleep(pauseTime)
		t.began = time.Now()
	}
}

// over reports whether the turn is over at a moment. One that was interrupted
// for long enough begins anew.
func (t *turn) over(now time.Time) bool {
	if now.Sub(t.ended) >= pauseTime {
		t.began = now
	}
	return now.Sub(t.began) >= turnTime
}

// end is called after each transaction.
func (t *turn) end() { t.ended = time.Now() }
