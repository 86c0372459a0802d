package page

import (
	"math"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"

	"mirror/listing"
)

// readSize reads the size that s begins with, and returns what is left of s.
//
//	7891488      1,234,567 bytes    512 B     exact
//	7.5M  9,4 Mo  199 KiB  1k                 rounded: see rounded
//
// A multiple is always of 1024: servers that write kB or MB count so as well.
// A number without a unit is of unit's size (1, but for columns that are
// headed "Size (KB)").
func readSize(s string, unit int64) (size listing.Span, rest string, ok bool) {
	n, decimals, rest, ok := readNumber(s)
	if !ok {
		return listing.Span{}, s, false
	}
	multiple, after, given := readUnit(rest)
	if given {
		rest = after
	} else {
		multiple = unit
	}
	switch {
	case multiple > 1:
		return rounded(n, decimals, multiple), rest, true
	case decimals == 0:
		return listing.Exactly(n), rest, true
	}
	return listing.Span{}, s, false
}

// rounded is what n, of which so many digits are decimals, units may be. It is
// not known whether it was rounded up, down or to the nearest, so that 7.5 is
// all between 7.4 and 7.6.
func rounded(n int64, decimals int, unit int64) listing.Span {
	div := int64(1)
	for range decimals {
		div *= 10
	}
	return listing.Between(scale(max(n-1, 0), unit, div), min(scale(n+1, unit, div), math.MaxInt64-1)+1)
}

// scale is n*unit/div, rounded down; MaxInt64 where that is more.
func scale(n, unit, div int64) int64 {
	hi, lo := bits.Mul64(uint64(n), uint64(unit))
	if hi >= uint64(div) {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, uint64(div))
	return int64(min(q, math.MaxInt64))
}

// readNumber reads digits, grouped in threes or not, with decimals or without.
// n is the number without its decimal point.
func readNumber(s string) (n int64, decimals int, rest string, ok bool) {
	i := digits(s)
	if i == 0 || i > 18 {
		return 0, 0, s, false
	}
	n = atoi(s[:i])
	groups := 0
	group := rune(-1)
	for i < len(s) {
		sep, w := utf8.DecodeRuneInString(s[i:])
		if !strings.ContainsRune(",.'’ \u00a0\u202f\u2009", sep) || group >= 0 && sep != group {
			break
		}
		d := digits(s[i+w:])
		if d != 3 || n > 1e14 || groups == 0 && i > 3 {
			break
		}
		if sep == '.' && multiplied(s[i+w+d:]) || sep == ',' && n == 0 {
			break // 1.234 M: thousandths
		}
		n = n*1000 + atoi(s[i+w:i+w+d])
		i += w + d
		group, groups = sep, groups+1
	}
	if strings.HasPrefix(s[i:], " .") && digits(s[i+2:]) > 0 {
		i++ // "4 .9M" is a column that was cut and padded
	}
	if i < len(s) && (s[i] == '.' || s[i] == ',') && rune(s[i]) != group {
		if d := digits(s[i+1:]); d > 0 && d <= 4 && n < 1e13 {
			for j := range d {
				n = n*10 + int64(s[i+1+j]-'0')
			}
			return n, d, s[i+1+d:], true
		}
	}
	return n, 0, s[i:], true
}

func multiplied(s string) bool {
	multiple, _, ok := readUnit(s)
	return ok && multiple > 1
}

// prefixes of units, and the power of 1024 each is; the second half is
// Cyrillic.
const prefixes = "kmgtpeкмгтпэ"

// readUnit reads a unit: "B", "bytes", "k", "KiB", "Mo", "ГБ".
func readUnit(s string) (multiple int64, rest string, ok bool) {
	t := strings.TrimLeft(s, " \u00a0\u202f")
	word := t[:letters(t)]
	if word == "" || len(word) > len("килобайт") {
		return 0, s, false
	}
	rest = t[len(word):]
	lower := strings.ToLower(word)
	switch lower {
	case "b", "byte", "bytes", "o", "octet", "octets", "б", "байт", "バイト", "字节":
		return 1, rest, true
	}
	first, w := utf8.DecodeRuneInString(lower)
	i := strings.IndexRune(prefixes, first)
	if i < 0 {
		return 0, s, false
	}
	power := i
	if i >= 6 { // Cyrillic letters are two bytes each
		power = (i - 6) / 2
	}
	switch lower[w:] {
	case "", "b", "ib", "o", "io", "б", "иб", "byte", "bytes", "ibyte", "ibytes", "octets":
		return 1 << (10 * (power + 1)), rest, true
	}
	return 0, s, false
}

func digits(s string) int {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return i
}

// letters is how many bytes of letters s begins with.
func letters(s string) int {
	for i, r := range s {
		if r < utf8.RuneSelf && !('a' <= r|0x20 && r|0x20 <= 'z') || r >= utf8.RuneSelf && !unicode.IsLetter(r) && !unicode.IsMark(r) {
			return i
		}
	}
	return len(s)
}

func atoi(s string) (n int64) {
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
	}
	return n
}
