package handler

import (
	"strconv"
	"strings"
)

// maxDigits is how long a number may be that surely fits into 63 bits.
const maxDigits = 18

// understood reports whether a Range header (RFC 9110, 14.1.2) is one that is
// answered: byte ranges, in the grammar's form, with numbers of a file's size.
// Any other may be ignored, and net/http would answer some of them wrongly.
//
//	bytes=FIRST-LAST, FIRST-, -LENGTH
func understood(header string) bool {
	set, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return false
	}
	for spec := range strings.SplitSeq(set, ",") {
		first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
		if !ok || !isNumber(first) || !isNumber(last) || first == "" && strings.Trim(last, "0") == "" {
			return false
		}
	}
	return true
}

func isNumber(s string) bool { return len(s) <= maxDigits && strings.Trim(s, "0123456789") == "" }

// rangeEnd returns where the bytes end that a Range header asks for, so that no
// more is relayed: size if it asks for no single range. It decides nothing
// else: the answer is http.ServeContent's.
func rangeEnd(header string, size int64) int64 {
	if header == "" {
		return size
	}
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

// satisfiable reports whether no Range header of this kind can lead to a 416: there
// is none, it is ignored, or one of its ranges has bytes of the file and all are in
// order.
func satisfiable(header string, size int64) bool {
	if !understood(header) || size <= 0 {
		return true
	}
	some := false
	for spec := range strings.SplitSeq(strings.TrimPrefix(header, "bytes="), ",") {
		first, last, _ := strings.Cut(strings.TrimSpace(spec), "-")
		from, err1 := strconv.ParseInt(first, 10, 64)
		to, err2 := strconv.ParseInt(last, 10, 64)
		if err1 == nil && err2 == nil && to < from {
			return false
		}
		some = some || err1 != nil || from < size // "-5" asks for the last bytes
	}
	return some
}
