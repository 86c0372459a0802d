package source

import (
	"math"
	"time"
)

const (
	// sliceLeast and sliceMost bound for how long a rate is measured: long enough
	// for an upstream that limits its rate to have sent several pieces.
	sliceLeast = 50 * time.Millisecond
	sliceMost  = 500 * time.Millisecond

	// fastEnough is the rate, in bytes a second, at which one connection is no
	// limit: a disk hardly takes more.
	fastEnough = 250e6

	// worthWhile is how long the rest has to take by one connection for it to be
	// worth making others.
	worthWhile = time.Second

	// growing is how many times what it was before a rate has to be for it to be taken for
	// one that grows, and steadyLeast how often in a row it has to be less for one that
	// does not: what comes at once may be but a part of what a round trip brings.
	growing     = 1.25
	steadyLeast = 2

	// trialMost is how far ahead the trial's segment begins, in bytes, where that is no
	// more than the share of a connection.
	trialMost = aheadMost / 4

	// verdictsMost is how often more connections are tried for a file, and trialsMost
	// how often with those trials that told nothing: ours was the machine that was slow.
	verdictsMost = 3
	trialsMost   = 10

	// leanMost is how often in a row connections have to bring too little for there to
	// be fewer of them (once may be chance), and idleMost how often their measuring may
	// be in vain until they stay as they are.
	leanMost = 2
	idleMost = 3

	// tryAgain is when a connection that was not to be had is asked for again.
	tryAgain = 250 * time.Millisecond
)

// pace is what has been measured of the connections, and what that told.
type pace struct {
	// Of the goroutine that reads.
	measure  measure
	trend    trend     // of main's rate
	again    time.Time // when more connections may be tried again
	trials   int       // how many there were
	verdicts int       // how many of them told something

	// Guarded by segmented.mu.
	received int64         // bytes, by all workers
	idled    bool          // a worker has waited for the reader
	rested   bool          // one of the workers was resting, since the measurement began
	perOne   float64       // what one connection brings, in bytes a second
	settled  bool          // there are as many connections as are of use
	lean     int           // how often in a row they brought too little, or idled
	times    float64       // how often what one brings, when it was measured before
	first    time.Duration // from a request to its first byte, lately
	took     time.Duration // what a segment took, lately
}

// measure is where a measurement began.
type measure struct {
	since  time.Time
	bytes  int64         // by then
	waited time.Duration // by then, for the upstream
}

func (m *measure) restart(b *body, now time.Time) {
	*m = measure{now, b.total, b.waited}
}

// trial is what the reader knows of the trial that runs.
type trial struct {
	w      *worker
	g      *segment
	at     int64   // where its segment begins
	rate   float64 // of main before it, in bytes a second
	from   measure // of main, since the last look; none: the second connection has brought nothing yet
	got    int64   // of the segment, by then
	second trend   // of the second one's rate
	err    error   // guarded by mu: why there is none
}

// trend is how a rate goes on. TCP doubles it with each round trip until it is what
// the line or the upstream's limit is, and before that it tells nothing.
type trend struct {
	last   float64 // bytes a second; 0: none yet
	steady int     // how often in a row it was hardly more than before
}

// grows takes the next rate, and reports whether it has to be looked at again.
func (t *trend) grows(rate float64) bool {
	if t.steady++; t.last == 0 || rate > growing*t.last {
		t.steady = 0
	}
	t.last = rate
	return t.steady < steadyLeast
}

// slice is for how long a rate is measured.
func (s *segmented) slice() time.Duration { return min(max(s.h.slice, s.pace.first), sliceMost) }

// rate is in bytes a second.
func rate(bytes int64, d time.Duration) float64 {
	return float64(bytes) / max(d, time.Millisecond).Seconds()
}

// consider looks, after each read of main, whether there should be more. Only the
// time for which the upstream was waited for counts: a slow disk is no slow
// upstream.
func (s *segmented) consider() {
	if s.trial != nil {
		s.judge()
		return
	}
	waited := s.wire.waited - s.pace.measure.waited
	if waited < s.h.slice/2 || s.pace.verdicts >= verdictsMost || s.pace.trials >= trialsMost {
		return
	}
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	now := time.Now()
	before, speed := s.pace.trend.last, rate(s.wire.total-s.pace.measure.bytes, waited)
	ours := 2*waited < now.Sub(s.pace.measure.since) // it waits for us
	s.pace.measure.restart(s.wire, now)
	if s.pace.trend.grows(speed) {
		return
	}
	speed = (before + speed) / 2
	if ours || running > 0 || speed > fastEnough || speed*worthWhile.Seconds() > float64(s.end-s.pos) ||
		now.Before(s.pace.again) || !s.h.tolerance.promising(now) {
		return
	}
	s.pace.again = now.Add(tryAgain)
	s.try(speed, now)
}

// try has a second connection ask for a segment that is so far ahead that main
// gets there only after both have been measured.
func (s *segmented) try(speed float64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	far := 2 * (s.pace.first + s.slice())
	most, left := s.may.Connections, s.end-s.pos
	s.pace.perOne = speed
	at := s.pos + max(int64(speed*far.Seconds()), min(left/int64(most), trialMost))
	w := &worker{extra: true}
	if s.end-at < segmentsWorth/2 || !s.admit(w) {
		return
	}
	g := &segment{from: at, to: min(at+s.pace.size(left, 0, most), s.end), owner: w, asked: now}
	s.segments, s.next, s.target, s.phase = []*segment{g}, g.to, 2, trying
	s.trial = &trial{w: w, g: g, at: at, rate: speed}
	s.pace.trials++
	s.start(w, g, nil)
}

