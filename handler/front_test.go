package handler

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"mirror/config"
)

func TestFrontOf(t *testing.T) {
	for _, test := range []struct {
		name string
		env  map[string]string
		conf config.Server
		want Front
		err  bool
	}{
		{name: "nothing declared"},
		{name: "accel", env: map[string]string{"MIRROR_HANDOVER": "accel:/_ready/", "MIRROR_STREAM": "1"},
			want: Front{Handover: HandoverAccel, Accel: "/_ready", Stream: true}},
		{name: "headers declare nothing", env: map[string]string{"HTTP_MIRROR_HANDOVER": "sendfile", "HTTP_MIRROR_STREAM": "1"}},
		{name: "stream is 1 or nothing", env: map[string]string{"MIRROR_STREAM": "0"}},
		{name: "tags", env: map[string]string{"MIRROR_ETAG": "apache"}, want: Front{ETag: ETagApache}},
		{name: "tags that nobody knows", env: map[string]string{"MIRROR_ETAG": "inode"}, err: true},
		{name: "a word that nobody knows", env: map[string]string{"MIRROR_HANDOVER": "x-sendfile"}, err: true},
		{name: "first pass of ErrorDocument", env: map[string]string{"REDIRECT_URL": "/a", "REDIRECT_STATUS": "404", "SCRIPT_NAME": "/m.cgi"}},
		{name: "second pass", env: map[string]string{"REDIRECT_REDIRECT_SCRIPT_NAME": "/m.cgi"}, want: Front{Second: true}},
		{name: "second pass by marker", env: map[string]string{"QUERY_STRING": "a=b&_m=1"}, want: Front{Second: true}},
		{name: "the configuration knows better", env: map[string]string{"MIRROR_HANDOVER": "sendfile", "MIRROR_STREAM": "1"},
			conf: config.Server{Handover: config.HandoverNone, Stream: config.StreamNever}},
		{name: "the configuration declares", conf: config.Server{Handover: "local", Stream: config.StreamAlways},
			want: Front{Handover: HandoverLocal, Stream: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := FrontOf(test.env, "", test.conf)
			if (err != nil) != test.err {
				t.Fatalf("error %v", err)
			}
			if err == nil && got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
		})
	}
}

func FuzzRangeEnd(f *testing.F) {
	for _, seed := range []string{"", "bytes=0-1", "bytes=-5", "bytes=5-", "bytes=1-2,3-4", "bytes=9-1", "bytes=0-99999999999999999999", "Bytes = 1 - 2", "lines=1-2"} {
		f.Add(seed, int64(100))
	}
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		end := rangeEnd(header, size)
		if end < 0 || end > size {
			t.Errorf("rangeEnd(%q, %d) = %d", header, size, end)
		}
		// What net/http answers is the measure.
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Range", header)
		if size > 1<<16 {
			return
		}
		http.ServeContent(w, r, "x", time.Time{}, bytes.NewReader(make([]byte, size)))
		var first, last, total int64
		if w.Code == 206 {
			if n, _ := fmt.Sscanf(w.Header().Get("Content-Range"), "bytes %d-%d/%d", &first, &last, &total); n == 3 && last+1 > end {
				t.Errorf("rangeEnd(%q, %d) = %d, but byte %d is sent", header, size, end, last)
			}
		}
	})
}
