package page

import (
	"time"
	"unicode"
	"unicode/utf8"
)

// A reading is what a page writes of a time. There is one for each entry, so
// it is small.
type reading struct {
	year, month, day  int16 // year 0: not written
	hour, minute, sec int16
	precise           precision
	// first and second are the numbers of a date such as 05/06/2024, of which
	// one is the month and one the day (see order); else 0.
	first, second int16
	half          bool  // AM or PM was written
	zoned         bool  // offset is of the page's own words
	offset        int32 // seconds east
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
	kind       byte  // 'n', 'w', or the character itself; '?' is one beyond ASCII
	width      uint8 // digits of a number, at most 255
	spaced     bool  // there are blanks before it
	n          int16 // of a number of up to four digits
	start, end int16
}

// maxTokens is more than the longest date has: "Thursday, January 16, 2014
// 05:06:07.123 PM GMT+01:00" has 21.
const maxTokens = 24

// dateIn finds the first date in s, which is no longer than maxText, from start
// up to end.
func dateIn(s string) (r reading, start, end int) {
	s = clip(s)
	var buf [maxTokens]token
	weekday := -1 // where the word before begins, if it may be one
	for at := 0; at < len(s); {
		if c := s[at]; c < utf8.RuneSelf && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			if c != ' ' && c != ',' && c != '.' {
				weekday = -1
			}
			at++ // no date begins so
			continue
		}
		t := tokens{text: s, list: tokenize(s, at, buf[:0])}
		if len(t.list) == 0 {
			break // blanks of other scripts
		}
		first := t.list[0]
		if r, ok := t.date(); ok {
			t.time(&r)
			if start = int(first.start); weekday >= 0 {
				start = weekday
			}
			return r, start, int(t.list[t.at-1].end)
		}
		if at, weekday = int(first.end), -1; first.kind == 'w' {
			if _, _, isUnit := readUnit(s[first.start:first.end]); !isUnit {
				weekday = int(first.start)
			}
		}
	}
	return reading{}, 0, 0
}

// tokenize cuts s, from a place on, into as many tokens as list has room for.
func tokenize(s string, from int, list []token) []token {
	spaced := false
	for i := from; i < len(s) && len(list) < cap(list); {
		c, w := utf8.DecodeRuneInString(s[i:])
		if unicode.IsSpace(c) {
			spaced = true
			i += w
			continue
		}
		t := token{kind: '?', start: int16(i), spaced: spaced}
		switch {
		case '0' <= c && c <= '9':
			w = digits(s[i:])
			if t.kind, t.width = 'n', uint8(min(w, 255)); w <= 4 {
				t.n = int16(atoi(s[i : i+w]))
			}
		case unicode.IsLetter(c) || unicode.IsMark(c):
			w = max(letters(s[i:]), w)
			t.kind = 'w'
		case c < utf8.RuneSelf:
			t.kind = byte(c)
		}
		i += w
		t.end = int16(i)
		list = append(list, t)
		spaced = false
	}
	return list
}

// tokens is a text being read.
type tokens struct {
	text string
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

// word is the text of the token n behind the next, if it is a word.
func (t *tokens) word(n int) string {
	if next := t.peek(n); next.kind == 'w' {
		return t.text[next.start:next.end]
	}
	return ""
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
	}
	switch t.word(0) {
	case "年", "月", "년", "월":
		t.at++
		return 'Y'
	case "de":
		t.at++
	}
	return ' '
}

// yearFirst reads 2024-05-17, 2024/05/17, 2024-May-17, 2024年5月17日.
func (t *tokens) yearFirst() (r reading, ok bool) {
	r.year = t.peek(0).n
	t.at++
	sep := t.separator()
	middle, word := t.peek(0), t.word(0)
	t.at++
	again := t.separator()
	switch last := t.peek(0); {
	case last.kind != 'n' || last.width > 2:
		return r, false
	case middle.kind == 'n' && middle.width <= 2 && sep == again && sep != ' ' && sep != ',':
		r.month, r.day = middle.n, last.n
	case middle.kind == 'w' && (sep == again || again == ' '):
		r.month, r.day = month(word), last.n
	}
	t.at++
	if word := t.word(0); word == "日" || word == "일" || t.peek(0).kind == '.' && sep == '.' {
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
	middle, word := t.peek(0), t.word(0)
	t.at++
	if middle.kind == 'w' {
		r.day, r.month = first.n, month(word)
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
	r.month = month(t.word(0))
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
	if r.precise != toSecond || !t.year(&r) { // ls has no seconds, and the size follows
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
	if word := t.word(0); word == "г" || word == "р" { // "2024 г."
		if t.at++; t.peek(0).kind == '.' {
			t.at++
		}
	}
	return true
}

// onDay checks that there is such a day.
func (r reading) onDay() (_ reading, ok bool) {
	if r.precise == unread {
		r.precise = toDay
	}
	days := [...]int16{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
	ok = 1 <= r.month && r.month <= 12 && 1 <= r.day && r.day <= days[r.month] &&
		(r.year == 0 || 1900 <= r.year && r.year < 2200 && r.existsIn(int(r.year)))
	return r, ok
}

// existsIn: not every year has a 29th of February.
func (r reading) existsIn(year int) bool {
	return r.month != 2 || r.day != 29 || time.Date(year, time.February, 29, 0, 0, 0, 0, time.UTC).Day() == 29
}
