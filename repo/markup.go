package repo

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// maxTag bounds a tag with its attributes, and the text of an element.
const maxTag = 64 << 10

// markup reads the XML of rpm's metadata: primary.xml of a distribution has 200 MB,
// of which encoding/xml takes ten seconds to make tokens. It knows tags, attributes,
// text, CDATA and comments; namespaces are prefixes to it. It refuses a
// DOCTYPE, which no metadata has and whose entities are a way to grow without bounds.
type markup struct {
	r     *bufio.Reader
	depth int // of the element that was just opened, or that was around what was closed

	name  []byte // of the tag, valid until next
	attrs []byte
	open  bool // the tag begins an element
	empty bool // and ends it: no closing tag is to be expected

	keep bool // text is wanted
	text []byte
	tag  []byte // one that the buffer did not hold in one piece
}

func markupOf(r io.Reader) *markup { return &markup{r: bufio.NewReaderSize(r, maxTag)} }

// wanted has the text that follows kept, up to the next tag that is closed.
func (m *markup) wanted() { m.keep, m.text = !m.empty, m.text[:0] }

// content is the text since wanted.
func (m *markup) content() []byte {
	m.keep = false
	return bytes.TrimSpace(unescape(m.text))
}

// next comes to the next tag. It returns io.EOF behind the last one, when every
// element was closed.
func (m *markup) next() error {
	if m.open && !m.empty {
		m.depth++
	}
	for {
		if err := m.toTag(); err != nil {
			if err == io.EOF && m.depth > 0 {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		first, err := m.r.Peek(1)
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		switch first[0] {
		case '!':
			err = m.declaration()
		case '?':
			err = m.through("?>", false)
		default:
			return m.readTag()
		}
		if err != nil {
			return err
		}
	}
}

// toTag goes behind the next "<".
func (m *markup) toTag() error {
	for {
		part, err := m.r.ReadSlice('<')
		if m.keep && len(part) > 0 {
			if err == nil {
				part = part[:len(part)-1]
			}
			if m.text = append(m.text, part...); len(m.text) > maxTag {
				return errLongTag
			}
		}
		if err != bufio.ErrBufferFull {
			return err
		}
	}
}

var errLongTag = fmt.Errorf("a tag or text is longer than %d bytes", maxTag)

// declaration steps over a comment, and takes CDATA as text.
func (m *markup) declaration() error {
	if start, _ := m.r.Peek(3); string(start) == "!--" {
		_, _ = m.r.Discard(3)
		return m.through("-->", false)
	}
	if start, _ := m.r.Peek(8); string(start) == "![CDATA[" {
		_, _ = m.r.Discard(8)
		return m.through("]]>", m.keep)
	}
	return errors.New("it has a declaration that metadata does not have")
}

// through goes behind end, of which ">" is the last byte.
func (m *markup) through(end string, keep bool) error {
	var tail []byte // the last bytes, as far as they can be part of end
	for {
		part, err := m.r.ReadSlice('>')
		if keep {
			// Text is unescaped later on, and this one is not escaped.
			escaped := bytes.ReplaceAll(part, []byte("&"), []byte("&amp;"))
			if m.text = append(m.text, escaped...); len(m.text) > maxTag {
				return errLongTag
			}
		}
		if tail = append(tail, part[max(0, len(part)-len(end)):]...); len(tail) > len(end) {
			tail = tail[len(tail)-len(end):]
		}
		switch {
		case err == nil && string(tail) == end:
			if keep {
				m.text = m.text[:len(m.text)-len(end)]
			}
			return nil
		case err == io.EOF:
			return io.ErrUnexpectedEOF
		case err != nil && err != bufio.ErrBufferFull:
			return err
		}
	}
}

// readTag takes a tag apart, of which "<" has been read.
func (m *markup) readTag() error {
	tag, err := m.wholeTag()
	if err != nil {
		return err
	}
	m.open, m.empty = true, false
	if bytes.HasPrefix(tag, []byte("/")) {
		m.open = false
		tag = tag[1:]
		if m.depth--; m.depth < 0 {
			return errors.New("an element ends that did not begin")
		}
	} else if bytes.HasSuffix(tag, []byte("/")) {
		m.empty = true
		tag = tag[:len(tag)-1]
	}
	end := 0
	for end < len(tag) && tag[end] > ' ' {
		end++
	}
	if end == 0 {
		return errors.New("a tag has no name")
	}
	m.name, m.attrs = tag[:end], tag[end:]
	return nil
}

// wholeTag is what there is up to the next ">" that is in no attribute. Each byte
// is looked at once, however many ">" there are in attributes.
func (m *markup) wholeTag() ([]byte, error) {
	m.tag = m.tag[:0]
	quote := byte(0)
	for {
		part, err := m.r.ReadSlice('>')
		quote = quoted(quote, part)
		if len(m.tag) > 0 || quote != 0 {
			m.tag = append(m.tag, part...)
			part = m.tag
		}
		switch {
		case err == io.EOF:
			return nil, io.ErrUnexpectedEOF
		case err == bufio.ErrBufferFull || len(part) > maxTag:
			return nil, errLongTag
		case err != nil:
			return nil, err
		case quote == 0:
			return part[:len(part)-1], nil
		}
	}
}

// quoted is the quotation mark that is open behind a part of a tag, if quote was
// open before it; 0 stands for none.
func quoted(quote byte, part []byte) byte {
	if quote == 0 && bytes.IndexByte(part, '\'') < 0 && bytes.Count(part, []byte{'"'})%2 == 0 {
		return 0 // nearly all
	}
	for {
		var i int
		if quote == 0 {
			i = bytes.IndexAny(part, `"'`)
		} else {
			i = bytes.IndexByte(part, quote)
		}
		switch {
		case i < 0:
			return quote
		case quote == 0:
			quote = part[i]
		default:
			quote = 0
		}
		part = part[i+1:]
	}
}

// attr is an attribute of the tag, and whether it has it.
func (m *markup) attr(name string) ([]byte, bool) {
	rest := m.attrs
	for {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		equals := bytes.IndexByte(rest, '=')
		if equals < 0 {
			return nil, false
		}
		key := bytes.TrimRight(rest[:equals], " \t\r\n")
		rest = bytes.TrimLeft(rest[equals+1:], " \t\r\n")
		if len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
			return nil, false
		}
		end := bytes.IndexByte(rest[1:], rest[0])
		if end < 0 {
			return nil, false
		}
		if string(key) == name {
			return unescape(rest[1 : 1+end]), true
		}
		rest = rest[1+end+1:]
	}
}

// maxEntity is the length of the longest entity: &#x0010ffff; has zeros to spare.
const maxEntity = 16

// unescape replaces the entities that XML has without a DOCTYPE.
func unescape(text []byte) []byte {
	i := bytes.IndexByte(text, '&')
	if i < 0 {
		return text
	}
	out := append([]byte(nil), text[:i]...)
	for text = text[i:]; len(text) > 0; {
		if text[0] == '&' {
			if end := bytes.IndexByte(text[:min(maxEntity, len(text))], ';'); end > 0 {
				if r, ok := entity(string(text[1:end])); ok {
					out = utf8.AppendRune(out, r)
					text = text[end+1:]
					continue
				}
			}
		}
		out = append(out, text[0])
		text = text[1:]
	}
	return out
}

func entity(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 21)
	return rune(n), err == nil
}
