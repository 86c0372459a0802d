package source

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"mirror"
)

// A segmented body gives the bytes of one file in order, from one connection as
// long as that is fast enough, and from several where each is slow.
//
//	one      main ─────────────────────────────────────────────> reader
//	trial    main ───────────> S                                  reader reads main
//	                           S ──> segment, kept                 is it faster with two?
//	several  main ─> c | segment | segment | segment | ...        reader reads the first
//	                     worker    worker    worker
//
// Main is the answer that the fetch began with, whose end is the file's. In the
// trial a second connection asks for a segment that lies so far ahead (S) that
// main does not get there before it has been seen what the second one brings. If
// it is no faster with two, or the segment is refused, main just goes on. Else
// main ends after a segment (c), and its connection is closed: what it had under way
// is all that comes twice.
//
// Then workers, one for each connection, ask for segment after segment, in
// ascending order, and never far ahead of the reader. Where more connections
// bring no more, fewer are used; and where one brings as much, one is asked for
// all that is left, and is main from then on.
//
//	segments.go          what its reader does: from one connection to several, and back
//	segments_pace.go     how many connections are of use: the trial, and what follows
//	segments_work.go     the workers
//	segments_ahead.go    what has arrived ahead of the reader
//	segments_silence.go  how long the reader waits until it gives up
type segmented struct {
	h    *HTTP
	path mirror.Name
	pin  mirror.Meta
	may  *Extra

	ctx     context.Context // of all but the main that the fetch began with
	cancel  context.CancelCauseFunc
	workers sync.WaitGroup

	// Of the goroutine that reads.
	main    io.Reader // nil: there are several
	wire    *body     // below main
	hangUp  func()    // ends main
	pos     int64     // of the next byte to give out
	end     int64     // the file's length
	trial   *trial    // nil: none runs; changed with mu, too
	silence silence   // of the first segment

	mu      sync.Mutex
	arrived sync.Cond // of mu: the reader has something to do
	changed sync.Cond // of mu: workers may have
	// All of this is guarded by mu.
	phase    phase
	segments []*segment // ascending, without gaps; the first begins at pos or before
	since    time.Time  // when the first one became it
	hung     int        // how often in a row it was hung up, and brought no byte
	next     int64      // where the next one begins
	target   int        // how many connections there should be
	running  int        // how many workers there are
	resting  bool       // one of the workers is
	err      error      // why the last worker went that did not work any more
	alone    bool       // a request was refused that may not be if there is but one

	pace pace // what has been measured, and what that told
}

// phase is what workers go by.
type phase int

const (
	single  phase = iota // there are none, or they end
	trying               // the trial's has its segment, and waits for the verdict
	several              // they ask for segment after segment
	ending               // nothing new is begun: one connection is to take over
)

const (
	// segmentsWorth is how much has to be left, in bytes, for more than one
	// connection: of less, one connection brings most while others are made.
	segmentsWorth = 8 << 20

	// A segment's size in bytes: as small as may be, since its client gets a part of the
	// file at the rate of one connection, and then what has arrived behind it at once.
	segmentLeast = 256 << 10 // at the end, so that all connections end together
	segmentSize  = 1 << 20
	// farTimes is how often longer it has to take to arrive than its answer to begin:
	// meanwhile nothing comes by that connection.
	farTimes = 16

	// reopenMost is how long, in all, an upstream that took several connections is
	// waited for until it takes one again, where another one may have the file.
	reopenMost = 8 * time.Second
	// changedMost is how often it may say meanwhile that it has another version: two
	// machines behind one address each have every other connection.
	changedMost = 4

	// windowPer is how many segments there are at a time for each connection: one
	// that is arriving, and one that waits for those before it.
	windowPer = 2
)

// segmented returns the body for what is left of the file; nil where it has to
// come by one connection.
func (x *exchange) segmented(main io.Reader, left int64) *segmented {
	h, may := x.h, x.r.Extra
	if may == nil || may.Connections < 2 || x.r.Accept != "" || left < segmentsWorth || h.opts.Extra == nil || !x.meta.Pinned() || !x.ranges {
		return nil
	}
	s := &segmented{
		h: h, path: x.r.Path, pin: x.meta, may: may,
		main: &causal{main, x.first}, wire: x.body, hangUp: func() { x.hangUp(nil) },
		pos: x.offset + x.appended, end: x.meta.Size, target: 1, pace: pace{first: x.toHeader},
	}
	s.arrived.L, s.changed.L = &s.mu, &s.mu
	s.ctx, s.cancel = context.WithCancelCause(x.ctx)
	s.pace.measure.restart(s.wire, time.Now())
	context.AfterFunc(s.ctx, s.wake)
	return s
}

// wake has everybody look at what there is to do.
func (s *segmented) wake() {
	s.mu.Lock()
	s.arrived.Broadcast()
	s.changed.Broadcast()
	s.mu.Unlock()
}

