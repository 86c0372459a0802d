package snippet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"mirror/config"
)

// names are the mutable names of mirrors with the same patterns, as regular
// expressions over a decoded URL path; as PCRE has them:
//
//	^/base/  (?:debian/|ubuntu/(?!security/))  (?!(?:[^/]++/)*+old\.db\z)  (?:[^/]++/)*+(?:InRelease|[^/]*+(?<=\.db))  \z
//	         places                            not                         tail
//
// They match exactly the names for which the mirror with the longest prefix says
// IsMutable; of what is no name (a path that ends with a slash, the prefix itself)
// they match none.
type names struct {
	places []place
	not    string // what is immutable; "": nothing
	tail   string
}

// place is the prefix of a mirror, without its first slash, and those of the
// mirrors below it whose names are theirs alone.
type place struct {
	prefix string
	inner  []string
}

// writer is how regular expressions are written for a server.
type writer struct {
	// runes: its expressions look at characters (Caddy, lighttpd), where others look
	// at bytes. One "?" of a pattern is one byte: in names that are not ASCII "??"
	// then matches a little more than it should, which costs a question, and never
	// less, which would cost the update. (lighttpd's match nothing in a path that is
	// not UTF-8.)
	runes bool
	// backtracks: its engine tries all that could match (PCRE: all but Caddy). It is told
	// where there is but one way, and what to look at first (guards.go): of a hit of 4 KiB,
	// what nginx tried in vain took a third.
	backtracks bool
	// less: what is written is what shall not match, and the other way round.
	less bool
}

// pcre returns one expression for all that n matches.
func (w writer) pcre(base string, n names) string {
	places := make([]string, len(n.places))
	for i, p := range n.places {
		places[i] = w.literal(p.prefix) + w.except(p.inner)
	}
	not := n.not
	if not != "" {
		not = "(?!" + not + `\z)`
	}
	return "^" + w.literal(base) + either(places) + not + n.tail + `\z`
}

func (w writer) except(inner []string) string {
	if len(inner) == 0 {
		return ""
	}
	written := make([]string, len(inner))
	for i, prefix := range inner {
		written[i] = w.literal(prefix)
	}
	return "(?!" + strings.Join(written, "|") + ")"
}

// longest bounds each of the three parts of an expression, in bytes: nginx takes
// parameters of 4096. There is then more than one.
const longest = 1200

// mutable returns the names that have to be asked for again.
func (w writer) mutable(conf *config.Config) []names {
	type group struct {
		like   *config.Mirror
		places []place
	}
	var groups []*group
	for i := range conf.Mirrors {
		m := &conf.Mirrors[i]
		if covered(conf, m) {
			continue
		}
		at := slices.IndexFunc(groups, func(g *group) bool { return samePatterns(g.like, m) })
		if at < 0 {
			at = len(groups)
			groups = append(groups, &group{like: m})
		}
		groups[at].places = append(groups[at].places, place{m.Prefix, foreign(conf, m)})
	}
	var all []names
	for _, g := range slices.Backward(groups) { // conf has the longest prefix first; people expect the shortest
		slices.Reverse(g.places)
		tails := w.tails(g.like)
		for _, places := range cut(g.places, func(p place) int { return len(w.literal(p.prefix)+w.except(p.inner)) + 1 }) {
			for _, n := range tails {
				all = append(all, names{places, n.not, n.tail})
			}
		}
	}
	return all
}

// cut cuts a list into parts of at most longest bytes, or of one element.
func cut[T any](list []T, size func(T) int) [][]T {
	var parts [][]T
	room := 0
	for _, x := range list {
		if room -= size(x); room < 0 || parts == nil {
			parts, room = append(parts, nil), longest-size(x)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], x)
	}
	return parts
}

func samePatterns(a, b *config.Mirror) bool {
	return a.Index == b.Index && slices.Equal(a.Mutable, b.Mutable) && slices.Equal(a.Immutable, b.Immutable) && hasPages(a) == hasPages(b)
}

