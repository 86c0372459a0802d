package render

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"mirror/listing"
)

const upperhex = "0123456789ABCDEF"

// unreserved are the bytes that mean themselves in every URL (RFC 3986, 2.3).
// ":" is not among them, so that no name is taken for a scheme.
var unreserved = func() (set [256]bool) {
	for _, c := range []byte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~") {
		set[c] = true
	}
	return set
}()

// appendHref appends a name as a relative URL, escaped to the last byte.
func appendHref(b []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i]; unreserved[c] {
			b = append(b, c)
		} else {
			b = append(b, '%', upperhex[c>>4], upperhex[c&15])
		}
	}
	return b
}

// appendText appends s as HTML text or attribute, with what cannot be shown
// (control characters, those that turn the direction of writing, bytes that
// are not UTF-8) as escapes, between before and after. Those escapes are for
// the eye: the link says what the name is.
func appendText(b []byte, s, before, after string) []byte {
	for i, c := range s {
		switch {
		case c == '&':
			b = append(b, "&amp;"...)
		case c == '<':
			b = append(b, "&lt;"...)
		case c == '>':
			b = append(b, "&gt;"...)
		case c == '"':
			b = append(b, "&#34;"...)
		case ' ' <= c && c < 0x7f:
			b = append(b, byte(c))
		case c == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			b = append(b, before...)
			b = append(b, '\\', 'x', upperhex[s[i]>>4], upperhex[s[i]&15])
			b = append(b, after...)
		case visible(c):
			b = utf8.AppendRune(b, c)
		default:
			b = append(b, before...)
			b = append(b, `\u{`...)
			b = appendHex(b, c)
			b = append(append(b, '}'), after...)
		}
	}
	return b
}

// visible reports whether a character shows that it is there: all but controls,
// line separators and formats; of these, writing needs the two joiners.
func visible(c rune) bool {
	return !unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || c == '\u200c' || c == '\u200d'
}

// shows reports whether every character of s shows that it is there.
func shows(s string) bool {
	for _, c := range s {
		if !visible(c) {
			return false
		}
	}
	return utf8.ValidString(s)
}

func appendHex(b []byte, c rune) []byte {
	if c > 15 {
		b = appendHex(b, c>>4)
	}
	return append(b, upperhex[c&15])
}

// appendEscaped appends a name as rsync writes names: a byte that plain says no
// to is \#ooo, its number in octal; so is the backslash of what looks like such
// an escape and is none. All else is itself.
func appendEscaped(b []byte, name string, plain func(c byte) bool) []byte {
	for i := range len(name) {
		if c := name[i]; !plain(c) || looksEscaped(name[i:]) {
			b = append(b, '\\', '#', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		} else {
			b = append(b, c)
		}
	}
	return b
}

func looksEscaped(s string) bool {
	if len(s) < 5 || s[0] != '\\' || s[1] != '#' {
		return false
	}
	for _, c := range []byte(s[2:5]) {
		if c < '0' || '9' < c {
			return false
		}
	}
	return true
}

// appendNames appends the entry's name, and " -> " and the target of a link. An
// arrow in a link's own name is escaped, so that the first one is the link's.
func appendNames(b []byte, e *listing.Entry, plain func(c byte) bool) []byte {
	if e.Type != listing.Symlink {
		return appendEscaped(b, e.Name, plain)
	}
	for i, part := range strings.Split(e.Name, " ->") {
		if i > 0 {
			b = append(b, `\#040->`...)
		}
		b = appendEscaped(b, part, plain)
	}
	if e.Target != "" {
		b = append(b, " -> "...)
		b = appendEscaped(b, e.Target, plain)
	}
	return b
}
