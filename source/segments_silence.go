package source

import (
	"math"
	"time"
)

// silence is how long the reader has waited for the first segment, whoever asks for
// it. What is silent or slow for too long is given up, as one connection is: one that
// is hung up and asked for anew would never be by itself.
type silence struct {
	quiet time.Duration // since the last byte
	spent time.Duration // since the window began
	got   int64         // bytes in the window
}

// longest is how long it may last: a request that is made anew may have to wait for
// its connection and its header, too. 0: for ever.
func longest(o *HTTPOptions) time.Duration {
	if o.Idle <= 0 {
		return 0
	}
	return o.Connect + o.Header + o.Idle
}

// left is how much longer it may last.
func (s *silence) left(o *HTTPOptions) time.Duration {
	if most := longest(o); most > 0 {
		return most - s.quiet
	}
	return math.MaxInt64
}

// lasted counts a wait, and says whether it was one too many.
func (s *silence) lasted(d time.Duration, o *HTTPOptions) error {
	s.quiet += d
	s.spent += d
	if most := longest(o); most > 0 && s.quiet >= most {
		return errIdle
	}
	if o.LowSpeedTime > 0 && s.spent >= o.LowSpeedTime {
		if float64(s.got) < float64(o.LowSpeed)*s.spent.Seconds() {
			return errSlow
		}
		s.spent, s.got = 0, 0
	}
	return nil
}

// ended counts bytes.
func (s *silence) ended(n int) {
	s.quiet = 0
	s.got += int64(n)
}
