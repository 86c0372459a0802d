package cgienv

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// appendHeader appends the header block of a CGI answer (RFC 3875, section 6):
//
//	Status: 404 Not Found CRLF     left out if NoStatus is set
//	Name: value CRLF               names sorted, so that answers are reproducible
//	CRLF
//
// The block is line-oriented and the front server believes it, so nothing from
// outside may add a line: a name that is no token drops its field, and CR, LF
// and NUL inside a value become spaces. "Status" is the code's alone.
func appendHeader(b []byte, code int, h http.Header) []byte {
	if _, quiet := h[NoStatus]; !quiet {
		b = append(b, "Status: "...)
		b = strconv.AppendInt(b, int64(code), 10)
		b = append(b, ' ')
		b = append(b, statusText(code)...)
		b = append(b, "\r\n"...)
	}
	var room [16]string // so that the names of most answers take no memory of their own
	names := room[:0]
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !isToken(name) || name == NoStatus || strings.EqualFold(name, "Status") {
			continue
		}
		for _, value := range h[name] {
			b = append(b, name...)
			b = append(b, ": "...)
			b = append(b, lineBreaks.Replace(value)...)
			b = append(b, "\r\n"...)
		}
	}
	return append(b, "\r\n"...)
}

var lineBreaks = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ")

// statusText is the reason phrase, which is never empty: the grammar of Status
// wants one.
func statusText(code int) string {
	if text := http.StatusText(code); text != "" {
		return text
	}
	return "Status " + strconv.Itoa(code)
}
