package render

import (
	"math"
	"slices"
	"strconv"
	"time"

	"mirror/listing"
)

// Sizes are shown in the units of 1024, by their first letter.
const units = "BKMGTPE"

// approx is how a size is said shortly: in tenths or in whole units.
type approx struct {
	tenths int64 // of the unit
	unit   int   // index into units
	whole  bool  // no tenths are shown
}

// short says n in two or more digits: "1.2" of a unit, or "12".
func short(n int64) approx {
	if n < 1024 {
		return approx{tenths: n * 10, whole: true}
	}
	x, unit := float64(n), 0
	for x >= 1023.5 { // which would be said as 1024
		x /= 1024
		unit++
	}
	if tenths := int64(math.Round(x * 10)); tenths < 100 {
		return approx{tenths: tenths, unit: unit}
	}
	return approx{tenths: int64(math.Round(x)) * 10, unit: unit, whole: true}
}

// rounded finds the finest short form that says no more than s: its last digit
// may be off by one, since others round up, down or to the nearest.
func rounded(s listing.Span) (approx, bool) {
	mid := float64(s.Lo)/2 + float64(s.Hi)/2
	for unit := 1; unit < len(units); unit++ {
		x := mid / float64(int64(1)<<(10*unit))
		for _, a := range []approx{
			{tenths: int64(math.Round(x * 10)), unit: unit},
			{tenths: int64(math.Round(x)) * 10, unit: unit, whole: true},
		} {
			lo, hi := a.bounds()
			if a.fits() && math.Floor(lo) <= float64(s.Lo) && float64(s.Hi) <= math.Ceil(hi) {
				return a, true
			}
		}
	}
	return approx{}, false
}

// fits reports whether a is a form that programs print: 1.0 to 9.9, 1 to 1023.
func (a approx) fits() bool {
	if a.whole {
		return 10 <= a.tenths && a.tenths <= 10230
	}
	return 10 <= a.tenths && a.tenths <= 99
}

// bounds is what a may mean, in bytes.
func (a approx) bounds() (lo, hi float64) {
	step := int64(1)
	if a.whole {
		step = 10
	}
	unit := float64(int64(1)<<(10*a.unit)) / 10
	return float64(a.tenths-step) * unit, float64(a.tenths+step) * unit
}

func (a approx) append(b []byte) []byte {
	b = strconv.AppendInt(b, a.tenths/10, 10)
	if !a.whole {
		b = append(b, '.', byte('0'+a.tenths%10))
	}
	return b
}

// appendGrouped appends n with commas between the thousands.
func appendGrouped(b []byte, n int64) []byte {
	first := len(b)
	if n < 0 {
		first++
	}
	b = strconv.AppendInt(b, n, 10)
	for i := len(b) - 3; i > first; i -= 3 {
		b = slices.Insert(b, i, ',')
	}
	return b
}

// precision is how exactly a time is known.
type precision uint8

const (
	unknown precision = iota
	between           // two times
	day               // of UTC
	minute
	second
)

// The years that the formats can write, and of which file systems can remember
// times: readers take less for no year.
var (
	firstTime = time.Date(1901, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastTime  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

func precisionOf(s listing.Span) precision {
	switch {
	case !s.Known || s.Lo < firstTime || s.Hi > lastTime:
		return unknown
	case s.Exact():
		return second
	case s.Lo%60 == 0 && s.Hi == s.Lo+59:
		return minute
	case s.Lo%86400 == 0 && s.Hi == s.Lo+86399:
		return day
	}
	return between
}

// appendTime appends a time in UTC.
func appendTime(b []byte, seconds int64, layout string) []byte {
	return time.Unix(seconds, 0).UTC().AppendFormat(b, layout)
}
