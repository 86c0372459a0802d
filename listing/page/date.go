package page

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A reading is what a page writes of a time.
type reading struct {
	year, month, day  int // year 0: not written
	hour, minute, sec int
	precise           precision
	// first and second are the numbers of a date such as 05/06/2024, of which
	// one is the month and one the day (see order); else 0.
	first, second int
	half          bool // AM or PM was written
	zoned         bool // offset is of the page's own words, in seconds
	offset        int
}

type precision uint8

const (
	unread precision = iota // there is no reading
	toDay
	toMinute
	toSecond
)

// A token is a number, a word or one other character of a text.
type token struct {
	kind       byte // 'n', 'w', or the character itself; '?' is one beyond ASCII
	n          int  // of a number
	width      int  // digits of a number
	word       string
	start, end int
	spaced     bool // there are blanks before it
}

// maxTokens is more than the longest date has: "Thursday, January 16, 2014
// 05:06:07.123 PM GMT+01:00" has 21.
const maxTokens = 24

// dateIn finds the first date in s, from start up to end.
func dateIn(s string) (r reading, start, end int) {
	var buf [maxTokens]token
	for at := 0; at < len(s); {
		if c := s[at]; c < utf8.RuneSelf && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			at++ // no date begins so
			continue
		}
		t := tokens{list: tokenize(s[at:], buf[:0])}
		first := t.list[0]
		if r, ok := t.date(); ok {
			t.time(&r)
			return r, at + first.start, at + t.list[t.at-1].end
		}
		at += first.end
	}
	return reading{}, 0, 0
}

func tokenize(s string, list []token) []token {
	spaced := false
	for i := 0; i < len(s) && len(list) < cap(list); {
		c, w := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsSpace(c):
			spaced = true
			i += w
			continue
		case '0' <= c && c <= '9':
			w = digits(s[i:])
			t := token{kind: 'n', width: w, start: i, end: i + w, spaced: spaced}
			if w <= 9 {
				t.n = int(atoi(s[i : i+w]))
			}
			list = append(list, t)
		case unicode.IsLetter(c) || unicode.IsMark(c):
			w = max(letters(s[i:]), w)
			list = append(list, token{kind: 'w', word: s[i : i+w], start: i, end: i + w, spaced: spaced})
		default:
			kind := byte('?')
			if c < utf8.RuneSelf {
				kind = byte(c)
			}
			list = append(list, token{kind: kind, start: i, end: i + w, spaced: spaced})
		}
		spaced = false
		i += w
	}
	return list
}

// tokens is a text being read.
type tokens struct {
	list []token
	at   int
}

// peek returns the token n behind the next; past the end, one of no kind.
func (t *tokens) peek(n int) token {
	if t.at+n < len(t.list) {
		return t.list[t.at+n]
	}
	return token{}
}

// date reads a date at the very beginning.
func (t *tokens) date() (reading, bool) {
	first := t.peek(0)
	switch {
	case first.kind == 'n' && first.width == 4:
		return t.yearFirst()
	case first.kind == 'n' && first.width <= 2:
		return t.dayFirst()
	case first.kind == 'w':
		return t.monthFirst()
	}
	return reading{}, false
}

// separator passes what stands between the parts of a date, "-", "/", ".",
// "年", blanks or nothing, and tells it apart.
func (t *tokens) separator() byte {
	switch next := t.peek(0); next.kind {
	case '-', '/', '.', ',':
		t.at++
		return next.kind
	case 'w':
		switch next.word {
		case "年", "月", "년", "월":
			t.at++
			return 'Y'
		case "de":
			t.at++
		}
	}
	return ' '
}

// yearFirst reads 2024-05-17, 2024/05/17, 2024-May-17, 2024年5月17日.
func (t *tokens) yearFirst() (r reading, ok bool) {
	r.year = t.peek(0).n
	t.at++
	sep := t.separator()
	middle := t.peek(0)
	t.at++
	again := t.separator()
	switch last := t.peek(0); {
	case last.kind != 'n' || last.width > 2:
		return r, false
	case middle.kind == 'n' && middle.width <= 2 && sep == again && sep != ' ' && sep != ',':
		r.month, r.day = middle.n, last.n
	case middle.kind == 'w' && sep == again:
		r.month, r.day = month(middle.word), last.n
	}
	t.at++
	if next := t.peek(0); next.kind == 'w' && (next.word == "日" || next.word == "일") || next.kind == '.' && sep == '.' {
		t.at++
	}
	return r.onDay()
}

// dayFirst reads 17-May-2024, 17May2024, 17. Mai 2024, 17/05/2024, 5/17/24.
func (t *tokens) dayFirst() (r reading, ok bool) {
	first := t.peek(0)
	t.at++
	sep := t.separator()
	if sep == '.' && t.peek(0).kind == 'w' {
		sep = ' ' // "17. Mai"
	}
	middle := t.peek(0)
	t.at++
	if middle.kind == 'w' {
		r.day, r.month = first.n, month(middle.word)
		if r.month == 0 {
			return r, false
		}
		if t.separator(); !t.year(&r) && !t.isTime() {
			return r, false
		}
		return r.onDay()
	}
	again := t.separator()
	if middle.kind != 'n' || middle.width > 2 || sep == ' ' || sep != again || !t.year(&r) {
		return r, false
	}
	if sep == '.' {
		r.day, r.month = first.n, middle.n
		return r.onDay()
	}
	r.first, r.second = first.n, middle.n
	return r.inOrder(first.n <= 12).onDay()
}

