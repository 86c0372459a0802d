package lines

import (
	"bytes"
	"time"

	"mirror/listing"
)

// shape is how a date is written; it decides how many spaces there are between
// it and the name.
type shape uint8

const (
	monthFirst shape = iota // Nov 12 10:20 | Nov 12  2024: one space
	isoTime                 // 2024-11-12 10:20: one space
	dayFirst                // 12. Nov 10:20 | 12. Nov 2024: as many as all have
	isoDay                  // 2024-11-12 (what ls --time-style=iso writes has two)
	yearFirst               // 2024 nov 12
	clockFirst              // 10:20 12 Thg 11
	counted                 // 11月 12日 2024年
	shapes                  // how many there are
)

// dated is a date found in a line.
type dated struct {
	stamp
	words int // how many it takes
	shape shape
	timed bool // it has a time of the day: with and without are padded differently
	// numbers is the date where it is made of numbers in an order that is not certain.
	numbers []byte
	pad     int // spaces behind a last word that is shorter than others would be
}

// span is what d says of a time.
func (h *habits) span(d dated) (listing.Span, bool) {
	switch {
	case d.numbers == nil:
		return d.span(h.clock)
	case d.numbers[2] == '/':
		return h.spanOf(d.numbers, d.stamp, orders)
	}
	return h.spanOf(d.numbers, d.stamp, dayMonth)
}

// dateAt reads the date that begins with field i of f. Only dates with a year
// or a time are complete, and found.
func (h *habits) dateAt(f *fields, i int) (d dated, ok bool) {
	w := f.word(i)
	if len(w) == 0 {
		return d, false
	}
	if w[0] < '0' || w[0] > '9' {
		if d, ok = h.monthFirst(f, i); !ok && weekday(w) {
			d, ok = h.monthFirst(f, i+1)
			d.words++
		}
		return d, ok
	}
	for _, try := range [...]func(*habits, *fields, int) (dated, bool){
		(*habits).dayFirst, (*habits).isoDate, (*habits).yearFirst, (*habits).clockFirst, (*habits).counted,
	} {
		if d, ok = try(h, f, i); ok {
			return d, true
		}
	}
	return d, false
}

// weekday reports whether b is one as old versions of busybox write it before
// the date.
func weekday(b []byte) bool {
	switch string(b) {
	case "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun":
		return true
	}
	return false
}

// monthAt reads the name of a month, which may be two words ("Thg 11").
func (h *habits) monthAt(f *fields, i int) (month, words int) {
	w := f.word(i)
	if len(w) == 3 && bytes.EqualFold(w, []byte("thg")) {
		return max(0, small(f.word(i+1))), 2
	}
	readings := monthReadings(w)
	if readings == nil {
		return 0, 0
	}
	if h.learning {
		h.ballot.add(readings)
	}
	return choose(readings, h.language), 1
}

// dayOf reads 1 to 31, with or without a dot or comma behind, or 0.
func dayOf(b []byte) int {
	if len(b) > 3 {
		return 0
	}
	if d := small(bytes.TrimRight(b, ".,")); d <= 31 {
		return max(0, d)
	}
	return 0
}

// yearOf reads 2024, with or without a dot or comma behind, or 0.
func yearOf(b []byte) int { return year(bytes.TrimRight(b, ".,")) }

// yearOrClock reads what completes a month and a day from field i on:
//
//	2024    10:20    10:20:30    10:20:30 2024
func (d *dated) yearOrClock(f *fields, i int) bool {
	if y := yearOf(f.word(i)); y > 0 {
		d.year, d.precision = y, day
		d.words++
		return true
	}
	if !d.clockTime(f.word(i)) {
		return false
	}
	d.timed = true
	d.words++
	// Only ls -T of BSD writes seconds without having written the year.
	if y := year(f.word(i + 1)); y > 0 && d.precision < time.Minute {
		d.year = y
		d.words++
	}
	return true
}

// monthFirst reads
//
//	Nov 12 10:20    Nov 12  2024    Nov 12 10:20:30 2024    Nov 12, 2024 10:20
func (h *habits) monthFirst(f *fields, i int) (d dated, ok bool) {
	d.shape = monthFirst
	if d.month, d.words = h.monthAt(f, i); d.month == 0 {
		return d, false
	}
	number := f.word(i + d.words)
	if d.day = dayOf(number); d.day == 0 {
		return d, false
	}
	d.words++
	if !d.yearOrClock(f, i+d.words) {
		return d, false
	}
	// VShell
	if bytes.HasSuffix(number, []byte{','}) && !d.timed && d.clockTime(f.word(i+d.words)) {
		d.timed = true
		d.words++
	}
	return d, true
}

