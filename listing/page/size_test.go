package page

import (
	"math"
	"testing"

	"mirror/listing"
)

func TestReadSize(t *testing.T) {
	const k, m, g = 1 << 10, 1 << 20, 1 << 30
	for _, c := range []struct {
		text, rest string
		want       listing.Span
	}{
		{"0", "", listing.Exactly(0)},
		{"7891488", "", listing.Exactly(7891488)},
		{"512 B", "", listing.Exactly(512)},
		{"964B", "", listing.Exactly(964)},
		{"29 bytes ", " ", listing.Exactly(29)},
		{"12 octets", "", listing.Exactly(12)},
		{"1,234,567", "", listing.Exactly(1234567)},
		{"1.234.567 Bytes", "", listing.Exactly(1234567)},
		{"1 234 567", "", listing.Exactly(1234567)},
		{"1\u00a0234\u00a0567 B", "", listing.Exactly(1234567)},
		{"1\u202f234", "", listing.Exactly(1234)},
		{"1'234'567", "", listing.Exactly(1234567)},
		{"1.234", "", listing.Exactly(1234)},
		{"4096 2024-05-17", " 2024-05-17", listing.Exactly(4096)},
		{"7.5M", "", listing.Between(7759462, 7969178)},
		{"7,5 Mo", "", listing.Between(7759462, 7969178)},
		{"7.5 MiB", "", listing.Between(7759462, 7969178)},
		{"7,5 МБ", "", listing.Between(7759462, 7969178)},
		{"4 .9M", "", listing.Between(48*m/10, 50*m/10+1)},
		{"12K", "", listing.Between(11*k, 13*k+1)},
		{"12k  desc", "  desc", listing.Between(11*k, 13*k+1)},
		{"0k", "", listing.Between(0, k+1)},
		{"1 KB", "", listing.Between(0, 2*k+1)},
		{"1,234 KB", "", listing.Between(1233*k, 1235*k+1)},
		{"1.234 MB", "", listing.Between(1233*m/1000, 1235*m/1000+1)},
		{"0,123 MB", "", listing.Between(122*m/1000, 124*m/1000+1)},
		{"108.73 KB", "", listing.Between(111329, 111350)},
		{"3.7G", "", listing.Between(36*g/10, 38*g/10+1)},
		{"8E", "", listing.Between(7<<60, math.MaxInt64)},
	} {
		got, rest, ok := readSize(c.text, 1)
		if !ok || got != c.want || rest != c.rest {
			t.Errorf("%q is %v, %q left, %t; want %v, %q left", c.text, got, rest, ok, c.want, c.rest)
		}
	}
	for _, text := range []string{"", "-", "x", "K", "1.5", "1.5 B", "1234567890123456789012"} {
		if got, _, ok := readSize(text, 1); ok {
			t.Errorf("%q is %v", text, got)
		}
	}
	if got, _, _ := readSize("2", k); got != listing.Between(k, 3*k+1) {
		t.Errorf("2 under Size (KB) is %v", got)
	}
}
