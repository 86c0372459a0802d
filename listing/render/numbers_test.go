package render

import (
	"math"
	"testing"

	"mirror/listing"
)

// said is what the HTML page says of a size.
func said(s listing.Span) string { return string(appendSize(nil, s)) }

func TestSizes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.0 KiB", 1075: "1.0 KiB", 1076: "1.1 KiB",
		10188: "9.9 KiB", 10189: "10 KiB", 1024*1023 + 511: "1023 KiB", 1024*1023 + 512: "1.0 MiB",
		1 << 30: "1.0 GiB", 5_000_000_000_000: "4.5 TiB", math.MaxInt64: "8.0 EiB", -5: "-5 B",
	} {
		if got := said(listing.Exactly(n)); got != want {
			t.Errorf("%d bytes are said to be %q, want %q", n, got, want)
		}
	}
	for _, c := range []struct {
		lo, hi  int64
		want, s string
	}{
		{7_759_463, 7_969_177, "≈ 7.5 MiB", "7.5M"},       // a server's "7.5M": 7.4 to 7.6
		{6 << 20, 8 << 20, "≈ 7 MiB", "7M"},               // "7M"
		{922, 1126, "≈ 1.0 KiB", "1.0K"},                  // "1.0K"
		{1022 << 10, 1024 << 10, "≈ 1023 KiB", "1023K"},   // "1023K"
		{1_100_000, 1_300_000, "≈ 1 MiB", "1M"},           // "1.2M" of a thousand thousands
		{0, 2047, "≈ 1 KiB", "1K"},                        // what is below a block of two
		{100, 200, "≈ 150 B", "?"},                        // there is no short form
		{1 << 20, 1 << 40, "≈ 1 TiB", "1T"},               // anything
		{0, math.MaxInt64, "≈ 4.0 EiB", "?"},              // nothing is known
		{math.MinInt64, math.MaxInt64, "≈ 0 B", "?"},      // and nothing is sane
		{math.MinInt64, math.MinInt64 + 1, "≈ -0 B", "?"}, // nor is this
	} {
		s := listing.Between(c.lo, c.hi)
		if got := said(s); got != c.want && c.lo >= 0 {
			t.Errorf("%d to %d bytes are said to be %q, want %q", c.lo, c.hi, got, c.want)
		}
		e := listing.Entry{Type: listing.File, Size: s}
		if got := string(appendLsSize(nil, &e)); got != c.s {
			t.Errorf("%d to %d bytes are %q in ls-lR, want %q", c.lo, c.hi, got, c.s)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -999: "-999", -1000: "-1,000",
		123456: "123,456", math.MinInt64: "-9,223,372,036,854,775,808"} {
		if got := string(appendGrouped([]byte("x"), n)); got != "x"+want {
			t.Errorf("%d is grouped as %q", n, got[1:])
		}
	}
}

func TestWhen(t *testing.T) {
	day := noon / 86400 * 86400
	for _, c := range []struct {
		s    listing.Span
		want string
	}{
		{listing.Exactly(noon), `><time datetime="2024-11-12T10:00:23Z">2024-11-12 10:00:23</time>`},
		{listing.Exactly(-1), `><time datetime="1969-12-31T23:59:59Z">1969-12-31 23:59:59</time>`},
		{listing.Between(noon-23, noon+36), `><time datetime="2024-11-12T10:00Z">2024-11-12 10:00</time>`},
		{listing.Between(-60, -1), `><time datetime="1969-12-31T23:59Z">1969-12-31 23:59</time>`},
		{listing.Between(day, day+86399), `><time datetime="2024-11-12">2024-11-12</time>`},
		{listing.Between(day, day+86400), ` data-time="1731369600..1731456000" title="between 2024-11-12 00:00:00 and 2024-11-13 00:00:00">` +
			"2024\u201111\u201112 – 2024\u201111\u201113"},
		{listing.Exactly(lastTime), `><time datetime="9999-12-31T23:59:59Z">9999-12-31 23:59:59</time>`},
		{listing.Exactly(lastTime + 1), ">–"},
		{listing.Between(math.MinInt64, 0), ">–"},
		{listing.Span{}, ">–"},
	} {
		if got := string(appendWhen(nil, c.s)); got != c.want {
			t.Errorf("%+v is shown as %s, want %s", c.s, got, c.want)
		}
	}
}
