package page

import "strings"

// attributes are those of a tag that tell something.
type attributes struct {
	href            string
	hasHref         bool
	exact, datetime string
	bytes           bool // exact is said to be of a size
	span            int
	marks           marks
}

func (p *rows) attributes() attributes {
	a := attributes{span: 1}
	var alt, src string
	for {
		key, value, more := p.z.TagAttr()
		switch string(key) {
		case "href":
			if !a.hasHref {
				a.href, a.hasHref = string(value), true
			}
		case "colspan":
			if n := digits(string(value)); 0 < n && n < 3 {
				a.span = int(atoi(string(value[:n])))
			}
		case "datetime":
			a.datetime = string(value)
		case "data-size", "data-bytes", "data-filesize":
			a.exact, a.bytes = string(value), true
		case "data-order", "data-sort", "data-sort-value", "data-value":
			if a.exact == "" {
				a.exact = string(value)
			}
		case "alt":
			alt = string(value)
		case "src":
			src = string(value)
		case "class":
			a.marks |= classMarks(string(value))
		}
		if !more {
			break
		}
	}
	if alt == "" {
		alt = src[strings.LastIndexByte(src, '/')+1:]
	}
	a.marks |= iconMarks(alt)
	return a
}

// iconMarks reads the text that stands for an icon, or else the name of its
// file: "[DIR]", "directory", "folder icon", "[LINK]", "folder.png".
func iconMarks(alt string) marks {
	if alt == "" || len(alt) > 32 {
		return 0
	}
	var m marks
	for word := range strings.FieldsFuncSeq(strings.ToLower(alt), notWord) {
		switch word {
		case "dir", "directory", "folder":
			m |= dirMark
		case "link", "symlink", "lnk":
			m |= linkMark
		}
	}
	return m
}

// classMarks reads what elements of a row are called: class="entry-type-directory".
func classMarks(class string) marks {
	for _, word := range []string{"dir", "directory", "folder"} {
		for rest := class; ; {
			i := strings.Index(rest, word)
			if i < 0 {
				break
			}
			end := i + len(word)
			if (i == 0 || notWord(rune(rest[i-1]))) && (end == len(rest) || notWord(rune(rest[end]))) {
				return dirHint
			}
			rest = rest[end:]
		}
	}
	return 0
}
