package source

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"mirror"
)

func withHeader(name, value string) *http.Response {
	return &http.Response{Header: http.Header{name: {value}}}
}

func TestContentRange(t *testing.T) {
	type span struct{ first, last, total int64 }
	bad := span{-1, -1, -1}
	for text, want := range map[string]span{
		"bytes 0-0/1":  {0, 0, 1},
		"bytes 5-9/10": {5, 9, 10},
		"Bytes 5-9/10": {5, 9, 10},
		"bytes 0-9223372036854775805/9223372036854775806": {0, 1<<63 - 3, 1<<63 - 2},

		"":                               bad,
		"bytes":                          bad,
		"bytes ":                         bad,
		"bytes 5":                        bad,
		"bytes 5-9":                      bad,
		"bytes 5/10":                     bad,
		"bytes */10":                     bad, // of a 416
		"bytes 5-9/*":                    bad, // the version cannot be told
		"bytes 5-/10":                    bad,
		"bytes -9/10":                    bad,
		"bytes 9-5/10":                   bad,
		"bytes 5-10/10":                  bad,
		"bytes 0--1/0":                   bad,
		"bytes 0-0/0":                    bad,
		"bytes 5-9/10, 11-12/20":         bad,
		"bytes 0x5-9/10":                 bad,
		"bytes 5-9/1e1":                  bad,
		"bytes=5-9/10":                   bad,
		"items 5-9/10":                   bad,
		"5-9/10":                         bad,
		"bytes 99999999999999999999-1/2": bad,
		"bytes 0-1/99999999999999999999": bad,
	} {
		first, last, total, err := contentRange(withHeader("Content-Range", text))
		got := span{first, last, total}
		if err != nil {
			got = bad
			if !strings.Contains(err.Error(), fmt.Sprintf("%q", text)) {
				t.Errorf("%q: the error does not show it: %v", text, err)
			}
		}
		if got != want {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

// FuzzContentRange looks for a header that is accepted although it describes
// no part of a file.
func FuzzContentRange(f *testing.F) {
	for _, text := range []string{"bytes 0-0/1", "bytes 5-9/10", "bytes 5-9/*", "bytes */10", "bytes -1-1/2", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, last, total, err := contentRange(withHeader("Content-Range", text))
		if err != nil {
			return
		}
		if first < 0 || last < first || total <= last {
			t.Fatalf("%q is %d-%d/%d", text, first, last, total)
		}
		again := fmt.Sprintf("bytes %d-%d/%d", first, last, total)
		if a, b, c, err := contentRange(withHeader("Content-Range", again)); err != nil || a != first || b != last || c != total {
			t.Fatalf("%q is %q, which is not understood", text, again)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
	for _, test := range []struct {
		text        string
		least, most time.Duration
	}{
		{"120", 2 * time.Minute, 2 * time.Minute},
		{"1", time.Second, time.Second},
		{in(time.Hour), 59 * time.Minute, time.Hour},
		{in(-time.Hour), 0, 0},
		{"", 0, 0},
		{"0", 0, 0},
		{"-5", 0, 0},
		{"1.5", 0, 0},
		{"soon", 0, 0},
		{"99999999999999999999", 0, 0},
	} {
		got := retryAfter(withHeader("Retry-After", test.text))
		if got < test.least || got > test.most {
			t.Errorf("%q is %v, want %v to %v", test.text, got, test.least, test.most)
		}
	}
}

// TestMeta reads the facts off a header, as Stat shows them.
func TestMeta(t *testing.T) {
	modified := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	lm := modified.Format(http.TimeFormat)
	date := func(d time.Duration) string { return modified.Add(d).Format(http.TimeFormat) }
	for name, test := range map[string]struct {
		header map[string]string
		want   mirror.Meta
	}{
		"nothing": {nil, mirror.Meta{}},
		"all": {
			map[string]string{"ETag": `"x"`, "Content-Type": "text/plain", "Last-Modified": lm, "Date": date(time.Hour)},
			mirror.Meta{ETag: `"x"`, ContentType: "text/plain", ModTime: modified, LastModified: lm},
		},
		"a weak tag is kept as it is": {map[string]string{"ETag": `W/"x"`}, mirror.Meta{ETag: `W/"x"`}},
		// A file that young may change again within the second that is told.
		"a second old":     {map[string]string{"Last-Modified": lm, "Date": date(time.Second)}, mirror.Meta{ModTime: modified}},
		"59 seconds old":   {map[string]string{"Last-Modified": lm, "Date": date(59 * time.Second)}, mirror.Meta{ModTime: modified}},
		"a minute old":     {map[string]string{"Last-Modified": lm, "Date": date(time.Minute)}, mirror.Meta{ModTime: modified, LastModified: lm}},
		"of the future":    {map[string]string{"Last-Modified": lm, "Date": date(-time.Hour)}, mirror.Meta{ModTime: modified}},
		"no Date":          {map[string]string{"Last-Modified": lm}, mirror.Meta{ModTime: modified}},
		"Date is no date":  {map[string]string{"Last-Modified": lm, "Date": "today"}, mirror.Meta{ModTime: modified}},
		"it is no date":    {map[string]string{"Last-Modified": "yesterday", "Date": date(time.Hour)}, mirror.Meta{}},
		"RFC 850":          {map[string]string{"Last-Modified": "Tuesday, 02-Jan-24 03:04:05 GMT"}, mirror.Meta{ModTime: modified}},
		"tag, not to send": {map[string]string{"ETag": "\"x\ty\""}, mirror.Meta{}},
		"type, not to send": {
			map[string]string{"Content-Type": "text/plain\x7f"}, mirror.Meta{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			const size = 7
			got, err := answering(t, answers{status: http.StatusOK, header: test.header, length: size}).Stat(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			test.want.Size = size
			if !got.ModTime.Equal(test.want.ModTime) {
				t.Errorf("mtime %v, want %v", got.ModTime, test.want.ModTime)
			}
			got.ModTime = test.want.ModTime
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}
