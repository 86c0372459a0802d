package page

import (
	"strconv"
	"strings"
	"unicode"

	"mirror/listing"
)

// facts are what a row says of an entry besides its name.
type facts struct {
	size listing.Span
	time reading
	// moment is the time as the page has it for scripts; what it shows has the
	// last word.
	moment listing.Span
	mode   listing.Mode
	kind   listing.Type // by its mode, or by a word: "<dir>"
	dash   bool         // where the size would be is a dash, as for directories
	mere   bool         // the size is a number in a cell without a heading, so it may be something else's
}

func (f *facts) any() bool {
	return f.size.Known || f.time.precise != unread || f.moment.Known || f.dash || f.kind != listing.Unknown
}

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
	if before {
		f.permissions(text)
	}
	if strings.HasPrefix(text, "/") { // <a>name</a>/
		f.kind = listing.Dir
		text = text[1:]
	}
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
		f.kind = listing.Dir
		s = strings.TrimSpace(s[len(word):])
	}
	if size, rest, ok := readSize(undecorated(s), unit); ok {
		if exact, ok := bracketed(rest); ok {
			size, rest = exact, ""
		}
		if mayFollow(rest) {
			f.size = size
		}
		return mayFollow(rest)
	}
	if rest, ok := cutDash(s); ok && (rest == "" || rest[0] <= ' ') {
		f.dash = true
	}
	return f.dash || f.kind == listing.Dir
}

// bracketed reads the number of bytes behind a rounded size: "1.2 MB (1,234,567
// bytes)".
func bracketed(s string) (listing.Span, bool) {
	_, s, _ = strings.Cut(clip(s), "(")
	n, decimals, s, ok := readNumber(s)
	multiple, _, given := readUnit(s)
	return listing.Exactly(n), ok && decimals == 0 && given && multiple == 1
}

// mayFollow: what is left behind a number does not say that it is no size.
func mayFollow(rest string) bool {
	text := strings.TrimLeft(rest, " \u00a0")
	switch blanks := len(rest) - len(text); {
	case text == "" || blanks > 1 || rest[0] < ' ':
		return true
	case blanks == 1:
		return strings.IndexByte("([|<-", text[0]) >= 0
	}
	return strings.IndexByte(")],;|", rest[0]) >= 0
}

// sizeLast reads the size, or the "<dir>", that s ends with.
func (f *facts) sizeLast(s string) bool {
	s = strings.TrimRight(s, " \t\r\n\u00a0|,;")
	if open := strings.LastIndexAny(s, "(["); open >= 0 && strings.HasSuffix(s, map[byte]string{'(': ")", '[': "]"}[s[open]]) {
		s = s[:open] + " " + s[open+1:len(s)-1]
	}
	start := strings.LastIndexAny(s, " \t\n") + 1
	if _, _, isUnit := readUnit(s[start:]); isUnit { // "12 KB"
		start = strings.LastIndexAny(strings.TrimRight(s[:max(start-1, 0)], " "), " \t\n") + 1
	}
	last := strings.TrimLeft(s[start:], "([")
	if word, ok := dirWord(last); ok && word == last {
		f.kind = listing.Dir
	} else if size, rest, ok := readSize(last, 1); ok && rest == "" {
		f.size = size
	} else if rest, ok := cutDash(last); ok && rest == "" {
		f.dash = true
	}
	return f.kind == listing.Dir || f.dash || f.size.Known
}

// undecorated is s without what may go before a size.
func undecorated(s string) string {
	if s != "" && '0' <= s[0] && s[0] <= '9' {
		return s
	}
	return strings.TrimLeft(s, "([↱⇩↓~\u00a0 ")
}

func cutDash(s string) (rest string, ok bool) {
	for _, dash := range []string{"--", "-", "—", "–"} {
		if rest, found := strings.CutPrefix(s, dash); found {
			return rest, true
		}
	}
	return s, false
}

