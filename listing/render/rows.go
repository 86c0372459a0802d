package render

import (
	"strconv"
	"strings"

	"mirror/listing"
)

// appendRow appends the row of an entry, in one line:
//
//	<tr class="file here"><th scope="row"><a href="a%20b">a b</a></th>
//	<td data-size="1234" title="1,234 bytes">1.2 KiB</td>
//	<td><time datetime="2024-11-12T10:00:23Z">2024-11-12 10:00:23</time></td><td>here</td></tr>
//
// The classes are the type and, but for directories, the state. The name is in
// href, escaped, with a slash at the end of a directory's; the text that is shown
// may be a likeness of it. A link has where it leads behind its name. A size between two has "lo..hi" as its data-size, and
// a time between two as its data-time, in seconds since 1970; the time of a
// minute or a day is a time element that says no more.
func appendRow(b []byte, r *Row) []byte {
	k := kind(&r.Entry)
	b = append(append(b, `<tr class="`...), k.String()...)
	if k != listing.Dir {
		b = append(append(b, ' '), r.State.String()...)
	}
	b = append(b, `"><th scope="row">`...)
	b = appendLink(b, r.Name, k == listing.Dir)
	if k == listing.Symlink && r.Target != "" {
		b = appendTarget(b, r.Target)
	}
	b = append(b, "</th><td"...)
	switch {
	case r.Size.Known:
		b = appendExactly(b, r.Size)
		b = appendSize(append(b, '>'), r.Size)
	case k == listing.Dir:
		b = append(b, '>')
	default:
		b = append(b, ">–"...)
	}
	b = append(b, "</td><td"...)
	b = appendWhen(b, r.MTime)
	b = append(b, "</td><td>"...)
	if k != listing.Dir {
		b = appendState(b, r)
	}
	return append(b, "</td></tr>\n"...)
}

func appendLink(b []byte, name string, dir bool) []byte {
	slash := ""
	if dir {
		slash = "/"
	}
	b = appendHref(append(b, `<a href="`...), name)
	b = append(append(b, slash...), `">`...)
	b = appendShown(b, name)
	return append(append(b, slash...), "</a>"...)
}

// appendTarget appends where a link leads. Where only a likeness can be shown,
// it is one text with a dashed arrow, which no parser takes for a target.
func appendTarget(b []byte, target string) []byte {
	arrow := "⇢ "
	if legible(target) {
		arrow = "→ "
	}
	b = append(append(b, " <span>"...), arrow...)
	return append(appendText(b, target, "", ""), "</span>"...)
}

// legible reports whether a text shows all that is in s.
func legible(s string) bool { return shows(s) && strings.TrimSpace(s) == s }

// appendExactly appends the attributes that say in full what a size is.
func appendExactly(b []byte, s listing.Span) []byte {
	b = strconv.AppendInt(append(b, ` data-size="`...), s.Lo, 10)
	if s.Exact() {
		b = appendGrouped(append(b, `" title="`...), s.Lo)
		return append(b, ` bytes"`...)
	}
	b = strconv.AppendInt(append(b, ".."...), s.Hi, 10)
	b = appendGrouped(append(b, `" title="between `...), s.Lo)
	b = appendGrouped(append(b, " and "...), s.Hi)
	return append(b, ` bytes"`...)
}

// appendSize appends a size in short.
func appendSize(b []byte, s listing.Span) []byte {
	a := short(s.Lo)
	if !s.Exact() {
		b = append(b, "≈ "...)
		var ok bool
		if a, ok = rounded(s); !ok {
			a = short(s.Lo/2 + s.Hi/2)
		}
	}
	b = a.append(b)
	if a.unit == 0 {
		return append(b, " B"...)
	}
	return append(b, ' ', units[a.unit], 'i', 'B')
}

// appendWhen appends a time as exactly as it is known, after the ">" of its cell.
func appendWhen(b []byte, s listing.Span) []byte {
	switch precisionOf(s) {
	case second:
		return appendTime(b, s.Lo, `><time datetime="2006-01-02T15:04:05Z">2006-01-02 15:04:05</time>`)
	case minute:
		return appendTime(b, s.Lo, `><time datetime="2006-01-02T15:04Z">2006-01-02 15:04</time>`)
	case day:
		return appendTime(b, s.Lo, `><time datetime="2006-01-02">2006-01-02</time>`)
	case between:
		b = strconv.AppendInt(append(b, ` data-time="`...), s.Lo, 10)
		b = strconv.AppendInt(append(b, ".."...), s.Hi, 10)
		b = appendTime(b, s.Lo, `" title="between 2006-01-02 15:04:05`)
		b = appendTime(b, s.Hi, ` and 2006-01-02 15:04:05">`)
		// Lines do not break at these hyphens, and no parser takes the one day for both.
		b = appendTime(b, s.Lo, "2006\u201101\u201102")
		return appendTime(b, s.Hi, " – 2006\u201101\u201102")
	}
	return append(b, ">–"...)
}

func appendState(b []byte, r *Row) []byte {
	if r.State != Arriving {
		return append(b, r.State.String()...)
	}
	b = append(b, `<progress aria-label="arriving" `...)
	if percent, ok := r.percent(); ok {
		b = strconv.AppendInt(append(b, `max="100" value="`...), percent, 10)
		b = strconv.AppendInt(append(b, `"></progress> `...), percent, 10)
		return append(b, " %"...)
	}
	b = appendGrouped(append(b, `title="`...), r.Done)
	return append(b, ` bytes so far"></progress> arriving`...)
}

// percent is how much of a file has arrived, if that can be said.
func (r *Row) percent() (int64, bool) {
	if !r.Size.Exact() || r.Done < 0 || r.Done > r.Size.Lo || r.Size.Lo == 0 {
		return 0, false
	}
	return int64(100 * float64(r.Done) / float64(r.Size.Lo)), true
}
