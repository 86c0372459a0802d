package page

import (
	"strings"
	"unicode/utf8"
)

// isTime: what comes next is 13:24.
func (t *tokens) isTime() bool {
	return t.peek(0).kind == 'n' && t.peek(0).width <= 2 && t.peek(1).kind == ':' && t.peek(2).kind == 'n' && t.peek(2).width == 2
}

// isDotted: what comes next is 13.24.56.
func (t *tokens) isDotted() bool {
	two := func(n int) bool {
		return t.peek(n).kind == '.' && t.peek(n+1).kind == 'n' && t.peek(n+1).width == 2 && !t.peek(n+1).spaced
	}
	return t.peek(0).kind == 'n' && t.peek(0).width <= 2 && two(1) && two(3)
}

// time reads 13:24, 13:24:56.789, 1:24 PM, and a zone behind it, if there are
// any.
func (t *tokens) time(r *reading) {
	start := t.at
	switch next := t.peek(0); {
	case next.kind == ',', next.kind == ':', next.kind == '-':
		t.at++
	case next.kind == 'w':
		switch t.word(0) {
		case "T", "t", "at", "um", "à", "klo", "kl":
			t.at++
		}
	}
	if !t.isTime() && !t.isDotted() {
		t.at = start
		return
	}
	colon := t.peek(1).kind
	hour, minute, sec := t.peek(0).n, t.peek(2).n, int16(0)
	precise := toMinute
	t.at += 3
	if t.peek(0).kind == colon && t.peek(1).kind == 'n' && t.peek(1).width == 2 {
		sec, precise = t.peek(1).n, toSecond
		t.at += 2
		if next := t.peek(0); (next.kind == '.' || next.kind == ',') && !next.spaced && t.peek(1).kind == 'n' && !t.peek(1).spaced {
			t.at += 2
		}
	}
	switch half := t.half(hour); {
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

// half reads AM or PM: 'a' or 'p'; 0 where there is neither, and '?' for a word
// that may well be one in another language: then only the day is known.
func (t *tokens) half(hour int16) byte {
	word := t.word(0)
	if word == "" {
		return 0
	}
	c := word[0] | 0x20
	switch {
	case word[0] >= utf8.RuneSelf:
		return '?'
	case len(word) == 2 && word[1]|0x20 != 'm' && 1 <= hour && hour <= 12:
		return '?'
	case c != 'a' && c != 'p':
		return 0
	case len(word) == 2 && word[1]|0x20 == 'm', len(word) == 1 && !t.peek(0).spaced && t.peek(1).kind != '.':
		t.at++
		return c
	case len(word) == 1 && t.peek(1).kind == '.' && strings.EqualFold(t.word(2), "m"): // "p. m."
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
	switch t.word(0) {
	case "Z", "UTC", "GMT":
		r.zoned = true
		t.at++
	case "":
	default:
		return
	}
	sign, n := t.peek(0), t.peek(1)
	if sign.kind != '+' && sign.kind != '-' || n.kind != 'n' || n.spaced {
		return
	}
	var offset int32
	passed := 2
	switch {
	case n.width == 4:
		offset = int32(n.n/100)*3600 + int32(n.n%100)*60
	case n.width == 2 && t.peek(2).kind == ':' && t.peek(3).kind == 'n' && t.peek(3).width == 2:
		offset = int32(n.n)*3600 + int32(t.peek(3).n)*60
		passed = 4
	case n.width <= 2 && r.zoned:
		offset = int32(n.n) * 3600
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
	if word := t.word(0); word == "UTC" || word == "GMT" {
		t.at++
	}
}
