package handler

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"mirror/internal/cgienv"
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

// TestHandover: each front gets a published file, and one that was fetched
// while it waited, in the way that it declared.
func TestHandover(t *testing.T) {
	const name, escaped = "m/a b+é?#%.deb", "m/a%20b%2B%C3%A9%3F%23%25.deb"
	for _, test := range []struct {
		name     string
		front    Front
		header   string // of a published file; "": its bytes
		value    string
		awaited  string // the same of a file that was awaited
		nostatus bool
	}{
		{"accel", Front{Handover: HandoverAccel, Accel: "/_ready"}, "X-Accel-Redirect", "/_ready/" + escaped, "", false},
		{"sendfile", Front{Handover: HandoverSendfile}, "", "", "bytes", false}, // the name has a %
		{"local", Front{Handover: HandoverLocal}, "Location", "/base/" + escaped + "?_m=1", "", false},
		{"local-nostatus", Front{Handover: HandoverLocalNoStatus}, "Location", "/base/" + escaped + "?_m=1", "", true},
		{"none", Front{}, "", "", "/base/" + escaped + "?_m=1", false},
		{"second pass", Front{Handover: HandoverLocal, Second: true}, "", "", "bytes", false},
	} {
		for _, state := range []string{"published", "missing"} {
			t.Run(test.name+"/"+state, func(t *testing.T) {
				r := newRig(t, "base=\"/base/\"\n---")
				content := strings.Repeat("x", 100)
				if state == "published" {
					r.put(name, content)
				} else {
					r.o.Set("/a b+é?#%.deb", origin.File{Body: []byte(content)})
				}
				resp := r.ask(test.front, "GET", "/base/"+escaped)
				key, value := test.header, test.value
				if state == "missing" && test.awaited != "" {
					key, value = "Location", test.awaited
				}
				switch {
				case key == "" || value == "bytes":
					if resp.StatusCode != 200 || string(body(t, resp)) != content || resp.Header.Get("Location") != "" {
						t.Errorf("%d %v, want the bytes", resp.StatusCode, resp.Header)
					}
				default:
					value = strings.Replace(value, "DOCROOT", r.conf.Docroot, 1)
					if got := resp.Header.Get(key); got != value {
						t.Errorf("%s: %q, want %q", key, got, value)
					}
					if len(body(t, resp)) > 0 || resp.Header.Get("Content-Type") != "" {
						t.Error("a handover has no body and no type of its own")
					}
				}
				if status := resp.StatusCode; status != 200 && !(status == 302 && key == "Location" && test.front.Handover == HandoverNone) {
					t.Errorf("status %d", status)
				}
				if got := resp.Header.Get(cgienv.NoStatus) != ""; got != test.nostatus {
					t.Errorf("NoStatus %v, want %v", got, test.nostatus)
				}
			})
		}
	}
}

func TestSendfile(t *testing.T) {
	r := newRig(t, "")
	r.put("m/a b+é.deb", "content")
	resp := r.ask(Front{Handover: HandoverSendfile}, "GET", "/m/a%20b+%C3%A9.deb")
	if got, want := resp.Header.Get("X-Sendfile"), r.conf.Docroot+"/m/a b+é.deb"; got != want {
		t.Errorf("X-Sendfile %q, want %q", got, want)
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

// TestBusy: when every slot is taken the client is told to come again.
func TestBusy(t *testing.T) {
	r := newRig(t, "[limits]\nfetches=1\nqueue_time=\"50ms\"\n---")
	r.o.Set("/a", origin.File{Seed: 2, Size: 1 << 20})
	r.o.Set("/b", origin.File{Seed: 2, Size: 10})
	release := r.o.HoldAfter("/a", 1<<19)
	defer release()
	f, err := r.engine.Open(t.Context(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	resp := r.ask(streaming, "GET", "/m/b")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

// TestUnchanged: a question for the date alone is answered before a handover.
func TestUnchanged(t *testing.T) {
	r := newRig(t, "")
	r.put("m/a", "content")
	for since, want := range map[string]int{
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): 304,
		"Mon, 01 Jan 2001 00:00:00 GMT":                         200,
	} {
		resp := r.ask(Front{Handover: HandoverLocal}, "GET", "/m/a", "If-Modified-Since", since)
		if resp.StatusCode != want {
			t.Errorf("since %s: %d, want %d", since, resp.StatusCode, want)
		}
	}
}

// TestAside: a file that no web server finds is never handed over to one, nor its
// client sent back to look for it.
func TestAside(t *testing.T) {
	const mirror = "---\nmutable=['*.idx']\nmutable_in='state'\n"
	for _, front := range []Front{
		{Handover: HandoverAccel, Accel: "/ready"}, {Handover: HandoverSendfile},
		{Handover: HandoverLocal}, {Handover: HandoverLocalNoStatus}, {Handover: HandoverNone},
	} {
		for _, miss := range []string{"stream", "wait"} {
			r := newRig(t, mirror+fmt.Sprintf("miss=%q\n", miss))
			content := origin.Bytes(3, 200_000)
			r.o.Set("/a.idx", origin.File{Seed: 3, Size: 200_000})
			etag := fmt.Sprintf(`"%x-%x"`, origin.Epoch.Unix(), len(content))
			for i, c := range []struct {
				status int
				body   []byte
				header []string
			}{
				{200, content, nil}, // missing
				{200, content, nil},
				{206, content[10:100], []string{"Range", "bytes=10-99"}},
				{304, nil, []string{"If-None-Match", etag}},
				{304, nil, []string{"If-Modified-Since", origin.Epoch.Format(http.TimeFormat)}},
			} {
				resp := r.ask(front, "GET", "/m/a.idx", c.header...)
				body, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != c.status || !bytes.Equal(body, c.body) {
					t.Errorf("handover %v, miss %s, request %d: %d, %d bytes, %v", front.Handover, miss, i, resp.StatusCode, len(body), err)
				}
				for _, name := range []string{"Location", "X-Accel-Redirect", "X-Sendfile"} {
					if v := resp.Header.Get(name); v != "" {
						t.Errorf("handover %v, miss %s, request %d: %s: %s", front.Handover, miss, i, name, v)
					}
				}
			}
			if resp := r.ask(front, "HEAD", "/m/a.idx"); resp.StatusCode != 200 || resp.Header.Get("Content-Length") != fmt.Sprint(len(content)) || resp.Header.Get("Location") != "" {
				t.Errorf("handover %v: HEAD is %d, %v", front.Handover, resp.StatusCode, resp.Header)
			}
		}
	}
}
