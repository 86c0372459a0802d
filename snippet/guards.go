package snippet

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Nearly every name that a server compares with the expressions is one of a file
// that never changes: what counts is how soon it fails. So alternatives are looked
// at only behind a guard, which is true wherever one of them is, and else hardly
// ever: a class for each of the first bytes of a name, or of its last ones, instead
// of one comparison after the other. A guard decides nothing.

// alternative is an expression, and texts: all it matches begins, or ends, with one
// of them. None: there is nothing to go by.
type alternative struct {
	text  string
	edges []string
}

// looksAt is how many bytes a guard looks at: with three, of the names in pool/
// nearly none gets through.
const looksAt = 3

// widest bounds the classes of a guard, in bytes: wider ones keep out little, and what
// they add to an expression has no share in longest.
const widest = 90

// guardFirst writes alternatives for the last element of a name.
func (w writer) guardFirst(all []alternative) []string {
	var guarded, rest, heads []string
	for _, a := range all {
		if w.backtracks && len(a.edges) > 0 && a.edges[0][0] < utf8.RuneSelf {
			guarded, heads = append(guarded, a.text), append(heads, a.edges...)
		} else {
			rest = append(rest, a.text)
		}
	}
	if len(guarded) < 2 {
		return append(guarded, rest...)
	}
	guard := classes(heads, func(s string, i int) byte { return s[i] })
	if guard == nil {
		return append(guarded, rest...)
	}
	return append([]string{"(?=" + strings.Join(guard, "") + ")" + either(guarded)}, rest...)
}

// behind is a guard for texts that a name may end with.
func behind(ends []string) string {
	guard := classes(ends, func(s string, i int) byte { return s[len(s)-1-i] })
	if len(ends) < 2 || guard == nil {
		return ""
	}
	slices.Reverse(guard)
	return "(?<=" + strings.Join(guard, "") + ")"
}

// guardLast writes alternatives for a whole name: its end is looked at before all
// that has to be searched for.
func (w writer) guardLast(all []alternative) []string {
	var guarded, rest, ends []string
	for _, a := range all {
		if w.backtracks && len(a.edges) > 0 {
			guarded, ends = append(guarded, a.text), append(ends, w.literals(a.edges)...)
		} else {
			rest = append(rest, a.text)
		}
	}
	if len(guarded) == 0 {
		return rest
	}
	return append([]string{"(?=" + anything + "+(?<=" + strings.Join(ends, "|") + "))" + either(guarded)}, rest...)
}

// classes returns a class for each of the first bytes of texts, as at counts them,
// for as many as say something. What is not ASCII is a byte to one server and a part
// of a character to another: there is no class for it, and none beyond it.
func classes(texts []string, at func(text string, i int) byte) []string {
	var written []string
	room := widest
	for i := range looksAt {
		var found []byte
		for _, t := range texts {
			if i >= len(t) || at(t, i) >= utf8.RuneSelf {
				return written
			}
			found = append(found, at(t, i))
		}
		slices.Sort(found)
		class := "["
		for _, c := range slices.Compact(found) {
			class += classed(c)
		}
		class += "]"
		if room -= len(class); room < 0 {
			return written
		}
		written = append(written, class)
	}
	return written
}

// classed writes a byte of ASCII so that it stands for itself in a class.
func classed(c byte) string {
	if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' {
		return string(c)
	}
	return fmt.Sprintf(`\x%02x`, c)
}

// literals are texts that stand for themselves.
func (w writer) literals(texts []string) []string {
	written := make([]string, len(texts))
	for i, t := range texts {
		written[i] = w.literal(t)
	}
	return written
}

// edge returns the edges of an alternative that has at most one.
func edge(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}
