package source

import (
	"net/http"
	"testing"
	"time"
)

func TestLifetime(t *testing.T) {
	const (
		date  = "Tue, 15 Nov 1994 08:12:31 GMT"
		later = "Tue, 15 Nov 1994 08:22:31 GMT" // by ten minutes
		gone  = -1
	)
	now := time.Date(1994, 11, 15, 8, 17, 31, 0, time.UTC)
	for _, c := range []struct {
		header http.Header
		want   time.Duration
	}{
		{http.Header{}, 0},
		{http.Header{"Date": {date}}, 0},
		{http.Header{"Cache-Control": {"public, must-revalidate"}}, 0},
		{http.Header{"Cache-Control": {"max-age=60"}}, time.Minute},
		{http.Header{"Cache-Control": {`public , Max-Age="60"`}}, time.Minute},
		{http.Header{"Cache-Control": {"max-age=60", "s-maxage=10"}}, 10 * time.Second},
		{http.Header{"Cache-Control": {"s-maxage=10,max-age=60"}}, 10 * time.Second},
		{http.Header{"Cache-Control": {"max-age=60, max-age=90"}}, time.Minute},
		{http.Header{"Cache-Control": {"max-age=60"}, "Age": {"50"}}, 10 * time.Second},
		{http.Header{"Cache-Control": {"max-age=60"}, "Age": {"60"}}, gone},
		{http.Header{"Cache-Control": {"max-age=60"}, "Age": {"-5"}}, time.Minute},
		{http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, (1<<31 - 1) * time.Second},
		{http.Header{"Cache-Control": {"max-age=0, must-revalidate"}}, gone},
		{http.Header{"Cache-Control": {"max-age=-1"}}, gone},
		{http.Header{"Cache-Control": {"max-age=soon"}}, gone},
		{http.Header{"Cache-Control": {"max-age"}}, gone},
		{http.Header{"Cache-Control": {"max-age=60, no-cache"}}, gone},
		{http.Header{"Cache-Control": {"no-store, max-age=60"}}, gone},
		{http.Header{"Cache-Control": {`no-cache="Set-Cookie", max-age=60`}}, time.Minute},
		{http.Header{"Expires": {later}, "Date": {date}}, 10 * time.Minute},
		{http.Header{"Expires": {later}}, 5 * time.Minute}, // by our clock
		{http.Header{"Expires": {later}, "Date": {date}, "Age": {"60"}}, 9 * time.Minute},
		{http.Header{"Expires": {date}, "Date": {later}}, gone},
		{http.Header{"Expires": {"0"}}, gone},
		{http.Header{"Expires": {later}, "Date": {date}, "Cache-Control": {"max-age=60"}}, time.Minute},
		{http.Header{"Expires": {later}, "Date": {date}, "Cache-Control": {"public"}}, 10 * time.Minute},
	} {
		if got := lifetime(c.header, now); got != c.want {
			t.Errorf("%v is %v, want %v", c.header, got, c.want)
		}
	}
}
