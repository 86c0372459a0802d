package handler

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"mirror/internal/cgienv"
	"mirror/internal/origin"
)

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
