package page

import (
	"bytes"
	"strings"
)

// attributes are those of a tag that tell something.
type attributes struct {
	href            string
	hasHref         bool
	exact, datetime string
	bytes           bool   // exact is said to be of a size
	when            string // data-time
	span            int
	marks           marks
}

func (p *rows) attributes() attributes {
	a := attributes{span: 1}
	var alt, src []byte // which hold until the next token
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
		case "data-time":
			a.when = string(value)
		case "alt":
			alt = value
		case "src":
			src = value
		case "class":
			a.marks |= classMarks(value)
		}
		if !more {
			break
		}
	}
	if len(alt) == 0 {
		alt = src[bytes.LastIndexByte(src, '/')+1:]
	}
	a.marks |= iconMarks(string(alt))
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

var classWords = [][]byte{[]byte("dir"), []byte("directory"), []byte("folder")}

// classMarks reads what elements of a row are called: class="entry-type-directory",
// class="symlink". Of a class="icon-file-symlink" only the icon is called so, and
// servers have it beside what they serve as a file.
func classMarks(class []byte) (m marks) {
	for name := range bytes.FieldsSeq(class) {
		if string(name) == "symlink" {
			m |= symlinkMark
		}
	}
	for _, word := range classWords {
		for rest := class; ; {
			i := bytes.Index(rest, word)
			if i < 0 {
				break
			}
			end := i + len(word)
			if (i == 0 || notWord(rune(rest[i-1]))) && (end == len(rest) || notWord(rune(rest[end]))) {
				return m | dirHint
			}
			rest = rest[end:]
		}
	}
	return m
}
