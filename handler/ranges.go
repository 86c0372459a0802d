package handler

import (
	"strconv"
	"strings"
)

// understood reports whether a Range header (RFC 9110, 14.1.2) is one that may
// be answered: byte ranges, in the grammar's form.
//
//	bytes=FIRST-LAST, FIRST-, -LENGTH
func understood(header string) bool {
	unit, set, ok := strings.Cut(header, "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		return false
	}
	for spec := range strings.SplitSeq(set, ",") {
		first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
		if !ok || !isDigits(first) || !isDigits(last) || first == "" && last == "" {
			return false
		}
	}
	return true
}

func isDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// rangeEnd returns where the bytes end that a Range header asks for, so that no
// more is relayed: size if it asks for no single range. It decides nothing
// else: the answer is http.ServeContent's.
func rangeEnd(header string, size int64) int64 {
	_, set, _ := strings.Cut(header, "=")
	first, last, _ := strings.Cut(strings.TrimSpace(set), "-")
	if !understood(header) || strings.Contains(set, ",") || first == "" || last == "" {
		return size
	}
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	if err1 != nil || err2 != nil || to < from || to >= size {
		return size
	}
	return to + 1
}
