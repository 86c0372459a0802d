package source

import (
	"testing"
	"time"
)

// TestTolerance: what an upstream takes is what worked when it said that one was too
// many, for as long as it said.
func TestTolerance(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var p tolerance
	enter := func(want bool) {
		t.Helper()
		if got := p.enter(now); got != want {
			t.Fatalf("one more beside %d: %v, want %v", p.running, got, want)
		}
	}
	for range 3 {
		enter(true)
	}
	p.ease(now, time.Hour) // the third was refused
	p.leave()
	enter(false)
	p.leave()
	if !p.promising(now) {
		t.Error("two work, one runs, and another is not worth a try")
	}
	enter(true)
	p.ease(now, 0) // and now the second
	p.leave()
	enter(false)
	now = now.Add(easedFor + time.Second)
	enter(false) // the longest time counts
	now = now.Add(time.Hour)
	enter(true)
	p.leave()

	p.alone(now)
	p.leave()
	enter(false)
	p.ease(now, time.Hour)
	p.alone(now) // which does not shorten what the upstream has asked for
	now = now.Add(time.Hour - time.Second)
	enter(false)
	now = now.Add(time.Second)
	enter(true)

	p.useless(now)
	if p.promising(now.Add(noUseFor - 1)) {
		t.Error("what was of no use is tried again at once")
	}
	if !p.promising(now.Add(noUseFor)) {
		t.Error("what was of no use is never tried again")
	}
}

// TestEnough: half of what each connection adds where only each is limited.
func TestEnough(t *testing.T) {
	for n, want := range map[int]float64{1: 1, 2: 1.5, 4: 2.5, 8: 4.5, 16: 8.5} {
		if got := enough(n); got != want {
			t.Errorf("%d connections have to bring %v, want %v", n, got, want)
		}
	}
}
