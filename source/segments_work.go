package source

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"mirror"
)

const (
	// breaksMost is how often in a row a worker's connection may break in the
	// middle before it is not tried again.
	breaksMost = 3

	// stallLeast is how long the first segment is waited for, at least, where
	// there are others: as long as TCP needs to get over a loss or two.
	stallLeast = 2 * time.Second

	// lookAround is how long an extra connection keeps its slot without looking
	// whether others may wait for it: a part of what these wait at most.
	lookAround = 500 * time.Millisecond

	// hungMost is how often that is doubled: beyond half a minute, others give up.
	hungMost = 4
)

// worker is one connection's goroutine.
type worker struct {
	extra  bool      // it needs a slot for each of its requests
	leave  func()    // gives it back; of the worker's goroutine
	rests  bool      // it has hung up just now; likewise
	looked time.Time // when it has asked, or seen that others have slots; likewise
	hangUp func()    // ends its request; guarded by segmented.mu
}

// errTakenOver: another worker has taken over, or nobody wants the segment any more.
var errTakenOver = errors.New("the segment is no longer this worker's")

// start begins a worker with a segment of its own; nil: it looks for one. Caller
// holds mu.
func (s *segmented) start(w *worker, g *segment, first func(*worker, *segment) error) {
	s.running++
	s.workers.Go(func() { s.work(w, g, first) })
}

// work is a worker's life. first is what it does with the segment that it begins
// with, where that is not to ask for it.
func (s *segmented) work(w *worker, g *segment, first func(*worker, *segment) error) {
	breaks := 0
	if first == nil {
		first = s.ask
	}
	for {
		if w.rests {
			s.rest()
			w.rests = false
		}
		if g == nil {
			if g = s.pick(w); g == nil {
				return
			}
		}
		err := first(w, g)
		end := err != nil && s.failed(w, g, err, &breaks)
		w.give() // after what the failure tells of how many there may be
		if end {
			return
		}
		if err == nil {
			breaks = 0
		}
		g, first = nil, s.ask
	}
}

// rest lets the upstream notice that a connection is closed: it may count how many
// there are.
func (s *segmented) rest() {
	s.setResting(true)
	defer s.setResting(false)
	timer := time.NewTimer(sliceLeast)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
	}
}

func (s *segmented) setResting(on bool) {
	s.mu.Lock()
	s.resting = on
	s.pace.rested = s.pace.rested || on
	s.mu.Unlock()
}

// give gives back the slot of an extra connection.
func (w *worker) give() {
	if w.leave != nil {
		w.leave()
		w.leave = nil
	}
}

// admit asks for a slot for one more connection: of what the upstream takes, and
// of what all processes may use.
func (s *segmented) admit(w *worker) bool {
	if !w.extra || w.leave != nil {
		return true
	}
	if !s.h.tolerance.enter(time.Now()) {
		return false
	}
	if s.may.Slot == nil {
		w.leave = s.h.tolerance.leave
		return true
	}
	release, ok := s.may.Slot()
	if !ok {
		s.h.tolerance.leave()
		return false
	}
	w.leave = func() { release(); s.h.tolerance.leave() }
	return true
}

// pick waits for something to do, with the slot that it needs. nil: the worker is
// no longer needed, and no longer counted.
func (s *segmented) pick(w *worker) *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.find(w); g != nil {
		g.owner, g.asked = w, time.Now()
		s.mu.Unlock()
		ok := s.admit(w)
		s.mu.Lock()
		if ok {
			return g
		}
		if g.owner == w {
			g.owner = nil
		}
	}
	if s.running--; s.running == 0 {
		s.alone = true // that is no reason to give up: one connection may do
	}
	s.arrived.Signal()
	s.changed.Broadcast() // another one may be the last now
	return nil
}

