package page

import (
	"testing"
	"time"

	"mirror/listing"
)

func TestDates(t *testing.T) {
	clock := listing.Clock{Now: time.Date(2026, 3, 15, 12, 0, 0, 0, time.UTC), Zone: time.UTC}
	const minute, day = "+59s", "+86399s"
	for _, c := range []struct{ text, want string }{
		{"2024-05-17 13:24", "2024-05-17T13:24:00" + minute},
		{"2024-05-17 13:24:56", "2024-05-17T13:24:56"},
		{"2024-05-17T13:24:56.999Z", "2024-05-17T13:24:56"},
		{"2024-05-17T13:24:56+02:00", "2024-05-17T11:24:56"},
		{"2024-05-17 13:24 -0500", "2024-05-17T18:24:00" + minute},
		{"2024-05-17 13:24:56.5 +0000 UTC", "2024-05-17T13:24:56"},
		{"2024-05-17 13:24   - ", "2024-05-17T13:24:00" + minute},
		{"2024-05-17 13:24 CEST", "2024-05-17T13:24:00" + minute},
		{"2024-05-17", "2024-05-17T00:00:00" + day},
		{"2024/05/17 13:24", "2024-05-17T13:24:00" + minute},
		{"2024.05.17 13:24", "2024-05-17T13:24:00" + minute},
		{"2024. 05. 17. 13:24", "2024-05-17T13:24:00" + minute},
		{"2024年5月17日 13:24:56", "2024-05-17T13:24:56"},
		{"2024년 5월 17일", "2024-05-17T00:00:00" + day},
		{"2024-May-17 13:24:56", "2024-05-17T13:24:56"},
		{"2001-APR-26 20:00:43", "2001-04-26T20:00:43"},
		{"2017-09-13 오전 10:27", "2017-09-13T00:00:00" + day},
		{"17-May-2024 13:24", "2024-05-17T13:24:00" + minute},
		{"17May2024 13:24", "2024-05-17T13:24:00" + minute},
		{"06-Mar-2018  9:53", "2018-03-06T09:53:00" + minute},
		{"17/May/2024:13:24:56 +0200", "2024-05-17T11:24:56"},
		{"17-May-24 13:24", "2024-05-17T13:24:00" + minute},
		{"17. Mai 2024, 13:24", "2024-05-17T13:24:00" + minute},
		{"17 de mayo de 2024 13:24", "2024-05-17T13:24:00" + minute},
		{"17 août 2024 à 13:24", "2024-08-17T13:24:00" + minute},
		{"17 мая 2024", "2024-05-17T00:00:00" + day},
		{"17. července 2024", "2024-07-17T00:00:00" + day},
		{"17 marraskuuta 2024", "2024-11-17T00:00:00" + day},
		{"17 Μαΐου 2024", "2024-05-17T00:00:00" + day},
		{"Fri, 17 May 2024 13:24:56 GMT", "2024-05-17T13:24:56"},
		{"Friday, May 17, 2024  1:24 PM", "2024-05-17T13:24:00" + minute},
		{"May 17, 2024, 1:24:56\u202fp.m.", "2024-05-17T13:24:56"},
		{"5/17/2024 12:24 AM", "2024-05-17T00:24:00" + minute},
		{"5/17/2024 12:24 PM", "2024-05-17T12:24:00" + minute},
		{"17/05/2024 13:24", "2024-05-17T13:24:00" + minute},
		{"17.05.2024 13:24", "2024-05-17T13:24:00" + minute},
		{"05-17-24  01:24PM", "2024-05-17T13:24:00" + minute},
		{"17/05/24 13:24", "2024-05-17T13:24:00" + minute},
		{"April  6, 2022", "2022-04-06T00:00:00" + day},
		{"Feb 02  2022", "2022-02-02T00:00:00" + day},
		{"Jan 27 21:53", "2026-01-27T21:53:00" + minute},
		{"Mar 16 21:53", "2026-03-16T21:53:00" + minute}, // it is the 16th already, further east
		{"Mar 17 21:53", "2025-03-17T21:53:00" + minute},
		{"Jan 27 21:53    2024 B", "2026-01-27T21:53:00" + minute},
		{"Fri May 17 13:24:56 2024", "2024-05-17T13:24:56"},
		{"Fri May 17 13:24:56 CEST 2024", "2024-05-17T13:24:56"},
		{"Fri May 17 13:24:56 UTC 2024", "2024-05-17T13:24:56"},
		{"-rw-r--r-- 1 root root 5 Jan  1  2020", "2020-01-01T00:00:00" + day},
		// What may be either is both, but for AM and PM.
		{"05/06/2024 13:24", "2024-05-06T13:24:00+2592059s"},
		{"5/6/2024 1:24 PM", "2024-05-06T13:24:00" + minute},
		// The half of the day is not understood, so the day is all there is.
		{"17/05/2024 1:24 μμ", "2024-05-17T00:00:00" + day},
		{"17 May 2024 13:24 pm", "2024-05-17T00:00:00" + day},
	} {
		r, _, _ := dateIn(c.text)
		order := orderIn([]find{{time: r}})
		got := show(listing.Entry{MTime: r.span(clock, order)})[len(" unknown - "):]
		if got != c.want {
			t.Errorf("%q is %s, want %s", c.text, got, c.want)
		}
	}
	for _, text := range []string{
		"", "-", "\u0085", "\u2003 ", "12345", "4673.5 days", "2024-13-01", "2024-02-30", "32-Jan-2024", "13/13/2024", "1899-01-01",
		"10K 2001-01>", "a-1.2.3", "May the 4th", "99:99", "version 5.17.1", "192.0.2.17",
	} {
		if r, _, _ := dateIn(text); r.precise != unread {
			t.Errorf("%q is %+v", text, r)
		}
	}
}

// TestOrder: one date tells the order of all.
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		other string
		want  int64
	}{
		{"17/06/2024 13:24", time.Date(2024, 6, 5, 13, 24, 0, 0, time.UTC).Unix()},
		{"06/17/2024 13:24", time.Date(2024, 5, 6, 13, 24, 0, 0, time.UTC).Unix()},
	} {
		a, _, _ := dateIn("05/06/2024 13:24")
		b, _, _ := dateIn(c.other)
		got := a.span(listing.Clock{Zone: time.UTC}, orderIn([]find{{time: a}, {time: b}}))
		if got != listing.Between(c.want, c.want+59) {
			t.Errorf("beside %s it is %v, want %d", c.other, got, c.want)
		}
	}
}
