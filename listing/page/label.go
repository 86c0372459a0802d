package page

import (
	"strings"
	"unicode"
)

// A label is how an anchor shows its name. Names look like anything: "1.2M",
// "2024-11-12 10:00", "a → b". So what shows a name, or a part of one, is never
// read for a size, a time or a target:
//
//   - of the pieces of an anchor, those that are found in the name, but where
//     another shows the name to the letter;
//   - beside an anchor that does not show the name, what does.
type label struct {
	name   string
	piece  int  // the piece that shows the name, or else the first that has any text; -1 where there is none
	same   bool // it shows the name, more or less: see sameName
	letter bool // it shows the name to the letter
}

// maxName is longer than names are: keys of object stores have up to 1024 bytes.
// Beyond it, they are not looked for in texts, of which a row has many.
const maxName = 2048

// label finds out how an anchor shows its name.
func (r *row) label(anchor int, name string) label {
	l := label{name: name[:min(len(name), maxName)], piece: -1}
	a := &r.anchors[anchor]
	pieces := r.cells[a.cell].pieces
	for i := a.piece; i < len(pieces) && pieces[i].anchor == anchor; i++ {
		text := strings.TrimSpace(pieces[i].text)
		switch {
		case text == "":
		case sameName(text, name):
			l.piece, l.same = i, true
			l.letter = text == strings.TrimSpace(name) || strings.TrimRight(text, "/@*") == name
			return l
		case l.piece < 0:
			l.piece = i
		}
	}
	return l
}

// text is what an anchor shows for its name.
func (r *row) text(anchor int, name string) string {
	if i := r.label(anchor, name).piece; i >= 0 {
		return r.cells[r.anchors[anchor].cell].pieces[i].text
	}
	return ""
}

// inside is the text of another piece of the anchor; "" if it is of the name.
func (l *label) inside(text string) string {
	if !l.letter && partOf(l.name, text) {
		return ""
	}
	return text
}

// outside is a text beside the anchor without the name.
func (l *label) outside(text string) string {
	if l.same {
		return text
	}
	return without(text, l.name)
}

// partOf: a text, which may be cut short or have a mark of its type behind it, is
// found in a name.
func partOf(name, text string) bool {
	if c := core(text); c != "" {
		return strings.Contains(core(name), c)
	}
	return strings.Contains(name, strings.TrimRight(strings.TrimSpace(text), "/@*>.…"))
}

// core is what every way to show a name keeps of it, in whatever charset: the
// letters and digits of ASCII, in small letters.
func core(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return -1
	}, s)
}

// without is a text without the name that it shows, where that is all of it or
// stands between blanks.
func without(text, name string) string {
	text = text[:min(len(text), maxName)]
	if c := core(text); sameName(text, name) || c != "" && c == core(name) {
		return ""
	}
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return text
		}
		i += from
		end := i + len(name)
		if blank(text[max(i-1, 0):i]) && blank(text[end:min(end+1, len(text))]) {
			return text[:i] + "  " + text[end:]
		}
		from = end
	}
}

// around is the text before an anchor, the pieces inside of it but for the
// name, and the text after it, up to the next anchors and ends of lines. A
// link's target is in none of them.
func (r *row) around(anchor int, name string) (before string, inside []string, after string) {
	a := &r.anchors[anchor]
	l := r.label(anchor, name)
	pieces := r.cells[a.cell].pieces
	at := a.piece
	for i := at - 1; i >= 0 && pieces[i].anchor < 0 && !pieces[i].end && len(before) < maxText; i-- {
		before = l.outside(pieces[i].text) + "  " + before
	}
	for ; at < len(pieces) && pieces[at].anchor == anchor; at++ {
		if at == l.piece {
			continue
		}
		if text := l.inside(pieces[at].text); strings.TrimSpace(text) != "" && !isTarget(text) {
			inside = append(inside, text)
		}
	}
	for ; at < len(pieces) && len(after) < maxText; at++ {
		if pieces[at].anchor >= 0 {
			if r.kind != lines || strings.TrimSpace(after) != "" {
				break
			}
			continue // part of a name that was not escaped
		}
		text := l.outside(pieces[at].text)
		if isTarget(text) {
			_, text, _ = strings.Cut(strings.TrimSpace(text), "  ")
		}
		after += text + "  "
	}
	return before, inside, after
}

// cutArrow cuts off the arrow that goes before a target.
func cutArrow(s string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(s, "->"); ok {
		return rest, true
	}
	return strings.CutPrefix(s, "→")
}

// isTarget: a text is a target, or a likeness of one, behind its arrow.
func isTarget(s string) bool {
	s = strings.TrimSpace(s)
	_, ok := cutArrow(s)
	return ok || strings.HasPrefix(s, "⇢")
}

// arrow is what "-> target" behind the name that an anchor shows points to.
func (r *row) arrow(anchor int, name string) (target string, ok bool) {
	if r.kind == flow {
		return "", false
	}
	l := r.label(anchor, name)
	first := r.anchors[anchor].cell
	for c := first; c < len(r.cells); c++ {
		pieces := r.cells[c].pieces
		for i := range pieces {
			if p := pieces[i].anchor; p >= 0 && p != anchor || c == first && i <= l.piece {
				continue
			}
			text := strings.TrimSpace(pieces[i].text)
			rest, found := cutArrow(text)
			if !found || pieces[i].anchor == anchor && l.inside(text) == "" || !l.same && sameName(text, l.name) {
				continue
			}
			if rest = strings.TrimSpace(rest); rest == "" && i+1 < len(pieces) {
				rest = pieces[i+1].text
			}
			return rest, rest != ""
		}
	}
	return "", false
}

// sameName: what is shown is the name of what is linked to. Servers cut names
// short, and write "/", "@" or "*" behind them.
func sameName(shown, name string) bool {
	shown = strings.TrimSpace(shown)
	if shown == name || strings.TrimRight(shown, "/@*") == name {
		return true
	}
	if shown == "" {
		return strings.TrimSpace(name) == ""
	}
	for _, cut := range []string{"..>", "...", "..", "…", ">"} {
		if begin, ok := strings.CutSuffix(shown, cut); ok && begin != "" && strings.HasPrefix(name, begin) {
			return true
		}
	}
	return len(name) <= maxName && len(shown) <= maxName && loose(shown) == loose(name)
}

// loose forgets what package indexes change in a name for its link.
func loose(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '-' || r == '_' || r == '.' || r == '/' || unicode.IsSpace(r):
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}