// dayFirst reads
//
//	12 Nov 10:20    12. Nov. 2024    12 de nov de 2024    12. 3. 2024    12.11. 2024    12-Nov-2024
func (h *habits) dayFirst(f *fields, i int) (d dated, ok bool) {
	d.shape = dayFirst
	w := f.word(i)
	if d.day = dayOf(w); d.day == 0 {
		return h.joined(f, i)
	}
	d.words = 1 + preposition(f, i+1)
	var words int
	if next := f.word(i + 1); bytes.HasSuffix(w, []byte{'.'}) && bytes.HasSuffix(next, []byte{'.'}) && digits(next[:len(next)-1]) {
		d.month, words = dayOf(next), 1
	} else {
		d.month, words = h.monthAt(f, i+d.words)
	}
	if d.month == 0 {
		return d, false
	}
	d.words += words
	d.words += preposition(f, i+d.words)
	return d, d.yearOrClock(f, i+d.words)
}

// joined reads 12.11. 2024, 12-Nov-2024 and 12-Nov-24.
func (h *habits) joined(f *fields, i int) (d dated, ok bool) {
	d.shape, d.words = dayFirst, 1
	parts := bytes.Split(f.word(i), []byte{'.'})
	if len(parts) == 3 && len(parts[2]) == 0 {
		d.day, d.month = dayOf(parts[0]), dayOf(parts[1])
		return d, d.day > 0 && d.month > 0 && d.yearOrClock(f, i+1)
	}
	parts = bytes.Split(f.word(i), []byte{'-'})
	if len(parts) != 3 || digits(parts[1]) {
		return d, false
	}
	readings := monthReadings(parts[1])
	if readings == nil {
		return d, false
	}
	d.day, d.month, d.precision = dayOf(parts[0]), choose(readings, h.language), day
	if d.year = year(parts[2]); len(parts[2]) == 2 && digits(parts[2]) {
		d.year = century(small(parts[2]))
	}
	if d.day == 0 || d.year == 0 {
		return d, false
	}
	if d.clockTime(f.word(i + 1)) {
		d.timed = true
		d.words++
	}
	return d, true
}

// preposition counts the words that only sound well: "3 de febr.", "3. feb. у 10:20".
func preposition(f *fields, i int) int {
	if f.is(i, "de") || f.is(i, "у") {
		return 1
	}
	return 0
}

// isoDate reads
//
//	2024-11-12    2024-11-12 10:20    2024-11-12 10:20:30.123 +0100    2024-11-12T10:20:30Z
//	11-12 10:20   11-12 2024          12-11-2024 10:20
func (h *habits) isoDate(f *fields, i int) (d dated, ok bool) {
	d.shape, d.words = isoDay, 1
	w := f.word(i)
	if len(w) == 5 && w[2] == '-' {
		d.month, d.day = small(w[:2]), small(w[3:])
		return d, d.month > 0 && d.day > 0 && d.yearOrClock(f, i+1)
	}
	var clock []byte
	date, joined, hasT := bytes.Cut(w, []byte{'T'})
	if len(date) < 8 || !isDate(date) {
		return d, false
	}
	d.numeric(date, dayMonth)
	if date[2] == '/' || date[2] == '-' || date[2] == '.' {
		d.numbers = date
	}
	switch {
	case hasT:
		clock = joined
	case f.gap(i) == 1: // with more spaces it is a name that looks like a time
		clock = f.word(i + 1)
	}
	var zone []byte
	if at := bytes.IndexAny(clock, "+-Z"); at > 0 {
		clock, zone = clock[:at], clock[at:]
	}
	if !d.clockTime(clock) {
		return d, !hasT
	}
	d.shape, d.timed = isoTime, true
	if !hasT {
		d.words++
	}
	if zone != nil {
		return d, d.offset(zone)
	}
	if d.offset(f.word(i + d.words)) {
		d.words++
	}
	return d, true
}

// yearFirst reads 2024 nov 12; where a year or time follows, the first number
// was the file's size.
func (h *habits) yearFirst(f *fields, i int) (d dated, ok bool) {
	d.shape, d.precision = yearFirst, day
	if d.year = yearOf(f.word(i)); d.year == 0 {
		return d, false
	}
	var words int
	if d.month, words = h.monthAt(f, i+1); d.month == 0 {
		return d, false
	}
	d.words = 1 + words
	if d.day = dayOf(f.word(i + d.words)); d.day == 0 {
		return d, false
	}
	d.words++
	return d, !yearOrClockAt(f, i+d.words)
}

// yearOrClockAt reports whether field i is a year or a time.
func yearOrClockAt(f *fields, i int) bool {
	var d dated
	return d.yearOrClock(f, i)
}

// clockFirst reads 10:20 12 Nov.
func (h *habits) clockFirst(f *fields, i int) (d dated, ok bool) {
	d.shape = clockFirst
	if !d.clockTime(f.word(i)) {
		return d, false
	}
	d.timed = true
	if d.day = dayOf(f.word(i + 1)); d.day == 0 {
		return d, false
	}
	month, words := h.monthAt(f, i+2)
	d.month, d.words = month, 2+words
	if words == 2 && month < 10 {
		d.pad = 1 // to the width of "Thg 10"
	}
	return d, month > 0
}