// dirWords say in a listing's cell that the entry is a directory.
var dirWords = []string{"<dir>", "<directory>", "[dir]", "[directory]", "application/directory", "directory", "dir", "folder", "file folder", "httpd/unix-directory", "inode/directory", "📁", "📂", "🗀", "🗁"}

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

func overlap(a, b listing.Span) bool { return a.Lo <= b.Hi && b.Lo <= a.Hi }

func clip(s string) string {
	if len(s) > maxText {
		return s[:maxText]
	}
	return s
}

// column reads a cell of the column i of those that have headings.
func (f *facts) column(c *cell, text string, columns *columns, i int) {
	text = clip(text)
	switch h := columns.at(i); h.role {
	case timeRole:
		f.date(text)
		f.timed(c)
		if f.time.precise == unread && !f.size.Known {
			f.whole(text)
		}
	case sizeRole:
		if !f.sizeFirst(text, h.unit) && f.time.precise == unread && c.exact == "" {
			f.date(text) // rows may be short of a cell
		}
		f.exactly(c)
	case typeRole:
		if _, ok := dirWord(strings.TrimSpace(text)); ok {
			f.kind = listing.Dir
		}
	case unknownRole: // it may be what no other heading is for
		var g facts
		g.content(c, text)
		if !columns.headed(timeRole) && f.time.precise == unread {
			f.time, f.moment = g.time, g.moment
		}
		if !columns.headed(sizeRole) && !f.size.Known {
			f.size, f.dash = g.size, f.dash || g.dash
		}
	case otherRole:
		f.permissions(text)
	}
}

// date reads a cell that has a date somewhere.
func (f *facts) date(text string) {
	if r, _, _ := dateIn(text); r.precise != unread {
		f.time = r
	}
}

// content reads a cell without a heading: it is a date, a size, or neither.
func (f *facts) content(c *cell, text string) {
	f.permissions(text)
	f.whole(text)
	f.exactly(c)
	f.timed(c)
}

// exactly takes the number of bytes that a cell has for scripts, for sorting
// say, if it is what the cell shows, or if that shows nothing.
func (f *facts) exactly(c *cell) {
	size := numbers(c.exact)
	if size.Known && size.Lo >= 0 && (f.size.Known && within(size, f.size) || c.bytes && !f.size.Known) {
		f.size = size
	}
}

// lastSecond is that of the year 9999. What is beyond is no number of seconds,
// but of milliseconds, say.
const lastSecond = 253402300799

// timed takes the seconds since 1970 that a cell has for scripts.
func (f *facts) timed(c *cell) {
	if m := numbers(c.when); m.Known && -lastSecond < m.Lo && m.Hi <= lastSecond {
		f.moment = m
	}
}

// numbers reads "1234", or what package render writes of a number that is not
// known exactly: "1200..1300".
func numbers(s string) listing.Span {
	if s == "" {
		return listing.Span{} // most cells have none, and errors cost
	}
	from, to, between := strings.Cut(s, "..")
	if !between {
		to = from
	}
	lo, errLo := strconv.ParseInt(from, 10, 64)
	hi, errHi := strconv.ParseInt(to, 10, 64)
	if errLo != nil || errHi != nil || lo > hi {
		return listing.Span{}
	}
	return listing.Between(lo, hi)
}

// whole reads a text that is a date, a size, a "<dir>" or a dash and nothing
// else.
func (f *facts) whole(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	if f.time.precise == unread {
		if r, start, end := dateIn(text); r.precise != unread && start <= 16 && len(text)-end <= 16 {
			f.time = r
			return
		}
	}
	if size, rest, ok := readSize(undecorated(text), 1); ok && strings.Trim(rest, " \u00a0)]") == "" {
		if mere := strings.IndexFunc(text, unicode.IsLetter) < 0; !f.size.Known || f.mere && !mere {
			f.size, f.mere = size, mere
		}
		return
	}
	if rest, ok := cutDash(text); ok && rest == "" {
		f.dash = true
	}
	if word, ok := dirWord(text); ok && word == text {
		f.kind = listing.Dir
	}
}
