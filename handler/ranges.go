package handler

import (
	"strconv"
	"strings"
)

// rangeEnd returns where the bytes end that a Range header (RFC 9110, 14.2)
// asks for, so that no more is relayed: size if it asks for no single range.
// It decides nothing else: the answer is http.ServeContent's.
func rangeEnd(header string, size int64) int64 {
	_, set, _ := strings.Cut(header, "=")
	if !inBytes(header) || strings.Contains(set, ",") {
		return size
	}
	first, last, ok := strings.Cut(strings.TrimSpace(set), "-")
	if !ok || first == "" || last == "" {
		return size
	}
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if err1 != nil || err2 != nil || from < 0 || to < from || to >= size {
		return size
	}
	return to + 1
}

// inBytes reports whether a Range header's unit is the one that is known.
func inBytes(header string) bool {
	unit, _, ok := strings.Cut(header, "=")
	return ok && strings.EqualFold(strings.TrimSpace(unit), "bytes")
}
