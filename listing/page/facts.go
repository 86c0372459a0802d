package page

import (
	"strings"

	"mirror/listing"
)

// facts are what a row says of an entry besides its name.
type facts struct {
	size listing.Span
	time reading
	dash bool // where the size would be is a dash, as for directories
	dir  bool // it says in words that it is a directory
}

func (f *facts) any() bool { return f.size.Known || f.time.precise != unread || f.dash || f.dir }

// maxText is how far into a text facts are looked for; what is longer is prose.
const maxText = 256

// line reads what stands beside a link in running text. The size is next to
// the date, or begins what follows the link, or ends what goes before it:
//
//	<a>name</a>   2024-05-17 13:24  7.5M  description
//	<a>name</a>   857   description
//	5/17/2024  1:24 PM     7891488 <a>name</a>
//	dr-x   6     4096  Dec 17 02:40  <a>name</a>/
func (f *facts) line(text string, before bool, columns *columns) {
	text = clip(text)
	after, behind := text, before
	if r, start, end := dateIn(text); r.precise != unread && columns.has(timeRole) {
		f.time = r
		text, after = text[:start], text[end:]
		before = true
	} else if before {
		after = ""
	}
	if !columns.has(sizeRole) {
		return
	}
	if f.sizeFirst(after, 1) || before && f.sizeLast(text) || !behind {
		return
	}
	f.sizeLast(after)
}

// sizeFirst reads the size, a dash or a "<dir>" that s begins with. Behind a
// size are at least two blanks, or anything but a word: "5 files" is none.
func (f *facts) sizeFirst(s string, unit int64) bool {
	s = strings.TrimSpace(s)
	if s == "" {
		return false
	}
	if word, ok := dirWord(s); ok {
		f.dir = true
		s = strings.TrimSpace(s[len(word):])
	}
	bare := strings.TrimLeft(s, "([↱\u00a0 ")
	if size, rest, ok := readSize(bare, unit); ok {
		exactly := strings.TrimLeft(rest, " \u00a0,([=")
		if inner, _, ok := readSize(exactly, 1); ok && inner.Exact() && !size.Exact() && exactly != rest && within(inner, size) {
			size, rest = inner, "" // "1.2 MB (1,234,567 bytes)"
		}
		trimmed := strings.TrimLeft(rest, " \u00a0")
		if rest == "" || trimmed == "" || len(rest)-len(trimmed) > 1 || len(rest) > len(trimmed) && letters(trimmed) == 0 || strings.IndexByte(")],;|", rest[0]) >= 0 || rest[0] < ' ' {
			f.size = size
			return true
		}
		return false
	}
	if rest, ok := cutDash(s); ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\n') {
		f.dash = true
	}
	return f.dash || f.dir
}

// sizeLast reads the size, or the "<dir>", that s ends with.
func (f *facts) sizeLast(s string) bool {
	s = strings.TrimRight(s, " \t\r\n\u00a0|")
	if open := strings.LastIndexAny(s, "(["); open >= 0 && strings.HasSuffix(s, map[byte]string{'(': ")", '[': "]"}[s[open]]) {
		s = s[:open] + " " + s[open+1:len(s)-1]
	}
	start := strings.LastIndexAny(s, " \t\n") + 1
	if _, _, isUnit := readUnit(s[start:]); isUnit { // "12 KB"
		start = strings.LastIndexAny(strings.TrimRight(s[:max(start-1, 0)], " "), " \t\n") + 1
	}
	last := s[start:]
	if word, ok := dirWord(last); ok && word == last {
		f.dir = true
	} else if size, rest, ok := readSize(last, 1); ok && rest == "" {
		f.size = size
	} else if rest, ok := cutDash(last); ok && rest == "" {
		f.dash = true
	}
	return f.dir || f.dash || f.size.Known
}

func cutDash(s string) (rest string, ok bool) {
	for _, dash := range []string{"-", "—", "–", "--"} {
		if rest, found := strings.CutPrefix(s, dash); found {
			return rest, true
		}
	}
	return s, false
}

// dirWords say in a listing's cell that the entry is a directory.
var dirWords = []string{"<dir>", "[dir]", "[directory]", "application/directory", "directory", "dir", "folder", "file folder", "httpd/unix-directory", "inode/directory"}

// dirWord finds one of dirWords where s begins.
func dirWord(s string) (word string, ok bool) {
	for _, w := range dirWords {
		if len(s) >= len(w) && strings.EqualFold(s[:len(w)], w) && (len(s) == len(w) || letters(s[len(w):]) == 0 && s[len(w)] != '-') {
			return s[:len(w)], true
		}
	}
	return "", false
}

func within(inner, outer listing.Span) bool { return outer.Lo <= inner.Lo && inner.Hi <= outer.Hi }

func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}

// column reads a cell that has a heading.
func (f *facts) column(c *cell, text string, h heading) {
	text = clip(text)
	switch h.role {
	case timeRole:
		f.stamp(c, text)
		if f.time.precise == unread && !f.size.Known {
			f.whole(text)
		}
	case sizeRole:
		if n := digits(c.exact); n > 0 && n == len(c.exact) && n < 19 {
			f.size = listing.Exactly(atoi(c.exact))
		} else if !f.sizeFirst(text, h.unit) && f.time.precise == unread {
			f.stamp(c, text) // rows may be short of a cell
		}
	case typeRole:
		if word, ok := dirWord(strings.TrimSpace(text)); ok && word != "" {
			f.dir = true
		}
	case unknownRole:
		f.content(c, text)
	}
}

// stamp reads a cell that has a date somewhere.
func (f *facts) stamp(c *cell, text string) {
	if c.stamp != "" {
		text = clip(c.stamp)
	}
	if r, _, _ := dateIn(text); r.precise != unread {
		f.time = r
	}
}

// content reads a cell without a heading: it is a date, a size, or neither.
func (f *facts) content(c *cell, text string) {
	if c.stamp != "" && f.time.precise == unread {
		f.stamp(c, text)
		return
	}
	if n := digits(c.exact); n > 0 && n == len(c.exact) && n < 19 && !f.size.Known {
		f.size = listing.Exactly(atoi(c.exact))
		return
	}
	f.whole(text)
}

// whole reads a text that is a date, a size, a "<dir>" or a dash and nothing
// else.
func (f *facts) whole(text string) {
	text = strings.TrimSpace(text)
	if text == "" || f.time.precise != unread && f.size.Known {
		return
	}
	if f.time.precise == unread {
		if r, start, end := dateIn(text); r.precise != unread && start <= 16 && len(text)-end <= 16 {
			f.time = r
			return
		}
	}
	if size, rest, ok := readSize(strings.TrimLeft(text, "([↱\u00a0 "), 1); ok && !f.size.Known && strings.Trim(rest, " \u00a0)]") == "" {
		f.size = size
		return
	}
	if rest, ok := cutDash(text); ok && rest == "" {
		f.dash = true
	}
	if word, ok := dirWord(text); ok && word == text {
		f.dir = true
	}
}
