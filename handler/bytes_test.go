package handler

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"testing"

	"mirror/internal/origin"
)

func TestHeadNeverDownloads(t *testing.T) {
	r := newRig(t, "")
	r.o.Set("/a.iso", origin.File{Seed: 1, Size: 5 << 20})
	for _, refused := range []bool{false, true} {
		r.o.Behave("/a.iso", origin.Behaviour{HEADRefused: refused})
		resp := r.ask(streaming, "HEAD", "/m/a.iso")
		if resp.StatusCode != 200 || resp.Header.Get("Content-Length") != fmt.Sprint(5<<20) ||
			resp.Header.Get("Last-Modified") != origin.Epoch.Format(http.TimeFormat) {
			t.Errorf("HEAD refused %v: %d %v", refused, resp.StatusCode, resp.Header)
		}
	}
	r.o.Behave("/a.iso", origin.Behaviour{Chunked: true, Times: 1}) // the length is not told
	resp := r.ask(streaming, "HEAD", "/m/a.iso")
	if resp.StatusCode != 200 || resp.Header.Get("Last-Modified") != origin.Epoch.Format(http.TimeFormat) {
		t.Errorf("without a length: %d %v", resp.StatusCode, resp.Header)
	}
	if n := r.o.Sent("/a.iso"); n > 1 {
		t.Errorf("the upstream sent %d bytes", n)
	}
	for header, want := range map[string]int{"items=0-1": 200, "bytes=x": 200, "bytes=0-9": 206, "bytes=9999999-": 416} {
		if resp := r.ask(streaming, "HEAD", "/m/a.iso", "Range", header); resp.StatusCode != want {
			t.Errorf("HEAD with Range %s: %d, want %d", header, resp.StatusCode, want)
		}
	}
	if resp := r.ask(streaming, "HEAD", "/m/none"); resp.StatusCode != 404 {
		t.Errorf("HEAD of what is missing: %d", resp.StatusCode)
	}
}

// TestSemantics: ranges and conditions mean the same on a missing, a growing
// and a published file.
func TestSemantics(t *testing.T) {
	const size = 1 << 20
	content := origin.Bytes(2, size)
	lm := origin.Epoch.Format(http.TimeFormat)
	etag := fmt.Sprintf(`"%x-%x"`, origin.Epoch.Unix(), size)
	for _, test := range []struct {
		header []string
		status int
		body   []byte // nil: not looked at
		crange string
	}{
		{nil, 200, content, ""},
		{[]string{"Range", "bytes=0-99"}, 206, content[:100], fmt.Sprintf("bytes 0-99/%d", size)},
		{[]string{"Range", "bytes=1000-"}, 206, content[1000:], fmt.Sprintf("bytes 1000-%d/%d", size-1, size)},
		{[]string{"Range", "bytes=-10"}, 206, content[size-10:], fmt.Sprintf("bytes %d-%d/%d", size-10, size-1, size)},
		{[]string{"Range", fmt.Sprintf("bytes=%d-", size)}, 416, nil, fmt.Sprintf("bytes */%d", size)},
		{[]string{"Range", "lines=1-2"}, 200, content, ""},
		{[]string{"Range", "bytes=--5"}, 200, content, ""},
		{[]string{"Range", "bytes=-0"}, 200, content, ""},
		{[]string{"Range", "bytes=0-99999999999999999999"}, 200, content, ""},
		{[]string{"Range", "bytes=a-b"}, 200, content, ""},
		{[]string{"Range", "bytes=0-9,100-109"}, 206, nil, ""},
		{[]string{"Range", "bytes=0-99", "If-Range", lm}, 206, content[:100], ""},
		{[]string{"Range", "bytes=0-99", "If-Range", etag}, 206, content[:100], ""},
		{[]string{"Range", "bytes=0-99", "If-Range", `"other"`}, 200, content, ""},
		{[]string{"Range", "bytes=0-99", "If-Range", "Mon, 01 Jan 2001 00:00:00 GMT"}, 200, content, ""},
		{[]string{"If-Modified-Since", lm}, 304, []byte{}, ""},
		{[]string{"If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"}, 200, content, ""},
		{[]string{"If-None-Match", etag}, 304, []byte{}, ""},
		{[]string{"If-None-Match", `"other"`, "If-Modified-Since", lm}, 200, content, ""},
		{[]string{"If-Match", `"other"`}, 412, nil, ""},
	} {
		for _, phase := range []string{"missing", "growing", "published"} {
			t.Run(fmt.Sprintf("%s/%v", phase, test.header), func(t *testing.T) {
				r := newRig(t, "")
				r.o.Set("/a.bin", origin.File{Seed: 2, Size: size})
				answer := make(chan *http.Response, 1)
				ask := func() { answer <- r.ask(streaming, "GET", "/m/a.bin", test.header...) }
				switch phase {
				case "missing":
					ask()
				case "growing":
					release := r.o.HoldAfter("/a.bin", size/2)
					f, err := r.engine.Open(t.Context(), "m/a.bin")
					if err != nil {
						t.Fatal(err)
					}
					defer f.Close()
					go ask()
					release() // the answer may need the rest
				case "published":
					f, err := r.engine.Open(t.Context(), "m/a.bin")
					if err != nil {
						t.Fatal(err)
					}
					defer f.Close()
					if ok, err := f.Settle(t.Context()); !ok || err != nil {
						t.Fatal(ok, err)
					}
					ask()
				}
				resp := <-answer
				if resp.StatusCode != test.status {
					t.Fatalf("status %d, want %d", resp.StatusCode, test.status)
				}
				if test.body != nil && !bytes.Equal(body(t, resp), test.body) {
					t.Error("another body")
				}
				if test.crange != "" && resp.Header.Get("Content-Range") != test.crange {
					t.Errorf("Content-Range %q, want %q", resp.Header.Get("Content-Range"), test.crange)
				}
				if test.status < 300 && (resp.Header.Get("ETag") != etag || resp.Header.Get("Last-Modified") != lm) {
					t.Errorf("validators %q %q", resp.Header.Get("ETag"), resp.Header.Get("Last-Modified"))
				}
			})
		}
	}
}

// TestMultipart: several ranges come as one body of parts.
func TestMultipart(t *testing.T) {
	const size = 1 << 20
	r := newRig(t, "")
	r.o.Set("/a", origin.File{Seed: 2, Size: size})
	resp := r.ask(streaming, "GET", "/m/a", "Range", fmt.Sprintf("bytes=0-9,100-109,%d-", size-5))
	_, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(resp.Body, params["boundary"])
	content := origin.Bytes(2, size)
	for _, want := range [][2]int{{0, 10}, {100, 110}, {size - 5, size}} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(part)
		if err != nil || !bytes.Equal(b, content[want[0]:want[1]]) {
			t.Errorf("part %v: %d bytes, %v", want, len(b), err)
		}
		if got := part.Header.Get("Content-Range"); got != fmt.Sprintf("bytes %d-%d/%d", want[0], want[1]-1, size) {
			t.Errorf("part %v: %s", want, got)
		}
	}
}

// TestEmptyFile: there is no range of nothing.
func TestEmptyFile(t *testing.T) {
	r := newRig(t, "")
	r.put("m/empty", "")
	for _, header := range []string{"bytes=-1", "bytes=0-0", "bytes=0-"} {
		resp := r.ask(streaming, "GET", "/m/empty", "Range", header)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Length") != "0" || resp.Header.Get("Content-Range") != "" {
			t.Errorf("%s: %d %v", header, resp.StatusCode, resp.Header)
		}
	}
}
