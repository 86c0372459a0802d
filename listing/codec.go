package listing

import (
	"encoding/binary"
	"errors"
)

// Encode appends entries to b in a form for the record: about 30 bytes each.
//
//	version  byte
//	entries  type<<5 | which of size, mtime, mode, target, link follow   byte
//	         name                                                       text
//	         size    lo, hi-lo                                          varint, uvarint
//	         mtime   lo, hi-lo                                          varint, uvarint
//	         mode                                                       uvarint
//	         target, hard link                                          text
//
// A text is its length (uvarint) and its bytes.
func Encode(b []byte, entries []Entry) []byte {
	return AppendEntries(append(b, codecVersion), entries)
}

// AppendEntries appends more entries to what Encode has begun.
func AppendEntries(b []byte, entries []Entry) []byte {
	for i := range entries {
		e := &entries[i]
		flags := byte(e.Type) << 5
		if e.Size.Known {
			flags |= hasSize
		}
		if e.MTime.Known {
			flags |= hasMTime
		}
		if e.Mode != 0 {
			flags |= hasMode
		}
		if e.Target != "" {
			flags |= hasTarget
		}
		if e.HardLink != "" {
			flags |= hasHardLink
		}
		b = append(b, flags)
		b = appendText(b, e.Name)
		if e.Size.Known {
			b = appendSpan(b, e.Size)
		}
		if e.MTime.Known {
			b = appendSpan(b, e.MTime)
		}
		if e.Mode != 0 {
			b = binary.AppendUvarint(b, uint64(e.Mode))
		}
		if e.Target != "" {
			b = appendText(b, e.Target)
		}
		if e.HardLink != "" {
			b = appendText(b, e.HardLink)
		}
	}
	return b
}

const codecVersion = 1

// What follows the name.
const (
	hasSize = 1 << iota
	hasMTime
	hasMode
	hasTarget
	hasHardLink
)

var errCodec = errors.New("a recorded listing is damaged, or of another version of this program")

// Decode returns what Encode made b of.
func Decode(b []byte) ([]Entry, error) {
	if len(b) == 0 || b[0] != codecVersion {
		return nil, errCodec
	}
	d := decoder{b: b[1:]}
	entries := make([]Entry, 0, len(b)/24)
	for len(d.b) > 0 && !d.bad {
		flags := d.byte()
		e := Entry{Type: Type(flags >> 5), Name: d.text()}
		if flags&hasSize != 0 {
			e.Size = d.span()
		}
		if flags&hasMTime != 0 {
			e.MTime = d.span()
		}
		if flags&hasMode != 0 {
			e.Mode = Mode(d.uvarint())
		}
		if flags&hasTarget != 0 {
			e.Target = d.text()
		}
		if flags&hasHardLink != 0 {
			e.HardLink = d.text()
		}
		if e.Type > Other || !ValidName(e.Name) {
			d.bad = true
		}
		entries = append(entries, e)
	}
	if d.bad {
		return nil, errCodec
	}
	return entries, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendSpan(b []byte, s Span) []byte {
	return binary.AppendUvarint(binary.AppendVarint(b, s.Lo), uint64(s.Hi-s.Lo))
}

// decoder reads b from its front. Once bad, it gives zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	return v * d.took(n)
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	return v * int64(d.took(n))
}

// took drops the n bytes of a number; 0 says that there is none.
func (d *decoder) took(n int) uint64 {
	if n <= 0 || d.bad {
		d.bad = true
		return 0
	}
	d.b = d.b[n:]
	return 1
}

func (d *decoder) span() Span {
	lo := d.varint()
	return Between(lo, lo+int64(d.uvarint()))
}

func (d *decoder) text() string {
	n := d.uvarint()
	if d.bad || n > uint64(len(d.b)) {
		d.bad = true
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}