// judge decides the trial, as soon as it can.
func (s *segmented) judge() {
	t, now := s.trial, time.Now()
	s.mu.Lock()
	err, got, opened, last, whole, slice := t.err, t.g.got, t.g.opened, t.g.last, t.g.whole(), s.slice()
	s.mu.Unlock()
	over := s.pos == t.at
	switch {
	case err != nil:
		s.giveUp(now)
		s.pace.verdicts++
		return
	case got == 0:
		if over {
			s.giveUp(now)
		}
		return
	case t.from.since.IsZero():
		if t.from.restart(s.wire, now); !over {
			return
		}
	}
	passed := now.Sub(t.from.since)
	if passed < slice && !over {
		return
	}
	waited := s.wire.waited - t.from.waited
	if 2*waited < passed && passed >= slice { // it waits for us: more would, too
		s.giveUp(now)
		return
	}
	main := t.rate
	if waited >= slice/2 {
		main = rate(s.wire.total-t.from.bytes, waited)
	}
	second := rate(got-t.got, passed)
	if whole || t.second.last == 0 {
		if !whole {
			last = now
		}
		second = rate(got, last.Sub(opened))
	}
	one := max(main, t.rate)
	switch {
	case main+second >= enough(2)*one:
		s.spread(one, now)
	case !t.second.grows(second), whole, t.got > 0 && main < t.rate/growing: // what it brings, main lacks
		s.giveUp(now)
		if s.pace.verdicts++; s.pace.verdicts == 2 { // once may be chance
			s.pace.verdicts = verdictsMost
			s.h.tolerance.useless(now)
		}
	case over: // it might have become fast enough
		s.giveUp(now)
	default:
		t.got = got
		t.from.restart(s.wire, now)
	}
}

// enough is what n connections have to bring, as a multiple of one, for all of
// them to be of use: half of what each more would bring if only it were limited.
func enough(n int) float64 { return float64(1+n) / 2 }

// giveUp goes on with main alone.
func (s *segmented) giveUp(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trial.w.hangUp != nil {
		s.trial.w.hangUp()
	}
	s.drop()
	s.phase, s.target, s.trial = single, 1, nil
	s.changed.Broadcast()
	s.pace.again = now.Add(worthWhile)
	s.pace.measure.restart(s.wire, now)
}

// spread ends main after a segment, and has workers ask for all that follows.
func (s *segmented) spread(speed float64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, main, hangUp := s.trial, s.main, s.hangUp
	s.target, s.pace.perOne = s.may.Connections, speed
	size := s.pace.size(s.end-s.next, s.next-s.pos-t.g.got, s.target)
	s.segments, s.since = nil, now
	for from := s.pos; from < t.at; {
		to := from + size
		if t.at-to < segmentLeast {
			to = t.at
		}
		s.segments = append(s.segments, &segment{from: from, to: to, asked: now})
		from = to
	}
	own := &worker{hangUp: hangUp}
	if len(s.segments) > 0 {
		g := s.segments[0]
		g.owner = own
		s.start(own, g, func(w *worker, g *segment) error {
			err := s.fill(w, g, main)
			hangUp()
			w.rests = true
			return err
		})
	} else {
		hangUp()
		own.rests = true
		s.start(own, nil, nil)
	}
	s.segments = append(s.segments, t.g)
	s.main, s.trial, s.phase = nil, nil, several
	for s.running < s.target {
		s.start(&worker{extra: true}, nil, nil)
	}
	s.pace.settled, s.pace.idled, s.pace.lean, s.pace.times = false, false, 0, 0
	// Once they have their first bytes.
	s.pace.measure = measure{since: now.Add(2 * s.pace.first)}
	s.changed.Broadcast()
}

// weigh looks, after each read of a segment, whether the connections that there
// are bring what they should.
func (s *segmented) weigh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != several {
		return
	}
	p, now := &s.pace, time.Now()
	passed := now.Sub(p.measure.since)
	switch {
	case p.settled:
		if s.running < s.target && s.next < s.end && !now.Before(p.again) {
			p.again = now.Add(tryAgain)
			s.start(&worker{extra: true}, nil, nil)
		}
		return
	case passed < 0:
		return
	case p.measure.bytes == 0:
		p.measure, p.idled, p.rested = measure{since: now, bytes: p.received}, false, s.resting
		return
	case passed < s.slice()<<(2*p.lean): // too little is looked at longer
		return
	}
	n, busy := s.target, s.target
	if p.rested {
		busy--
	}
	times := rate(p.received-p.measure.bytes, passed) / p.perOne
	idled, before := p.idled, p.times
	p.times = times
	p.measure, p.idled, p.rested = measure{since: now, bytes: p.received}, false, s.resting
	switch {
	case idled: // they were not all at work, so nothing is known
		p.lean++
		p.settled = p.lean >= idleMost
	case s.running < n: // there are no more to be had
		p.settled = true
	case times >= enough(busy):
		p.settled = true
	case times > growing*before:
	default:
		if p.lean++; p.lean < leanMost {
			return
		}
		p.settled = true
		s.shrink(int(math.Round(times)), now)
	}
}

// shrink goes back to n connections: the others end with their segments. Caller
// holds mu.
func (s *segmented) shrink(n int, now time.Time) {
	s.target = max(1, min(n, s.target))
	if s.target == 1 {
		s.phase = ending
		s.pace.verdicts = verdictsMost
		s.h.tolerance.useless(now)
	}
	s.changed.Broadcast()
}
