package plot

import "math"

// Axis is one side of a drawing of lines.
type Axis struct {
	Title  string // with the unit
	Log    bool   // decades are as far apart as each other
	Format func(float64) string
}

// axis turns figures into places.
type axis struct {
	log      bool
	lo, hi   float64 // of the figures, after rounding outwards
	from, to float64 // where lo and hi are, in pixels
	ticks    []float64
}

// mostTicks is where the labels of an axis would begin to touch.
const mostTicks = 8

// newAxis makes an axis on which all values are that can be: what is not finite,
// and on a logarithmic axis what is not positive, is on none.
func newAxis(values []float64, log bool, from, to float64) axis {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if finite(v) && (v > 0 || !log) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	a := axis{log: log, from: from, to: to}
	switch {
	case log:
		a.decades(lo, hi)
	default:
		a.steps(min(lo, 0), max(hi, 0))
	}
	return a
}

// decades chooses powers of ten; where these are few, also those between.
func (a *axis) decades(lo, hi float64) {
	if lo > hi { // there is no value
		lo, hi = 1, 1
	}
	// A figure that is a power of ten but for its rounding begins no new decade.
	const slack = 1e-9
	from, to := math.Floor(math.Log10(lo)+slack), math.Ceil(math.Log10(hi)-slack)
	if from == to {
		to++
	}
	a.lo, a.hi = math.Pow(10, from), math.Pow(10, to)
	between := []float64{1}
	if to-from <= 2 {
		between = []float64{1, 2, 5}
	}
	every := max(1, math.Ceil((to-from)/mostTicks))
	for e := from; e <= to; e += every {
		for _, m := range between {
			if v := m * math.Pow(10, e); v <= a.hi*(1+slack) {
				a.ticks = append(a.ticks, v)
			}
		}
	}
}

// steps chooses multiples of 1, 2 or 5 of a power of ten, and 0 among them: a
// bar that does not begin at 0 lies.
func (a *axis) steps(lo, hi float64) {
	if lo == hi {
		hi = lo + 1
	}
	raw := (hi - lo) / 5
	power := math.Pow(10, math.Floor(math.Log10(raw)))
	step := 10 * power
	for _, m := range []float64{1, 2, 5} {
		if m*power >= raw {
			step = m * power
			break
		}
	}
	first, last := math.Floor(lo/step), math.Ceil(hi/step)
	for i := first; i <= last; i++ {
		a.ticks = append(a.ticks, i*step)
	}
	a.lo, a.hi = first*step, last*step
}

// at returns where v is, and whether it is anywhere on the axis.
func (a *axis) at(v float64) (float64, bool) {
	lo, hi := a.lo, a.hi
	if !finite(v) || a.log && v <= 0 {
		return 0, false
	}
	if a.log {
		lo, hi, v = math.Log10(lo), math.Log10(hi), math.Log10(v)
	}
	return a.from + (v-lo)/(hi-lo)*(a.to-a.from), true
}