// anywhere reports whether a mirror's patterns say the same of a name wherever
// the mirror begins: none of them looks at more than the last element.
func anywhere(m *config.Mirror) bool {
	return m.Index == "" && !hasPages(m) && !slices.ContainsFunc(slices.Concat(m.Mutable, m.Immutable), func(p string) bool { return strings.Contains(p, "/") })
}

// above returns the mirror that m lies directly below, or nil.
func above(conf *config.Config, m *config.Mirror) *config.Mirror {
	for i := range conf.Mirrors { // the longest prefix first
		if o := &conf.Mirrors[i]; len(o.Prefix) < len(m.Prefix) && strings.HasPrefix(m.Prefix, o.Prefix) {
			return o
		}
	}
	return nil
}

// covered reports whether what the mirror above m matches is right for m's names,
// too.
func covered(conf *config.Config, m *config.Mirror) bool {
	o := above(conf, m)
	return o != nil && anywhere(m) && samePatterns(o, m)
}

// foreign returns the prefixes below m's, from there on, whose names m's patterns
// say something wrong of.
func foreign(conf *config.Config, m *config.Mirror) []string {
	var inner []string
	for i := range conf.Mirrors {
		o := &conf.Mirrors[i]
		if above(conf, o) != m {
			continue
		}
		below := strings.TrimPrefix(o.Prefix, m.Prefix)
		if !covered(conf, o) {
			inner = append(inner, below)
			continue
		}
		for _, deeper := range foreign(conf, o) {
			inner = append(inner, below+deeper)
		}
	}
	slices.Sort(inner)
	return inner
}

// hasPages reports whether the pages of a Python index are mutable in a mirror.
func hasPages(m *config.Mirror) bool { return m.IsSimpleDir("simple") }

// simple are these pages, as Mirror.IsSimple has them.
func (w writer) simple() alternative {
	return alternative{w.elements() + `*simple/(?:[^/]+/)?index\.(?:html|v1_json)`, []string{"/index.html", "/index.v1_json"}}
}

// elements are those of a path, to be followed by a quantifier.
func (w writer) elements() string {
	if w.backtracks {
		return "(?:[^/]++/)"
	}
	return "(?:[^/]+/)"
}

func (w writer) lessThan() writer {
	w.less = true
	return w
}

// tails are the mutable names of m below its prefix, without their places. The
// index is mutable whatever else is immutable.
func (w writer) tails(m *config.Mirror) []names {
	not := ""
	if parts := w.lessThan().patterns(m.Immutable); len(parts) > 0 {
		not = parts[0] // of a list that is too long for nginx, the rest is asked for in vain
	}
	var pages []alternative
	if hasPages(m) {
		pages = append(pages, w.simple())
	}
	parts, index := w.patterns(m.Mutable, pages...), w.literal(m.Index)
	if not == "" && m.Index != "" && len(parts) == 1 && len(parts[0])+len(index) < longest {
		parts[0], index = either([]string{parts[0], index}), ""
	}
	var all []names
	for _, part := range parts {
		all = append(all, names{not: not, tail: part})
	}
	if index != "" {
		all = append(all, names{tail: index})
	}
	return all
}