// Read implements io.Reader. It is called by one goroutine.
func (s *segmented) Read(p []byte) (int, error) {
	n, err := s.read(p)
	if err == nil || err == io.EOF || s.ctx.Err() != nil {
		return n, err
	}
	s.mu.Lock()
	several := s.main == nil || s.trial != nil || s.err != nil
	s.mu.Unlock()
	if several {
		s.h.tolerance.useless(time.Now()) // whoever goes on with what is here has one connection
	}
	return n, err
}

func (s *segmented) read(p []byte) (int, error) {
	for s.main == nil {
		n, err := s.take(p)
		if n > 0 || err != nil {
			return n, err
		}
		if s.pos == s.end {
			return 0, io.EOF
		}
		if err := s.reopen(); err != nil {
			return 0, err
		}
	}
	if s.trial != nil {
		p = p[:min(int64(len(p)), s.trial.at-s.pos)]
	}
	n, err := s.main.Read(p)
	if s.pos += int64(n); err == nil {
		s.consider()
	}
	return n, err
}

// take gives out what has arrived of the first segment, or waits for it. Without
// bytes and error, there are no workers any more, and main has to be opened.
func (s *segmented) take(p []byte) (int, error) {
	front, there, err := s.front()
	if front == nil || err != nil {
		return 0, err
	}
	n, err := front.file.ReadAt(p[:min(int64(len(p)), there)], s.pos-front.from)
	if err != nil {
		return 0, storeError(err)
	}
	s.mu.Lock()
	s.pos += int64(n)
	s.silence.ended(n)
	if s.pos == front.to {
		front.drop()
		s.segments, s.since, s.hung = slices.Delete(s.segments, 0, 1), time.Now(), 0
		s.changed.Broadcast()
	}
	s.mu.Unlock()
	s.weigh()
	return n, nil
}

// front waits until there are bytes to give out, and returns the first segment and how
// many it has of them. nil without an error: see take.
func (s *segmented) front() (front *segment, there int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.ctx.Err() != nil {
			return nil, 0, context.Cause(s.ctx)
		}
		if len(s.segments) > 0 {
			front = s.segments[0]
			if there = front.from + front.got - s.pos; there > 0 {
				return front, there, nil
			}
		}
		if s.pos == s.end || s.running == 0 {
			return nil, 0, s.over()
		}
		begun := time.Now()
		timer := time.AfterFunc(min(s.late(), s.silence.left(&s.h.opts)), s.wake)
		s.arrived.Wait()
		timer.Stop()
		if err := s.silence.lasted(time.Since(begun), &s.h.opts); err != nil {
			return nil, 0, err
		}
	}
}

// over says what follows when no worker is left: an error, or nil where one
// connection can take over. Caller holds mu.
func (s *segmented) over() error {
	if s.phase == ending || s.pos == s.end || s.alone {
		s.alone = false // if that one is refused, too, it is over
		return nil
	}
	return s.err
}

// reopen asks for all that is left, by one connection. An upstream to which several
// were too many may take a moment until it takes one again; and of those that several
// machines answer for, not each may know the version that main had come from. One that does
// not answer ranges any more has broken off: whoever goes on compares all that it sends.
func (s *segmented) reopen() error {
	s.mu.Lock()
	s.drop()
	s.phase, s.target = single, 1
	s.mu.Unlock()
	left := reopenMost
	for try, pause := 1, tryAgain; ; try, pause = try+1, 2*pause {
		err := s.openRest()
		var own *Error
		if !errors.As(err, &own) {
			return err
		}
		pause = max(pause, own.RetryAfter)
		again := own.status == http.StatusTooManyRequests || own.status == http.StatusServiceUnavailable ||
			errors.Is(err, mirror.ErrChanged) && try < changedMost
		if left -= pause; !again || left < 0 {
			if errors.Is(err, mirror.ErrChanged) && !own.other {
				own.Kind = mirror.ErrBroken // it may be what it was, but has no part of it any more
			}
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.ctx.Done():
			timer.Stop()
			return context.Cause(s.ctx)
		}
	}
}

// openRest makes an answer with all that is left main.
func (s *segmented) openRest() error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	body, err := s.h.rangeOver(ctx, cancel, s.h.client, s.path, s.pos, s.end-1, s.pin)
	if err != nil {
		cancel(nil)
		return err
	}
	s.main, s.wire, s.hangUp = &causal{body, ctx}, body, func() { cancel(nil); body.Close() }
	s.pace.measure.restart(body, time.Now())
	return nil
}

// causal is a body whose errors are the cause for which it was given up.
type causal struct {
	io.Reader
	ctx context.Context
}

func (c *causal) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if cause := context.Cause(c.ctx); err != nil && cause != nil {
		err = cause
	}
	return n, err
}

// drop forgets all segments. Caller holds mu.
func (s *segmented) drop() {
	for _, g := range s.segments {
		g.drop()
	}
	s.segments = nil
}

// close ends everything, and waits for it.
func (s *segmented) close() {
	s.cancel(nil)
	s.workers.Wait()
	s.mu.Lock()
	s.drop()
	s.mu.Unlock()
	if s.main != nil {
		s.hangUp()
	}
}
