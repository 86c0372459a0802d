package page

import (
	"time"

	"mirror/listing"
)

// An order is which comes first in dates such as 05/06/2024.
type order uint8

const (
	unknownOrder order = iota
	dayBeforeMonth
	monthBeforeDay
)

// orderIn finds out the order that all dates of a page share: one 17 tells.
func orderIn(finds []find) order {
	found := unknownOrder
	for i := range finds {
		var o order
		switch r := &finds[i].time; {
		case r.first > 12:
			o = dayBeforeMonth
		case r.second > 12:
			o = monthBeforeDay
		default:
			continue
		}
		if found != unknownOrder && found != o {
			return unknownOrder // they do not share one
		}
		found = o
	}
	return found
}

// inOrder gives day and month their numbers.
func (r reading) inOrder(monthBeforeDay bool) reading {
	if monthBeforeDay {
		r.month, r.day = r.first, r.second
	} else {
		r.day, r.month = r.first, r.second
	}
	return r
}

// span is what the reading says on a page with that order of dates. Where it
// is not known which number is the month, it reaches over both; but AM and PM
// come with the month first.
func (r reading) span(clock listing.Clock, o order) listing.Span {
	if r.precise == unread {
		return listing.Span{}
	}
	if r.first == 0 || r.first > 12 || r.second > 12 {
		return r.moment(clock)
	}
	a, b := r.inOrder(true).moment(clock), r.inOrder(false).moment(clock)
	switch {
	case o == monthBeforeDay, o == unknownOrder && r.half:
		return a
	case o == dayBeforeMonth:
		return b
	}
	return listing.Between(min(a.Lo, b.Lo), max(a.Hi, b.Hi))
}

// moment is what a reading says whose day and month are known.
func (r reading) moment(clock listing.Clock) listing.Span {
	width := [...]time.Duration{toDay: 24 * time.Hour, toMinute: time.Minute, toSecond: time.Second}[r.precise]
	if r.zoned {
		clock.Zone = time.UTC
	}
	s := clock.Span(time.Date(r.inYear(clock), time.Month(r.month), int(r.day), int(r.hour), int(r.minute), int(r.sec), 0, time.UTC), width)
	if r.zoned {
		s.Lo -= int64(r.offset)
		s.Hi -= int64(r.offset)
	}
	return s
}

// inYear gives a date without a year, as ls and FTP servers write it, the
// latest year in which it is not yet to come. Anywhere on earth it is at most
// a day later than here.
func (r reading) inYear(clock listing.Clock) int {
	if r.year != 0 {
		return int(r.year)
	}
	now := clock.Now
	if now.IsZero() {
		now = time.Now()
	}
	now = now.UTC().AddDate(0, 0, 1)
	year := now.Year()
	if m := time.Month(r.month); m > now.Month() || m == now.Month() && int(r.day) > now.Day() {
		year--
	}
	for !r.existsIn(year) {
		year--
	}
	return year
}