// patterns writes a list of patterns, and what is one already, in one expression or
// in several.
func (w writer) patterns(list []string, whole ...alternative) []string {
	var last []alternative
	var ends []string
	inside := map[byte][]string{} // by its first byte, the rest of what is looked for
	for _, p := range list {
		literal := strings.Trim(p, "*")
		plain := w.backtracks && literal != "" && !strings.ContainsAny(literal, "*?/")
		switch {
		case strings.Contains(p, "/"):
			a := alternative{text: w.whole(p)}
			if at := strings.LastIndexAny(p, "*?"); at >= 0 { // else it fails soon by itself
				a.edges = edge(p[at+1:])
			}
			whole = append(whole, a)
		case plain && p == "*"+literal:
			ends = append(ends, literal)
		case plain && p == "*"+literal+"*" && literal[0] < utf8.RuneSelf:
			inside[literal[0]] = append(inside[literal[0]], w.literal(literal[1:]))
		default:
			last = append(last, alternative{w.element(p), edge(p[:strings.IndexAny(p+"*", "*?")])})
		}
	}
	for _, c := range slices.Sorted(maps.Keys(inside)) {
		// What follows each c is looked at: behind "[^/]*" every byte would be tried.
		other, first := "[^"+classed(c)+"/]*+", w.literal(string(c))
		for _, part := range cut(inside[c], func(s string) int { return len(s) + 1 }) {
			last = append(last, alternative{text: "(?:" + other + first + ")+?" + either(part) + "[^/]*"})
		}
	}
	for _, part := range cut(ends, func(s string) int { return len(w.literal(s)) + 1 }) {
		last = append(last, alternative{text: "[^/]*+" + behind(part) + "(?<=" + strings.Join(w.literals(part), "|") + ")"})
	}
	dirs := w.elements() + "*"
	if w.backtracks {
		dirs += "+" // the last element is what has no slash behind it
	}
	size := func(a alternative) int { return len(a.text) + 1 }
	sizeWhole := func(a alternative) int { return len(a.text) + len(strings.Join(w.literals(a.edges), "|")) + 2 }
	var parts []string
	for _, part := range cut(last, size) {
		parts = append(parts, dirs+either(w.guardFirst(part)))
	}
	all := cut(whole, sizeWhole)
	if len(parts) == 1 && len(all) == 1 {
		if both := append(slices.Clone(parts), w.guardLast(whole)...); len(strings.Join(both, "|")) <= longest {
			return []string{either(both)}
		}
	}
	for _, part := range all {
		parts = append(parts, either(w.guardLast(part)))
	}
	return parts
}

// element writes a pattern without a slash: it is compared with the last element
// of a name, which is never empty.
func (w writer) element(pattern string) string {
	if strings.Trim(pattern, "*") == "" {
		return "[^/]+"
	}
	return w.glob(pattern, "[^/]*")
}

// whole writes a pattern with a slash, where "*" matches slashes, too, but a name
// never ends with one.
func (w writer) whole(pattern string) string {
	below, deep := strings.CutPrefix(pattern, "*/")
	body := strings.TrimRight(below, "*")
	text := w.glob(body, anything)
	switch {
	case body == below:
	case body == "" || strings.HasSuffix(body, "/"):
		text += anything + "[^/]"
	default:
		text += "(?:" + anything + "[^/])?"
	}
	if deep {
		return "(?:" + anything + "/)?" + text
	}
	return text
}

// anything matches new lines, too, which "." alone does not.
const anything = `[\s\S]*`

// glob writes a pattern in which "*" is star.
func (w writer) glob(pattern, star string) string {
	var b strings.Builder
	for pattern != "" {
		literal := strings.IndexAny(pattern+"*", "*?")
		b.WriteString(w.literal(pattern[:literal]))
		pattern = pattern[literal:]
		run := len(pattern) - len(strings.TrimLeft(pattern, "*?"))
		b.WriteString(w.wild(pattern[:run], star))
		pattern = pattern[run:]
	}
	return b.String()
}

// wild writes a run of "*" and "?".
func (w writer) wild(run, star string) string {
	for strings.Contains(run, "**") {
		run = strings.ReplaceAll(run, "**", "*")
	}
	one := "[^/]"
	if w.runes && w.less {
		one = `[\x00-.0-\x7f]`
	}
	text := strings.NewReplacer("*", star, "?", one).Replace(run)
	if !w.runes || w.less || strings.Count(run, "?") < 2 {
		return text
	}
	if !strings.Contains(run, "*") {
		star = "[^/]*"
	}
	return "(?:" + text + "|" + star + `[^\x00-\x7f]` + star + ")"
}

// literal writes a text that stands for itself. Nothing in it means anything to a
// regular expression, to the quotes that it stands in, or to what servers expand.
func (w writer) literal(text string) string {
	var b strings.Builder
	for i, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("/-_~,:;=@&!", c) >= 0:
			b.WriteByte(c)
		case strings.IndexByte(".+*?()[]|^", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= 0x80: // right for bytes and for characters
			b.WriteString(text[i : i+1])
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

func either(texts []string) string {
	if len(texts) == 1 {
		return texts[0]
	}
	return "(?:" + strings.Join(texts, "|") + ")"
}
