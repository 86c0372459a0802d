package lines

import (
	"bytes"
	"cmp"
	"time"

	"mirror/listing"
)

// stamp is a date and time as a listing writes it.
type stamp struct {
	year       int // 0: not written; it is the newest that is not in the future
	month, day int
	hour       int // 24 with nothing behind it is the end of the day
	min, sec   int
	precision  time.Duration  // what is written: time.Second, time.Minute or 24 hours
	zone       *time.Location // where the time is of; nil: not written
}

const day = 24 * time.Hour

// span is what s says of a time, read by clock; ok is false for a date or time
// that there is not, like Feb 30.
func (s stamp) span(clock listing.Clock) (span listing.Span, ok bool) {
	if !s.valid() {
		return listing.Span{}, false
	}
	if s.year == 0 {
		if s.year, ok = s.newest(clock); !ok {
			return listing.Span{}, false
		}
	}
	if !s.exists(s.year) {
		return listing.Span{}, false
	}
	if s.zone != nil {
		clock.Zone = s.zone
	}
	return clock.Span(s.in(s.year), s.precision), true
}

// valid reports whether each number is one of dates and times.
func (s stamp) valid() bool {
	late := s.hour == 24 && s.min == 0 && s.sec == 0
	return s.month >= 1 && s.month <= 12 && s.day >= 1 && s.day <= 31 &&
		(s.hour <= 23 || late) && s.min <= 59 && s.sec <= 60
}

// exists reports whether the year has that day.
func (s stamp) exists(year int) bool {
	return time.Date(year, time.Month(s.month), s.day, 0, 0, 0, 0, time.UTC).Day() == s.day
}

// epoch makes s the time that is so many seconds after 1970.
func (s *stamp) epoch(seconds int64) {
	t := time.Unix(seconds, 0).UTC()
	s.year, s.month, s.day = t.Year(), int(t.Month()), t.Day()
	s.hour, s.min, s.sec = t.Clock()
	s.precision, s.zone = time.Second, time.UTC
}

func (s stamp) in(year int) time.Time {
	return time.Date(year, time.Month(s.month), s.day, s.hour, s.min, min(s.sec, 59), 0, time.UTC)
}

// newest finds the newest year in which s is not more than a day after now.
// The day covers clocks and zones.
func (s stamp) newest(clock listing.Clock) (year int, ok bool) {
	limit := clock.Now.UTC().Add(day)
	for year = limit.Year(); year > limit.Year()-9; year-- { // Feb 29 may be 8 years away
		if s.exists(year) && !s.in(year).After(limit) {
			return year, true
		}
	}
	return 0, false
}

// clockTime reads 9:05, 09:05, 09.05, 09:05:59 and 09:05:59.123 into s.
func (s *stamp) clockTime(b []byte) bool {
	b = bytes.TrimSuffix(b, []byte{','})
	if len(b) < 4 {
		return false
	}
	sep := byte(':')
	if b[1] == '.' || b[2] == '.' {
		sep = '.'
	}
	hour, rest, _ := bytes.Cut(b, []byte{sep})
	minute, second, hasSecond := bytes.Cut(rest, []byte{sep})
	if len(hour) > 2 || len(minute) != 2 {
		return false
	}
	s.hour, s.min, s.sec, s.precision = small(hour), small(minute), 0, time.Minute
	if hasSecond {
		second, fraction, hasFraction := bytes.Cut(second, []byte{'.'})
		if len(second) != 2 || hasFraction && !digits(fraction) {
			return false
		}
		s.sec, s.precision = small(second), time.Second
	}
	return s.hour >= 0 && s.min >= 0 && s.sec >= 0
}

// offset reads +0100, -05:30 or Z into s.
func (s *stamp) offset(b []byte) bool {
	if string(b) == "Z" {
		s.zone = time.UTC
		return true
	}
	if len(b) == 6 && b[3] == ':' {
		b = append(b[:3:3], b[4:]...)
	}
	if len(b) != 5 || b[0] != '+' && b[0] != '-' {
		return false
	}
	n := small(b[1:])
	if n < 0 || n > 1500 || n%100 > 59 {
		return false
	}
	seconds := (n/100*60 + n%100) * 60
	if b[0] == '-' {
		seconds = -seconds
	}
	s.zone = time.UTC
	if seconds != 0 {
		s.zone = time.FixedZone("", seconds)
	}
	return true
}

// order is which of the three numbers of a date is what.
type order uint8

const (
	monthDay  order = iota // 11/12/24 is Nov 12, as in the United States and by IIS
	dayMonth               // 12/11/24 is Nov 12, as nearly everywhere else
	yearMonth              // 24/11/12 is Nov 12
	orders                 // how many there are
)

// numeric reads 2024-11-12 (also with / or .) and, in that order, 11-12-2024,
// 11-12-24 and, with OS/2's years since 1900, 11-12-124 into s.
func (s *stamp) numeric(b []byte, o order) bool {
	if len(b) < 6 || len(b) > 10 {
		return false
	}
	i := bytes.IndexAny(b, "-/.")
	if i < 0 {
		return false
	}
	x, rest, _ := bytes.Cut(b, b[i:i+1])
	y, z, ok := bytes.Cut(rest, b[i:i+1])
	if !ok || !digits(x) || !digits(y) || !digits(z) || len(y) > 2 {
		return false
	}
	s.precision = cmp.Or(s.precision, day) // unless there is a time already
	if len(x) == 4 && len(z) <= 2 {
		s.year, s.month, s.day = small(x), small(y), small(z)
		return s.year >= minYear
	}
	if len(x) > 2 || len(z) < 2 || len(z) > 4 {
		return false
	}
	switch o {
	case monthDay:
		s.month, s.day = small(x), small(y)
	case dayMonth:
		s.day, s.month = small(x), small(y)
	default:
		if len(x) != 2 || len(z) != 2 {
			return false
		}
		x, z = z, x
		s.month, s.day = small(y), small(x)
	}
	switch s.year = small(z); len(z) {
	case 2:
		s.year = century(s.year)
	case 3:
		s.year += 1900
	}
	return s.year >= minYear
}

// isDate reports whether b is a date in numbers.
func isDate(b []byte) bool {
	var s stamp
	return s.numeric(b, monthDay) || s.numeric(b, yearMonth)
}

// minYear: file systems remember years from 1901 on; less is no year.
const minYear = 1901

// century completes a year of two digits: the first files are of 1970.
func century(year int) int {
	if year < 70 {
		return 2000 + year
	}
	return 1900 + year
}

// year reads a year of four digits, or 0.
func year(b []byte) int {
	if len(b) != 4 {
		return 0
	}
	if y := small(b); y >= minYear {
		return y
	}
	return 0
}
