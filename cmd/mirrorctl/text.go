package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// oneLine makes a text harmless to a terminal, and one line: what cannot be
// printed is escaped.
func oneLine(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		c, n := utf8.DecodeRuneInString(text)
		switch {
		case c == utf8.RuneError && n == 1: // no UTF-8
			fmt.Fprintf(&b, `\x%02x`, text[0])
		case unicode.IsPrint(c):
			b.WriteRune(c)
		default:
			b.WriteString(strings.Trim(strconv.QuoteRune(c), "'"))
		}
		text = text[n:]
	}
	return b.String()
}

// size is a number of bytes for people.
func size(n int64) string {
	if n < 1024 {
		return plural(n, "byte")
	}
	value, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if value /= 1024; value < 1023.95 {
			break
		}
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}

// number groups the digits of a count by thousands.
func number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if stem, ok := strings.CutSuffix(what, "ry"); ok {
		what = stem + "rie"
	}
	return number(n) + " " + what + "s"
}

// moment is a time for people: the local time, and how long ago or ahead it is.
func moment(t, now time.Time) string {
	text := t.Local().Format(time.DateTime)
	if ago := now.Sub(t); ago >= 0 {
		return text + " (" + span(ago) + " ago)"
	}
	return text + " (in " + span(t.Sub(now)) + ")"
}

// span rounds a duration down to its largest unit.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	for _, u := range []struct {
		length time.Duration
		name   string
	}{{365 * day, "year"}, {day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d >= u.length {
			return plural(int64(d/u.length), u.name)
		}
	}
	return "a moment"
}
