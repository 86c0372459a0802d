package handler

import "testing"

func TestRangeEnd(t *testing.T) {
	for header, want := range map[string]int64{
		"bytes=0-9": 10, "bytes=5-5": 6, "Bytes=0-98": 100, "bytes=0-99": 100, "bytes=0-100": 100,
		"bytes=5-": 100, "bytes=-5": 100, "bytes=0-1,5-6": 100, "lines=0-1": 100, "": 100, "bytes=9-5": 100,
	} {
		if got := rangeEnd(header, 100); got != want {
			t.Errorf("rangeEnd(%q) = %d, want %d", header, got, want)
		}
	}
}
