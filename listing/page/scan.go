package page

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A scanner reads JSON as servers write it: names may have bytes that are no
// UTF-8, and control characters as they are. What encoding/json would replace
// or refuse comes out byte for byte.
type scanner struct {
	b  []byte
	at int
}

var errJSON = errors.New("this is not well-formed JSON")

// next returns the next character that is no blank, without passing it; 0 at
// the end.
func (s *scanner) next() byte {
	for s.at < len(s.b) {
		switch c := s.b[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// pass passes c if it comes next.
func (s *scanner) pass(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

// string reads a string; the opening quote comes next. What it returns may be
// part of the page.
func (s *scanner) string() ([]byte, error) {
	if !s.pass('"') {
		return nil, errJSON
	}
	start := s.at
	for s.at < len(s.b) {
		switch s.b[s.at] {
		case '"':
			s.at++
			return s.b[start : s.at-1], nil
		case '\\':
			return s.escaped(start)
		}
		s.at++
	}
	return nil, errJSON
}

// escaped reads on from the first backslash of a string.
func (s *scanner) escaped(start int) ([]byte, error) {
	out := bytes.Clone(s.b[start:s.at])
	for s.at < len(s.b) {
		c := s.b[s.at]
		s.at++
		switch {
		case c == '"':
			return out, nil
		case c != '\\' || s.at == len(s.b):
			out = append(out, c)
			continue
		}
		c = s.b[s.at]
		s.at++
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			out = utf8.AppendRune(out, s.unicode())
			continue
		}
		out = append(out, c)
	}
	return nil, errJSON
}

// unicode reads what follows \u, and the other half of a pair.
func (s *scanner) unicode() rune {
	r := s.hex4()
	if utf16.IsSurrogate(r) && bytes.HasPrefix(s.b[s.at:], []byte(`\u`)) {
		before := s.at
		s.at += 2
		if pair := utf16.DecodeRune(r, s.hex4()); pair != utf8.RuneError {
			return pair
		}
		s.at = before
	}
	return r
}

func (s *scanner) hex4() rune {
	if len(s.b)-s.at < 4 {
		return utf8.RuneError
	}
	n, err := strconv.ParseUint(string(s.b[s.at:s.at+4]), 16, 32)
	if err != nil {
		return utf8.RuneError
	}
	s.at += 4
	return rune(n)
}

// word reads a number, true, false or null.
func (s *scanner) word() ([]byte, error) {
	s.next()
	start := s.at
	for s.at < len(s.b) {
		c := s.b[s.at]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '.' && c != '-' && c != '+' {
			break
		}
		s.at++
	}
	if s.at == start {
		return nil, errJSON
	}
	return s.b[start:s.at], nil
}
