package config

import (
	"fmt"
	"slices"
	"strings"
)

// parseNetrc reads a netrc file:
//
//	machine HOST login NAME password TEXT account TEXT
//	default      login NAME password TEXT account TEXT
//	macdef NAME
//	    anything, up to an empty line
//
// Words stand between any spaces and line ends; what belongs to a machine may
// come in any order, or be left out. A word in double quotes may hold spaces,
// \" and \\; also \n, \r and \t, but no value may hold what these stand for. "#"
// begins a comment where a keyword would stand.
//
// Accounts and macros are for programs that are used by hand. What "default"
// says is not taken either: it is for hosts that the file does not know, and
// those have no business with a password.
//
// An error begins with its line and never repeats what the file holds, since
// anything may be a piece of a password.
func parseNetrc(text string) ([]machine, error) {
	s := &netrcScanner{rest: text, line: 1}
	var machines []machine
	var current *machine // that login and password are of
	for s.skipToKeyword() {
		line := s.line
		keyword, err := s.word()
		if err != nil {
			return nil, err
		}
		keyword = strings.ToLower(keyword)
		if keyword == "default" {
			current = new(machine) // with no host, so it is never found
			continue
		}
		if !slices.Contains([]string{"machine", "login", "password", "account", "macdef"}, keyword) {
			return nil, fmt.Errorf(`%d: a word is none of "machine", "default", "login", "password", "account" and "macdef": put a value that holds spaces in double quotes`, line)
		}
		value, err := s.value(keyword, line)
		if err != nil {
			return nil, err
		}
		switch {
		case keyword == "machine":
			machines = append(machines, machine{host: value})
			current = &machines[len(machines)-1]
		case keyword == "macdef":
			s.skipMacro()
		case current == nil:
			return nil, fmt.Errorf(`%d: %q belongs to no machine: write "machine HOST" before it`, line, keyword)
		case keyword == "login":
			current.user = value
		case keyword == "password":
			current.password = value
		}
	}
	return machines, nil
}

// netrcScanner cuts a netrc file into words.
type netrcScanner struct {
	rest string
	line int // that rest begins in, counted from 1
}

// netrcSpace is what isspace(3) says of ASCII.
const netrcSpace = " \t\r\n\v\f"

// take removes the next n bytes and returns them.
func (s *netrcScanner) take(n int) string {
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	s.line += strings.Count(taken, "\n")
	return taken
}

// takeLine removes the rest of a line, with its end.
func (s *netrcScanner) takeLine() string {
	if n := strings.IndexByte(s.rest, '\n'); n >= 0 {
		return s.take(n + 1)
	}
	return s.take(len(s.rest))
}

func (s *netrcScanner) skipSpace() {
	s.take(len(s.rest) - len(strings.TrimLeft(s.rest, netrcSpace)))
}

// skipToKeyword skips spaces and comments. It reports whether anything follows.
func (s *netrcScanner) skipToKeyword() bool {
	for s.skipSpace(); strings.HasPrefix(s.rest, "#"); s.skipSpace() {
		s.takeLine()
	}
	return s.rest != ""
}

// skipMacro skips the rest of its first line, and more up to an empty one.
func (s *netrcScanner) skipMacro() {
	for s.takeLine(); s.rest != "" && strings.TrimRight(s.takeLine(), "\r\n") != ""; {
	}
}

// value returns the word that belongs to the keyword of this line.
func (s *netrcScanner) value(keyword string, line int) (string, error) {
	s.skipSpace()
	switch {
	case s.rest == "":
		return "", fmt.Errorf("%d: nothing follows %q: write its value after it", line, keyword)
	case s.rest[0] == '#': // a comment to some programs, a value to others
		return "", fmt.Errorf(`%d: the value of %q begins with "#", like a comment: put it in double quotes`, s.line, keyword)
	}
	value, err := s.word()
	if err == nil && strings.ContainsFunc(value, isControl) {
		return "", fmt.Errorf("%d: the value of %q has a control character, which no protocol takes: leave it out", line, keyword)
	}
	return value, err
}

// word returns the word that the rest begins with.
func (s *netrcScanner) word() (string, error) {
	if s.rest[0] != '"' {
		if n := strings.IndexAny(s.rest, netrcSpace); n >= 0 {
			return s.take(n), nil
		}
		return s.take(len(s.rest)), nil
	}
	var word strings.Builder
	for i := 1; i < len(s.rest) && s.rest[i] != '\n'; i++ {
		switch c := s.rest[i]; c {
		case '"':
			s.take(i + 1)
			if s.rest != "" && !strings.ContainsRune(netrcSpace, rune(s.rest[0])) {
				return "", fmt.Errorf(`%d: text follows a closing quote: put a space between, or \ before a quote that belongs to the value`, s.line)
			}
			return word.String(), nil
		case '\\':
			i++
			if i < len(s.rest) {
				word.WriteByte(unescape(s.rest[i]))
			}
		default:
			word.WriteByte(c)
		}
	}
	return "", fmt.Errorf("%d: a quote is not closed on its line: end the value with a double quote", s.line)
}

// unescape returns what a backslash and c stand for in quotes.
func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