// monthFirst reads May 17, 2024, Feb  2  2022, Jun 01 00:00 and what C's
// ctime writes: Feb  2 02:02:02 2022, Feb  2 02:02:02 UTC 2022.
func (t *tokens) monthFirst() (r reading, ok bool) {
	r.month = month(t.peek(0).word)
	t.at++
	sep := t.separator()
	day := t.peek(0)
	if r.month == 0 || day.kind != 'n' || day.width > 2 {
		return r, false
	}
	r.day = day.n
	t.at++
	if again := t.separator(); t.year(&r) {
		return r.onDay()
	} else if sep == '-' || again == '-' || !t.isTime() {
		return r, false
	}
	start := t.at
	t.time(&r)
	if t.peek(0).kind == 'w' && t.peek(1).width == 4 { // a zone's name
		t.at++
	}
	if !t.year(&r) {
		t.at, r.precise, r.zoned = start, 0, false // the caller reads the time
	}
	return r.onDay()
}

// year reads a year of four digits, or of two.
func (t *tokens) year(r *reading) bool {
	y := t.peek(0)
	if y.kind != 'n' || t.isTime() {
		return false
	}
	switch {
	case y.width == 4:
		r.year = y.n
	case y.width == 2 && !y.spaced:
		r.year = 1970 + (y.n+30)%100 // 70 is 1970, 69 is 2069
	default:
		return false
	}
	t.at++
	return true
}

// onDay checks that there is such a day.
func (r reading) onDay() (_ reading, ok bool) {
	if r.precise == unread {
		r.precise = toDay
	}
	days := [...]int{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	ok = 1 <= r.month && r.month <= 12 && 1 <= r.day && r.day <= days[r.month] &&
		(r.year == 0 || 1900 <= r.year && r.year < 2200)
	return r, ok
}

// isTime: what comes next is 13:24.
func (t *tokens) isTime() bool {
	return t.peek(0).kind == 'n' && t.peek(0).width <= 2 && t.peek(1).kind == ':' && t.peek(2).kind == 'n' && t.peek(2).width == 2
}

// time reads 13:24, 13:24:56.789, 1:24 PM, and a zone behind it, if there are
// any.
func (t *tokens) time(r *reading) {
	start := t.at
	switch next := t.peek(0); {
	case next.kind == 'w' && (next.word == "T" || next.word == "t" || next.word == "at" || next.word == "um" || next.word == "à"),
		next.kind == ',', next.kind == ':', next.kind == '-':
		t.at++
	}
	if !t.isTime() {
		t.at = start
		return
	}
	hour, minute, sec := t.peek(0).n, t.peek(2).n, 0
	precise := toMinute
	t.at += 3
	if t.peek(0).kind == ':' && t.peek(1).kind == 'n' && t.peek(1).width == 2 {
		sec, precise = t.peek(1).n, toSecond
		t.at += 2
		if next := t.peek(0); (next.kind == '.' || next.kind == ',') && !next.spaced && t.peek(1).kind == 'n' && !t.peek(1).spaced {
			t.at += 2
		}
	}
	switch half := t.half(); {
	case half == 0:
	case half == '?' || hour < 1 || hour > 12:
		t.at = start
		return
	default:
		r.half = true
		hour %= 12
		if half == 'p' {
			hour += 12
		}
	}
	if hour > 23 || minute > 59 || sec > 60 {
		t.at = start
		return
	}
	r.hour, r.minute, r.sec, r.precise = hour, minute, min(sec, 59), precise
	t.zone(r)
}

// half reads AM or PM: 'a' or 'p'; 0 where there is neither, and '?' for a
// word of another script, which may well be one: then only the day is known.
func (t *tokens) half() byte {
	next := t.peek(0)
	if next.kind != 'w' {
		return 0
	}
	c := next.word[0]
	if c >= utf8.RuneSelf {
		return '?'
	}
	c |= 0x20
	if c != 'a' && c != 'p' {
		return 0
	}
	switch {
	case len(next.word) == 2 && next.word[1]|0x20 == 'm', len(next.word) == 1 && !next.spaced && t.peek(1).kind != '.':
		t.at++
		return c
	case len(next.word) == 1 && t.peek(1).kind == '.' && strings.EqualFold(t.peek(2).word, "m"): // "p. m."
		t.at += 3
		if t.peek(0).kind == '.' {
			t.at++
		}
		return c
	}
	return 0
}

// zone reads Z, UTC, GMT, +01:00, -0500, and +0000 UTC. The names of other
// zones are not unique, and not read.
func (t *tokens) zone(r *reading) {
	if next := t.peek(0); next.kind == 'w' {
		switch next.word {
		case "Z", "UTC", "GMT":
			r.zoned = true
			t.at++
		default:
			return
		}
	}
	sign, n := t.peek(0), t.peek(1)
	if sign.kind != '+' && sign.kind != '-' || n.kind != 'n' || n.spaced {
		return
	}
	var offset int
	passed := 2
	switch {
	case n.width == 4:
		offset = n.n/100*3600 + n.n%100*60
	case n.width == 2 && t.peek(2).kind == ':' && t.peek(3).kind == 'n' && t.peek(3).width == 2:
		offset = n.n*3600 + t.peek(3).n*60
		passed = 4
	case n.width <= 2 && r.zoned:
		offset = n.n * 3600
	default:
		return
	}
	if offset > 15*3600 {
		return
	}
	if sign.kind == '-' {
		offset = -offset
	}
	r.zoned, r.offset = true, offset
	t.at += passed
	if t.peek(0).word == "UTC" || t.peek(0).word == "GMT" {
		t.at++
	}
}