// find returns the next segment to ask for; nil: the worker is no longer needed.
// Caller holds mu.
func (s *segmented) find(w *worker) *segment {
	for {
		switch {
		case s.ctx.Err() != nil:
			return nil
		case s.phase == trying: // it stays to be seen
			s.changed.Wait()
			continue
		case s.phase == single, w.extra && s.running > s.target && s.phase != ending:
			return nil
		}
		for _, g := range s.segments {
			if g.owner == nil && !g.whole() {
				return g
			}
		}
		if over := s.phase == ending || s.next == s.end; over && s.isWhole() {
			return nil
		} // else one of the others may stall
		if s.phase != ending && s.next < s.end && len(s.segments) < windowPer*s.target {
			g := &segment{from: s.next, to: s.next + s.pace.size(s.end-s.next, s.missing(), s.target)}
			s.next = g.to
			s.segments = append(s.segments, g)
			return g
		}
		s.pace.idled = s.pace.idled || s.next < s.end
		s.changed.Wait()
	}
}

// isWhole: all segments have arrived.
func (s *segmented) isWhole() bool {
	for _, g := range s.segments {
		if !g.whole() {
			return false
		}
	}
	return true
}

// late hangs up the connection that the reader waits for, once it has done so for too
// long: somebody else, or the same worker by another connection, goes on with the
// segment. It returns when to look again. Caller holds mu.
func (s *segmented) late() time.Duration {
	if len(s.segments) == 0 || s.running < 2 {
		return stallLeast
	}
	front := s.segments[0]
	usual := max(s.pace.took, time.Duration(float64(front.to-front.from)/s.pace.perOne*float64(time.Second)))
	most := max(stallLeast, 4*usual) << min(s.hung, hungMost) // it may be that slow now
	if front.owner == nil || front.owner.hangUp == nil {
		return most
	}
	if left := most - min(time.Since(front.asked), time.Since(s.since)); left > 0 {
		return left
	}
	front.owner.hangUp()
	front.owner = nil
	s.hung++
	s.changed.Broadcast()
	return most
}

// missing is how much of the segments has not arrived. Caller holds mu.
func (s *segmented) missing() (n int64) {
	for _, g := range s.segments {
		n += g.missing()
	}
	return n
}

// size is how long the next segment is to be, where n connections have yet to bring left
// bytes that are in no segment, and missing that are in one: of both, each has its share, if
// all are to end together.
func (p *pace) size(left, missing int64, n int) int64 {
	far := int64(p.perOne * p.first.Seconds()) // what a connection would bring while it waits for an answer
	size := min(max(segmentSize, farTimes*far), aheadMost/int64(windowPer*n))
	size = min(size, max(segmentLeast, (left+missing)/int64(n)))
	if size > left || left-size < segmentLeast/2 {
		size = left
	}
	return size
}

// ask asks for what is missing of the segment.
func (s *segmented) ask(w *worker, g *segment) error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	s.mu.Lock()
	if g.owner != w {
		s.mu.Unlock()
		return errTakenOver
	}
	from, begun := g.from+g.got, time.Now()
	w.hangUp = func() { cancel(errTakenOver) }
	g.asked = begun
	s.mu.Unlock()
	w.looked = begun
	b, err := s.h.rangeOver(ctx, cancel, s.h.extra, s.path, from, g.to-1, s.pin)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer b.Close()
	s.mu.Lock()
	g.opened = time.Now()
	s.pace.first = (3*s.pace.first + g.opened.Sub(begun)) / 4
	s.mu.Unlock()
	if err := s.fill(w, g, &causal{b, ctx}); err != nil {
		return err
	}
	// The end of the answer: it must be here, and the connection is free then.
	var more [1]byte
	if n, _ := b.Read(more[:]); n > 0 {
		return s.h.fail(mirror.ErrBroken, s.path, "sends more than bytes %d-%d, which it was asked for", from, g.to-1)
	}
	return nil // the segment is whole, whatever becomes of the connection
}

