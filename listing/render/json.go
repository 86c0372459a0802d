package render

import (
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"unicode/utf8"

	"mirror/listing"
)

// JSON writes the array that nginx's "autoindex_format json" writes, byte for
// byte, with more fields after nginx's own in each object:
//
//	{ "name":"a", "type":"file", "mtime":"Tue, 12 Nov 2024 10:00:23 GMT", "size":1234, "state":"here" }
//
// name, type ("file", "directory", "other"), mtime and size are there where
// they are known exactly; a link is "other", since what it leads to is not known.
//
//	name_b64            instead of name, where that is not UTF-8: its bytes, base64
//	size_lo, size_hi    instead of size: the size is between these
//	mtime_lo, mtime_hi  instead of mtime: seconds since 1970
//	mode                "0644"
//	symlink, target     true, and where it leads
//	hardlink            alike for all names of one file
//	state               of all but directories: "here", "arriving", "upstream"
//	arrived             bytes, while it is arriving
func JSON(w io.Writer, p *Page) error {
	first := true
	row := func(b []byte, r *Row) []byte {
		if !first {
			b = append(b, ',')
		}
		first = false
		return appendPageObject(append(b, '\r', '\n'), r)
	}
	return stream(w, []byte("["), p.Rows, row, "\r\n]")
}

// appendPageObject appends the object that JSON documents.
func appendPageObject(b []byte, r *Row) []byte {
	o := object{b: append(b, "{ "...), comma: ", "}
	o.bytes("name", r.Name)
	k := kind(&r.Entry)
	switch k {
	case listing.File:
		o.text("type", "file")
	case listing.Dir:
		o.text("type", "directory")
	case listing.Symlink, listing.Other:
		o.text("type", "other")
	}
	if precisionOf(r.MTime) == second {
		o.key("mtime")
		o.b = appendTime(append(o.b, '"'), r.MTime.Lo, http.TimeFormat)
		o.b = append(o.b, '"')
	} else {
		o.span("mtime", r.MTime)
	}
	if r.Size.Exact() {
		o.number("size", r.Size.Lo)
	} else {
		o.span("size", r.Size)
	}
	o.mode(r.Mode)
	if k == listing.Symlink {
		o.key("symlink")
		o.b = append(o.b, "true"...)
	}
	o.optional("target", r.Target)
	o.optional("hardlink", r.HardLink)
	o.state(r)
	return append(o.b, ' ', '}')
}

// Object appends an entry as one JSON object, without a newline:
//
//	{"name":"a","type":"file","size_lo":1234,"size_hi":1234,"mtime_lo":1731405600,"mtime_hi":1731405659,"mode":"0644"}
//
// size_ and mtime_ (seconds since 1970) are the ends of what is possible, equal
// where it is known exactly. name_b64 is instead of a name that is not UTF-8;
// a target or hardlink that is not has the same suffix. What is unknown is
// absent, but for the type.
func Object(b []byte, e *listing.Entry) []byte {
	o := object{b: append(b, '{'), comma: ","}
	o.entry(e)
	return append(o.b, '}')
}

// TreeObject is Object for an entry of a tree's directory, whose path comes
// first, as "dir" or "dir_b64"; it is "" for the root.
func TreeObject(b []byte, dir string, e *listing.Entry) []byte {
	o := object{b: append(b, '{'), comma: ","}
	o.bytes("dir", dir)
	o.entry(e)
	return append(o.b, '}')
}

// RowObject is Object with the "state" and "arrived" of JSON at its end.
func RowObject(b []byte, r *Row) []byte {
	o := object{b: append(b, '{'), comma: ","}
	o.entry(&r.Entry)
	o.state(r)
	return append(o.b, '}')
}

// entry appends the fields that Object documents.
func (o *object) entry(e *listing.Entry) {
	o.bytes("name", e.Name)
	o.text("type", e.Type.String())
	o.span("size", e.Size)
	o.span("mtime", e.MTime)
	o.mode(e.Mode)
	o.optional("target", e.Target)
	o.optional("hardlink", e.HardLink)
}

// state appends where the bytes of anything but a directory are.
func (o *object) state(r *Row) {
	if kind(&r.Entry) == listing.Dir {
		return
	}
	o.text("state", r.State.String())
	if r.State == Arriving {
		o.number("arrived", r.Done)
	}
}

// object is one that is being appended to b.
type object struct {
	b     []byte
	comma string // between the fields
	more  bool   // there is a field
}

func (o *object) key(key string) {
	if o.more {
		o.b = append(o.b, o.comma...)
	}
	o.more = true
	o.b = append(append(append(o.b, '"'), key...), `":`...)
}

// bytes appends text that may be no text.
func (o *object) bytes(key, value string) {
	if utf8.ValidString(value) {
		o.text(key, value)
		return
	}
	o.key(key + "_b64")
	o.b = append(o.b, '"')
	o.b = base64.StdEncoding.AppendEncode(o.b, []byte(value))
	o.b = append(o.b, '"')
}

func (o *object) optional(key, value string) {
	if value != "" {
		o.bytes(key, value)
	}
}

// text appends a string of UTF-8, escaped where JSON requires it.
func (o *object) text(key, value string) {
	o.key(key)
	o.b = append(o.b, '"')
	for i := range len(value) {
		switch c := value[i]; c {
		case '"', '\\':
			o.b = append(o.b, '\\', c)
		case '\b':
			o.b = append(o.b, `\b`...)
		case '\f':
			o.b = append(o.b, `\f`...)
		case '\n':
			o.b = append(o.b, `\n`...)
		case '\r':
			o.b = append(o.b, `\r`...)
		case '\t':
			o.b = append(o.b, `\t`...)
		default:
			if c < ' ' {
				o.b = append(o.b, `\u00`...)
				o.b = append(o.b, upperhex[c>>4], upperhex[c&15])
			} else {
				o.b = append(o.b, c)
			}
		}
	}
	o.b = append(o.b, '"')
}

func (o *object) number(key string, n int64) {
	o.key(key)
	o.b = strconv.AppendInt(o.b, n, 10)
}

func (o *object) span(key string, s listing.Span) {
	if s.Known {
		o.number(key+"_lo", s.Lo)
		o.number(key+"_hi", s.Hi)
	}
}

func (o *object) mode(m listing.Mode) {
	if bits, ok := m.Bits(); ok {
		o.key("mode")
		o.b = append(o.b, '"', '0'+byte(bits>>9), '0'+byte(bits>>6&7), '0'+byte(bits>>3&7), '0'+byte(bits&7), '"')
	}
}
