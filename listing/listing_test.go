package listing

import (
	"testing"
	"time"
)

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// TestClockSpan holds the span of a reading to every moment at which a clock of
// the zone shows it.
func TestClockSpan(t *testing.T) {
	for _, c := range []struct {
		name, zone, reading string
		precision           time.Duration
		lo, hi              string // UTC
	}{
		{"exact", "UTC", "2024-11-12 10:20:30", time.Second, "2024-11-12 10:20:30", "2024-11-12 10:20:30"},
		{"a minute", "UTC", "2024-11-12 10:20:00", time.Minute, "2024-11-12 10:20:00", "2024-11-12 10:20:59"},
		{"a day", "UTC", "2024-11-12 00:00:00", 24 * time.Hour, "2024-11-12 00:00:00", "2024-11-12 23:59:59"},
		{"no zone", "", "2024-11-12 10:20:30", time.Second, "2024-11-11 20:20:30", "2024-11-12 22:20:30"},
		{"no zone, a minute", "", "2024-11-12 10:20:00", time.Minute, "2024-11-11 20:20:00", "2024-11-12 22:20:59"},
		{"no zone, a day", "", "2024-11-12 00:00:00", 24 * time.Hour, "2024-11-11 10:00:00", "2024-11-13 11:59:59"},
		{"another zone", "America/New_York", "2024-11-12 10:20:00", time.Minute, "2024-11-12 15:20:00", "2024-11-12 15:20:59"},
		{"a day of 25 hours", "America/New_York", "2024-11-03 00:00:00", 24 * time.Hour, "2024-11-03 04:00:00", "2024-11-04 04:59:59"},
		{"a day of 23 hours", "America/New_York", "2024-03-10 00:00:00", 24 * time.Hour, "2024-03-10 05:00:00", "2024-03-11 03:59:59"},
		{"twice", "America/New_York", "2024-11-03 01:30:00", time.Minute, "2024-11-03 05:30:00", "2024-11-03 06:30:59"},
		{"the minute before", "America/New_York", "2024-11-03 00:59:00", time.Minute, "2024-11-03 04:59:00", "2024-11-03 04:59:59"},
		{"the minute behind", "America/New_York", "2024-11-03 02:00:00", time.Minute, "2024-11-03 07:00:00", "2024-11-03 07:00:59"},
		{"twice, by half an hour", "Australia/Lord_Howe", "2024-04-07 01:45:00", time.Minute, "2024-04-06 14:45:00", "2024-04-06 15:15:59"},
		{"a day without its midnight", "America/Sao_Paulo", "2018-11-04 00:00:00", 24 * time.Hour, "2018-11-04 03:00:00", "2018-11-05 01:59:59"},
		{"the day before that", "America/Sao_Paulo", "2018-11-03 00:00:00", 24 * time.Hour, "2018-11-03 03:00:00", "2018-11-04 02:59:59"},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := func(s string) time.Time {
				parsed, err := time.Parse(time.DateTime, s)
				if err != nil {
					t.Fatal(err)
				}
				return parsed
			}
			var clock Clock
			if c.zone != "" {
				clock.Zone = location(t, c.zone)
			}
			got := clock.Span(at(c.reading), c.precision)
			if want := Between(at(c.lo).Unix(), at(c.hi).Unix()); got != want {
				t.Errorf("got %v to %v, want %s to %s",
					time.Unix(got.Lo, 0).UTC(), time.Unix(got.Hi, 0).UTC(), c.lo, c.hi)
			}
		})
	}
}

// TestClockSpanHolds reads many clocks around the hours at which they are set.
func TestClockSpanHolds(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"} {
		loc := location(t, zone)
		for _, start := range []string{"2018-02-17", "2018-11-03", "2024-03-09", "2024-03-30", "2024-04-06", "2024-10-05", "2024-10-26", "2024-11-02"} {
			first, err := time.Parse(time.DateOnly, start)
			if err != nil {
				t.Fatal(err)
			}
			for moment := first; moment.Before(first.Add(72 * time.Hour)); moment = moment.Add(7 * time.Minute) {
				for _, precision := range []time.Duration{time.Second, time.Minute, 24 * time.Hour} {
					reading := moment.In(loc)
					for _, clock := range []Clock{{Zone: loc}, {}} {
						span := clock.Span(reading, precision)
						if !span.Known || !span.Holds(moment.Unix()) {
							t.Fatalf("%v in %s by %v: %+v does not hold %d", reading, zone, precision, span, moment.Unix())
						}
						if clock.Zone != nil && span.Width() > int64((precision+time.Hour)/time.Second) {
							t.Fatalf("%v in %s by %v: %+v is too wide", reading, zone, precision, span)
						}
					}
				}
			}
		}
	}
}

func TestSpan(t *testing.T) {
	for _, c := range []struct {
		span  Span
		exact bool
		width int64
		holds []int64
		not   []int64
	}{
		{Span{}, false, -1, []int64{-1, 0, 1 << 62}, nil},
		{Exactly(0), true, 0, []int64{0}, []int64{-1, 1}},
		{Between(-2, 3), false, 5, []int64{-2, 0, 3}, []int64{-3, 4}},
	} {
		if c.span.Exact() != c.exact || c.span.Width() != c.width {
			t.Errorf("%+v: exact %v, width %d", c.span, c.span.Exact(), c.span.Width())
		}
		for _, n := range c.holds {
			if !c.span.Holds(n) {
				t.Errorf("%+v does not hold %d", c.span, n)
			}
		}
		for _, n := range c.not {
			if c.span.Holds(n) {
				t.Errorf("%+v holds %d", c.span, n)
			}
		}
	}
}

func TestMode(t *testing.T) {
	if bits, known := Mode(0).Bits(); known {
		t.Errorf("the zero Mode is known: %o", bits)
	}
	for _, want := range []uint16{0, 0o644, 0o7777} {
		if bits, known := Perm(want).Bits(); !known || bits != want {
			t.Errorf("%o is %o, %v", want, bits, known)
		}
	}
	if bits, known := Perm(0o100644).Bits(); !known || bits != 0o644 {
		t.Errorf("a file's type is no permission: %o", bits)
	}
}

func TestReadPerm(t *testing.T) {
	for letters, want := range map[string]Mode{
		"rwxr-xr-x": Perm(0o755), "---------": Perm(0), "rw-r--r-": Perm(0o644),
		"rwsr-sr-t": Perm(0o7755), "rwSr-SrwT": Perm(0o7646), "rw-r-lr--": Perm(0o2644),
		"": 0, "rwxr-xr": 0, "rwxr-xr-xx": 0, "rwxrwxrxw": 0, "sr-xr-xr-": 0, "download.": 0,
	} {
		if got, ok := ReadPerm(letters); got != want || ok != (want != 0) {
			t.Errorf("%q is %o, %v; want %o", letters, got, ok, want)
		}
	}
}

func TestTypeString(t *testing.T) {
	for want, got := range map[string]Type{"unknown": Unknown, "file": File, "dir": Dir, "symlink": Symlink, "other": Other} {
		if got.String() != want {
			t.Errorf("%d is %s, want %s", got, got, want)
		}
	}
}

func TestValidName(t *testing.T) {
	for _, s := range []string{"a", " ", "...", ".a", "a b", "\n", "\\", "%2F", "\xff", "-", "~"} {
		if !ValidName(s) {
			t.Errorf("%q is refused", s)
		}
	}
	for _, s := range []string{"", ".", "..", "/", "a/b", "a/", "/a", "a\x00b", "../a"} {
		if ValidName(s) {
			t.Errorf("%q is accepted", s)
		}
	}
}
