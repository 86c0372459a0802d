package lines

import (
	"bytes"
	"math"
	"strconv"

	"mirror/listing"
)

// maxFields bounds the fields of a line: those before the name are at most
// about ten, and a group's name may have spaces (Cygwin).
const maxFields = 32

// fields is where the words of a line begin and end.
//
//	"-rw-r--r--  1 root  42 Nov 12 2024 a b"  ->  -rw-r--r--|1|root|42|Nov|12|2024|a|b
type fields struct {
	line []byte
	at   [maxFields][2]int
	n    int
}

func (f *fields) split(line []byte) *fields {
	f.line, f.n = line, 0
	for i := 0; f.n < maxFields; f.n++ {
		for i < len(line) && space(line, i) > 0 {
			i += space(line, i)
		}
		if i >= len(line) {
			break
		}
		start := i
		for i < len(line) && space(line, i) == 0 {
			i++
		}
		f.at[f.n] = [2]int{start, i}
	}
	return f
}

// space returns the length of the space at line[i:], or 0. In the columns of
// some locales spaces are no-break spaces (U+00A0, U+202F; "3.\xa0nov" in sets
// of one byte a letter).
func space(line []byte, i int) int {
	switch b := line[i:]; {
	case b[0] == ' ' || b[0] == '\t':
		return 1
	case b[0] == 0xa0 && i > 0 && line[i-1] == '.':
		return 1
	case b[0] == 0xc2 && len(b) > 1 && b[1] == 0xa0:
		return 2
	case b[0] == 0xe2 && len(b) > 2 && b[1] == 0x80 && b[2] == 0xaf:
		return 3
	}
	return 0
}

// word returns field i, or nil behind the last one.
func (f *fields) word(i int) []byte {
	if i < 0 || i >= f.n {
		return nil
	}
	return f.line[f.at[i][0]:f.at[i][1]]
}

// is reports whether field i is s.
func (f *fields) is(i int, s string) bool { return string(f.word(i)) == s }

// after returns all that stands behind field i and the one space that ends it.
func (f *fields) after(i int) (rest []byte, ok bool) {
	if i < 0 || i >= f.n {
		return nil, false
	}
	end := f.at[i][1]
	if end+1 >= len(f.line) || f.line[end] != ' ' && f.line[end] != '\t' {
		return nil, false
	}
	return f.line[end+1:], true
}

// gap returns how many bytes there are between fields i and i+1; 0 behind the last.
func (f *fields) gap(i int) int {
	if i+1 >= f.n {
		return 0
	}
	return f.at[i+1][0] - f.at[i][1]
}

// from returns the line from field i on.
func (f *fields) from(i int) []byte {
	if i >= f.n {
		return nil
	}
	return f.line[f.at[i][0]:]
}

// digits reports whether b is a decimal number.
func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0
}

// number reads a decimal number that fits; one with a sign does not.
func number(b []byte) (int64, bool) {
	if !digits(b) || len(b) > 19 {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	return n, err == nil
}

// small reads a decimal number of at most 4 digits, or -1.
func small(b []byte) int {
	if len(b) > 4 || !digits(b) {
		return -1
	}
	n := 0
	for _, c := range b {
		n = 10*n + int(c-'0')
	}
	return n
}

// lower returns b in lower case, in buf if it has room and b is ASCII.
func lower(b, buf []byte) []byte {
	for _, c := range b {
		switch {
		case c >= 0x80:
			return bytes.ToLower(b)
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		}
		buf = append(buf, c)
	}
	return buf
}

// sizeUnits are the powers of 1024.
const sizeUnits = "KMGTPEZY"

// size reads the size of a file:
//
//	42  9,730  1.234.567     exact, in groups of three or not
//	1.5K  33.5k  7,6M  12G   rounded, up or down: a range of one digit's worth to both sides
//	-1  18446744073709551615     no size that a file can have: unknown
//
// ok is false for what is no size at all.
func size(b []byte) (s listing.Span, ok bool) {
	if digits(b) {
		if n, fits := number(b); fits {
			return listing.Exactly(n), true
		}
		return listing.Span{}, true
	}
	if len(b) > 1 && b[0] == '-' && digits(b[1:]) {
		return listing.Span{}, true
	}
	if len(b) < 2 || len(b) > 32 || b[0] < '0' || b[0] > '9' {
		return listing.Span{}, false
	}
	b = bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("iB")), []byte("B"))
	if n, fits := number(b); fits {
		return listing.Exactly(n), true
	}
	if power := bytes.IndexByte([]byte(sizeUnits), b[len(b)-1]&^0x20); power >= 0 {
		return rounded(b[:len(b)-1], math.Pow(1024, float64(power+1)))
	}
	if plain, grouped := ungroup(b); grouped {
		n, fits := number(plain)
		return listing.Exactly(n), fits
	}
	return listing.Span{}, false
}

// rounded reads "1.5" or "1,5" of a unit.
func rounded(b []byte, unit float64) (listing.Span, bool) {
	whole, fraction, _ := bytes.Cut(bytes.Replace(b, []byte{','}, []byte{'.'}, 1), []byte{'.'})
	n, okWhole := number(whole)
	if !okWhole || n > 9999 || len(fraction) > 3 || fraction != nil && !digits(fraction) {
		return listing.Span{}, false
	}
	step := math.Pow(10, -float64(len(fraction)))
	value := float64(n)
	if fraction != nil {
		tail, _ := number(fraction)
		value += float64(tail) * step
	}
	hi := math.Floor((value + step) * unit)
	if hi >= math.MaxInt64 {
		return listing.Span{}, true
	}
	lo := max(0, math.Ceil((value-step)*unit))
	return listing.Between(int64(lo), int64(hi)), true
}

// ungroup takes the separators out of 1,234,567 (or with dots, or apostrophes).
func ungroup(b []byte) (plain []byte, ok bool) {
	i := bytes.IndexAny(b, ",.'")
	if i < 1 || i > 3 {
		return nil, false
	}
	groups := bytes.Split(b, b[i:i+1])
	for _, g := range groups[1:] {
		if len(g) != 3 {
			return nil, false
		}
	}
	plain = bytes.Join(groups, nil)
	return plain, digits(plain)
}

// setSize files the size of what has one.
func setSize(e *listing.Entry, s listing.Span) {
	if e.Type == listing.File || e.Type == listing.Symlink || e.Type == listing.Unknown {
		e.Size = s
	}
}
