package handler

import (
	"bytes"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"mirror"
	"mirror/internal/gather"
	"mirror/internal/origin"
)

// TestAllAsServeContent: what asks for all of a file is answered in a shorter way, to the
// last header as net/http would, and what asks for anything else is not.
func TestAllAsServeContent(t *testing.T) {
	at := time.Date(2024, 2, 29, 12, 30, 15, 678, time.UTC)
	date, later, before := at.Format(http.TimeFormat), at.Add(time.Hour).Format(http.TimeFormat), at.Add(-time.Hour).Format(http.TimeFormat)
	all, parts := 0, 0
	for _, size := range []int64{0, 1, 4 << 10, gather.Small + 1} {
		content := origin.Bytes(uint64(size), size)
		for _, modTime := range []time.Time{at, {}, time.Unix(0, 0), time.Unix(0, 1), time.Unix(-1, 0), at.In(time.FixedZone("", 3600))} {
			for _, header := range [][]string{
				nil, {"If-Range", `"tag"`}, {"Accept-Encoding", "gzip"},
				{"Range", "bytes=0-0"}, {"Range", "bytes=0-0,2-3"}, {"Range", "bytes=99999999-"}, {"Range", ""},
				{"If-Match", `"tag"`}, {"If-Match", `"other"`}, {"If-Match", "*"}, {"If-Match", ""},
				{"If-None-Match", `"tag"`}, {"If-None-Match", `W/"tag"`}, {"If-None-Match", `"other"`}, {"If-None-Match", "*"},
				{"If-Modified-Since", date}, {"If-Modified-Since", later}, {"If-Modified-Since", before}, {"If-Modified-Since", "x"},
				{"If-Unmodified-Since", date}, {"If-Unmodified-Since", before},
				{"Range", "bytes=0-0", "If-Range", `"tag"`}, {"Range", "bytes=0-0", "If-Range", `"other"`},
			} {
				for _, method := range []string{"GET", "HEAD"} {
					r := httptest.NewRequest(method, "/", nil)
					for i := 0; i < len(header); i += 2 {
						r.Header.Set(header[i], header[i+1])
					}
					if asksForAll(r.Header) {
						all++
					}
					if size == 0 && r.Header.Get("Range") != "" {
						continue // which serveContent takes away
					}
					answer := func(serve func(http.ResponseWriter)) (int, http.Header, []byte) {
						w := httptest.NewRecorder()
						w.Header().Set("Content-Type", "text/plain")
						w.Header().Set("ETag", `"tag"`)
						serve(w)
						sent, body := w.Result().Header, w.Body.Bytes()
						kind, params, err := mime.ParseMediaType(sent.Get("Content-Type"))
						if boundary := params["boundary"]; err == nil && boundary != "" { // which is by chance
							parts++
							sent.Set("Content-Type", kind)
							body = bytes.ReplaceAll(body, []byte(boundary), []byte("boundary"))
						}
						return w.Code, sent, body
					}
					m := mirror.Meta{Size: size, ModTime: modTime}
					status, sent, body := answer(func(w http.ResponseWriter) { serveContent(w, r, m, bytes.NewReader(content)) })
					wantStatus, want, wantBody := answer(func(w http.ResponseWriter) { http.ServeContent(w, r, "", modTime, bytes.NewReader(content)) })
					what := fmt.Sprint(method, " ", size, " bytes of ", modTime, ", ", header)
					if status != wantStatus || !maps.EqualFunc(sent, want, slices.Equal) || !bytes.Equal(body, wantBody) {
						t.Errorf("%s: %d, %v, %d bytes, want %d, %v, %d bytes", what, status, sent, len(body), wantStatus, want, len(wantBody))
					}
				}
			}
		}
	}
	if want := 2 * 6 * 2 * 2; parts != want { // of the two larger sizes, for GET and HEAD; ours and net/http's
		t.Errorf("%d answers have several parts, not %d", parts, want)
	}
	if want := 4 * 6 * 3 * 2; all != want {
		t.Errorf("%d of the requests ask for all, not %d", all, want)
	}
}