// brokeOff is an error in the middle of an answer that was good so far.
type brokeOff struct{ error }

func (b *brokeOff) Unwrap() error { return b.error }

// causeOf is the cause for which a request was given up, or else its error.
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// fill reads the rest of a segment.
func (s *segmented) fill(w *worker, g *segment, r io.Reader) error {
	file, err := s.room(w, g)
	if err != nil {
		return err
	}
	block := blocks.Get().(*[segmentBlock]byte)
	defer blocks.Put(block)
	for {
		at, left, err := s.remaining(w, g)
		if left == 0 || err != nil {
			return err
		}
		n, broke := r.Read(block[:min(segmentBlock, left)])
		_, full := file.WriteAt(block[:n], at)
		whole, err := s.came(w, g, n, full)
		switch {
		case err != nil:
			return err
		case whole:
		case broke != nil:
			return &brokeOff{early(broke)}
		case s.isInTheWay(w):
			return errTakenOver
		}
	}
}

// remaining returns where in its file w's segment goes on, and how much of it is missing.
// Once that is nothing, the segment is nobody's any more.
func (s *segmented) remaining(w *worker, g *segment) (at, left int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.owner != w {
		return 0, 0, errTakenOver
	}
	if g.whole() {
		s.pace.took = (3*s.pace.took + time.Since(g.asked)) / 4
		g.owner = nil
		s.changed.Broadcast()
	}
	return g.got, g.missing(), nil
}

// came counts n bytes that w has written behind those of its segment; full is the error
// of that.
func (s *segmented) came(w *worker, g *segment, n int, full error) (whole bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.owner != w { // and its file may be closed
		return false, errTakenOver
	}
	if full != nil {
		return false, storeError(full)
	}
	g.got += int64(n)
	g.last = time.Now()
	s.pace.received += int64(n)
	if len(s.segments) > 0 && g == s.segments[0] {
		if n > 0 {
			s.hung = 0
		}
		s.arrived.Signal()
	}
	return g.whole(), nil
}

// isInTheWay reports, now and then, whether others may wait for the slot that an extra
// connection has.
func (s *segmented) isInTheWay(w *worker) bool {
	now := time.Now()
	if !w.extra || s.may.SlotFree == nil || now.Sub(w.looked) < lookAround {
		return false
	}
	w.looked = now
	return !s.may.SlotFree()
}

// failed looks at a worker's error, and leaves its segment to others. It reports
// whether the worker is to end, and no longer counts it then.
func (s *segmented) failed(w *worker, g *segment, err error, breaks *int) (end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.owner == w {
		g.owner = nil
	}
	w.hangUp = nil
	defer s.changed.Broadcast()
	if errors.Is(err, errTakenOver) || s.ctx.Err() != nil {
		return false // pick knows what is next
	}
	var broke *brokeOff
	if errors.As(err, &broke) {
		if *breaks++; *breaks < breaksMost {
			return false
		}
	} else {
		if !errors.Is(err, mirror.ErrStore) && !errors.Is(err, mirror.ErrNoSpace) { // or it is no fault of the upstream
			s.refused(err)
		}
		s.alone = true
	}
	s.err = err
	s.running--
	s.arrived.Signal()
	if s.phase == trying {
		s.trial.err = err
		return true
	}
	s.target = max(1, min(s.target, s.running))
	if s.phase == several && s.target == 1 {
		s.phase = ending
	}
	return true
}

// refused remembers for all fetches that the upstream does not want this, or so much
// of it.
func (s *segmented) refused(err error) {
	now := time.Now()
	var own *Error
	switch {
	case !errors.As(err, &own), own.wire:
		s.h.tolerance.ease(now, 0)
	case own.status == http.StatusTooManyRequests, own.status == http.StatusServiceUnavailable:
		s.h.tolerance.ease(now, own.RetryAfter)
	case own.other: // which says nothing of other files
	default:
		s.h.tolerance.alone(now)
	}
}
