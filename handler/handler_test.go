package handler

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mirror/config"
	"mirror/fetch"
	"mirror/internal/cgienv"
	"mirror/internal/origin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type rig struct {
	t      *testing.T
	o      *origin.Origin
	conf   *config.Config
	engine *fetch.Engine
	h      *Handler
	log    bytes.Buffer
}

// newRig mirrors /m/. toml has lines for the head of the file, then "---",
// then lines for the mirror.
func newRig(t *testing.T, toml string) *rig {
	t.Helper()
	r := &rig{t: t, o: origin.New(t)}
	dir := t.TempDir()
	docroot := filepath.Join(dir, "doc")
	if err := os.Mkdir(docroot, 0o755); err != nil {
		t.Fatal(err)
	}
	head, keys, _ := strings.Cut(toml, "---")
	var err error
	r.conf, err = config.Parse(fmt.Appendf(nil, "docroot=%q\n%s\n[[mirror]]\nprefix=\"/m/\"\nupstream=[%q]\n%s\n",
		docroot, head, r.o.URL+"/", keys), filepath.Join(dir, "mirror.toml"))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(&r.log, nil))
	if r.engine, err = fetch.Open(r.conf, fetch.Options{Log: log}); err != nil {
		t.Fatal(err)
	}
	r.h = New(r.conf, r.engine, log)
	t.Cleanup(func() {
		gone, cancel := context.WithCancel(context.Background())
		cancel()
		if err := r.engine.Shut(gone); err != nil {
			t.Error(err)
		}
	})
	return r
}

// ask sends one request through a front.
func (r *rig) ask(front Front, method, target string, header ...string) *http.Response {
	r.t.Helper()
	req := httptest.NewRequest(method, "/", nil)
	req.RequestURI = target
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	r.t.Cleanup(cancel)
	front.Target = target
	w := httptest.NewRecorder()
	r.h.Serve(w, req.WithContext(ctx), front)
	return w.Result()
}

func body(t *testing.T, resp *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var streaming = Front{Stream: true}

// put places a file in the docroot.
func (r *rig) put(name, content string) {
	r.t.Helper()
	p := filepath.Join(r.conf.Docroot, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// TestStatuses: each error that a client can meet, and what it is told.
func TestStatuses(t *testing.T) {
	for _, test := range []struct {
		name   string
		target string
		b      origin.Behaviour
		status int
		header string // "Key: value" that has to be there
	}{
		{"not found", "/m/a", origin.Behaviour{Status: 404}, 404, "Cache-Control: no-store"},
		{"gone", "/m/a", origin.Behaviour{Status: 410}, 404, ""},
		{"refused", "/m/a", origin.Behaviour{Status: 403}, 502, ""},
		{"unauthorized", "/m/a", origin.Behaviour{Status: 401}, 502, ""},
		{"patience asked", "/m/a", origin.Behaviour{Status: 429, RetryAfter: "17"}, 503, "Retry-After: 17"},
		{"broken", "/m/a", origin.Behaviour{Status: 500}, 502, ""},
		{"reset", "/m/a", origin.Behaviour{Reset: true}, 502, ""},
		{"silent", "/m/a", origin.Behaviour{Silent: true}, 504, ""},
		{"portal", "/m/a.deb", origin.Behaviour{Portal: true}, 502, ""},
		{"directory", "/m/a", origin.Behaviour{Redirect: "/a/", Status: 301}, 301, "Location: /m/a/"},
		{"prefix without its slash", "/m", origin.Behaviour{}, 301, "Location: /m/"},
		{"directory with its slash", "/m/d/", origin.Behaviour{}, 404, ""},
		{"outside", "/x/a", origin.Behaviour{}, 404, ""},
		{"dot segment", "/m/../a", origin.Behaviour{}, 400, ""},
		{"encoded dot segment", "/m/%2e%2e/a", origin.Behaviour{}, 400, ""},
		{"encoded slash", "/m/a%2fb", origin.Behaviour{}, 400, ""},
		{"backslash", `/m/a\b`, origin.Behaviour{}, 400, ""},
		{"NUL", "/m/a%00", origin.Behaviour{}, 400, ""},
		{"bad escape", "/m/%zz", origin.Behaviour{}, 400, ""},
		{"hidden", "/m/.htaccess", origin.Behaviour{}, 404, ""},
		{"long", "/m/" + strings.Repeat("a/", 4000) + "b", origin.Behaviour{}, 400, ""},
		{"long segment", "/m/" + strings.Repeat("a", 300), origin.Behaviour{}, 400, ""},
		{"no path", "m/a", origin.Behaviour{}, 400, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, "[timeouts]\nheader=\"1s\"\n---")
			r.o.Behave(origin.Everywhere, test.b)
			if head := r.ask(streaming, "HEAD", test.target); head.StatusCode != test.status {
				t.Errorf("HEAD: status %d, want %d", head.StatusCode, test.status)
			}
			resp := r.ask(streaming, "GET", test.target)
			if resp.StatusCode != test.status {
				t.Errorf("status %d, want %d", resp.StatusCode, test.status)
			}
			if key, value, ok := strings.Cut(test.header, ": "); ok && resp.Header.Get(key) != value {
				t.Errorf("%s: %q, want %q", key, resp.Header.Get(key), value)
			}
			if b := body(t, resp); bytes.Contains(b, []byte(r.o.Addr)) || len(b) == 0 {
				t.Errorf("the page is %q: it has to say something, and nothing of the upstream", b)
			}
			if test.status >= 500 && !strings.Contains(r.log.String(), r.o.Addr) {
				t.Errorf("the log does not name the upstream:\n%s", &r.log)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	r := newRig(t, "")
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"} {
		resp := r.ask(streaming, method, "/m/a")
		if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
	if n := r.o.Count(origin.Everywhere, ""); n != 0 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

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

// TestMarkerEndsRedirects: a request that was redirected once is answered with
// the file itself, published or not.
func TestMarkerEndsRedirects(t *testing.T) {
	r := newRig(t, "")
	r.o.Set("/a", origin.File{Body: []byte("content")})
	resp := r.ask(Front{}, "GET", "/m/a?x=y&_m=1")
	if resp.StatusCode != 200 || string(body(t, resp)) != "content" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

// TestMaxWait: a client that cannot be streamed to is sent on when it takes
// too long, and the fetch goes on.
func TestMaxWait(t *testing.T) {
	r := newRig(t, "[timeouts]\nmax_wait=\"1s\"\n---")
	r.o.Set("/a b", origin.File{Seed: 3, Size: 1 << 20})
	release := r.o.HoldAfter("/a b", 1<<19)
	resp := r.ask(Front{Handover: HandoverLocal}, "GET", "/m/a%20b")
	if resp.StatusCode != 302 || resp.Header.Get("Location") != r.o.URL+"/a%20b" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v, want a redirect to the upstream", resp.StatusCode, resp.Header)
	}
	release()
	resp = r.ask(Front{}, "GET", "/m/a%20b?_m=1")
	if err := origin.Check(resp.Body, 3, 1<<20); err != nil {
		t.Error(err)
	}
	if n := r.o.Count("/a b", ""); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestMissRedirect(t *testing.T) {
	r := newRig(t, "---miss=\"redirect\"")
	r.o.Set("/a", origin.File{Seed: 3, Size: 1000})
	resp := r.ask(streaming, "GET", "/m/a")
	if resp.StatusCode != 302 || resp.Header.Get("Location") != r.o.URL+"/a" {
		t.Errorf("%d %v, want a redirect to the upstream", resp.StatusCode, resp.Header)
	}
	f, err := r.engine.Open(t.Context(), "m/a") // it is fetched meanwhile
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if ok, err := f.Settle(t.Context()); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if resp = r.ask(streaming, "GET", "/m/a"); resp.StatusCode != 200 {
		t.Errorf("now that it is there: %d", resp.StatusCode)
	}
	// What all upstreams do not have is a 404, not a redirect, and not asked
	// for again.
	r.ask(streaming, "GET", "/m/none")
	r.o.Await("/none", 1)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if resp = r.ask(streaming, "GET", "/m/none"); resp.StatusCode == 404 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a missing file: %d", resp.StatusCode)
		}
	}
	asked := r.o.Count("/none", "")
	r.ask(streaming, "GET", "/m/none")
	if n := r.o.Count("/none", ""); n != asked {
		t.Errorf("asked again for what is known to be missing")
	}
}

func TestMissWait(t *testing.T) {
	r := newRig(t, "---miss=\"wait\"")
	r.o.Set("/a", origin.File{Seed: 3, Size: 1000})
	front := Front{Stream: true, Handover: HandoverAccel, Accel: "/_ready"}
	resp := r.ask(front, "GET", "/m/a")
	if resp.Header.Get("X-Accel-Redirect") != "/_ready/m/a" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	if _, err := os.Stat(filepath.Join(r.conf.Docroot, "m/a")); err != nil {
		t.Error("it was handed over before it was there")
	}
}

func TestDirectoryIndex(t *testing.T) {
	r := newRig(t, "")
	r.put("m/d/index.html", "<p>hello")
	r.put("index.html", "<p>root")
	for target, want := range map[string]string{"/m/d/": "<p>hello", "/": "<p>root"} {
		resp := r.ask(streaming, "GET", target)
		if b := body(t, resp); resp.StatusCode != 200 || string(b) != want || resp.Header.Get("Content-Type") != "text/html" {
			t.Errorf("%s: %d %q", target, resp.StatusCode, b)
		}
	}
	if resp := r.ask(streaming, "GET", "/m/d"); resp.StatusCode != 301 || resp.Header.Get("Location") != "/m/d/" {
		t.Errorf("without the slash: %d %v", resp.StatusCode, resp.Header)
	}
}

// TestOwnFilesAreNoNames: on shared hosting program and configuration lie in
// the docroot.
func TestOwnFilesAreNoNames(t *testing.T) {
	r := newRig(t, "base=\"/~u/m/\"\n---")
	r.put("conf/mirror.toml", "password")
	// The docroot may be known by another path.
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(r.conf.Docroot, link); err != nil {
		t.Fatal(err)
	}
	r.conf.File = filepath.Join(link, "conf/mirror.toml")
	for _, target := range []string{"/~u/m/mirror.cgi", "/~u/m//conf/mirror%2etoml"} {
		resp := r.ask(Front{Script: "/~u/m/mirror.cgi"}, "GET", target)
		if resp.StatusCode != 404 || r.o.Count(origin.Everywhere, "") != 0 {
			t.Errorf("%s: %d; asked %d times", target, resp.StatusCode, r.o.Count(origin.Everywhere, ""))
		}
	}
}

// TestBroken: a body that breaks off reaches the client as a broken
// connection.
func TestBroken(t *testing.T) {
	r := newRig(t, "[timeouts]\nidle=\"1s\"\n---")
	r.o.Set("/a", origin.File{Seed: 3, Size: 1 << 20})
	r.o.Behave("/a", origin.Behaviour{StallAfter: 1 << 19, NoRanges: true, NoLastModified: true})
	server := httptest.NewServer(r.h.Builtin())
	defer server.Close()
	defer server.CloseClientConnections()
	resp, err := server.Client().Get(server.URL + "/m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err == nil || !bytes.Equal(b, origin.Bytes(3, 1<<20)[:len(b)]) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
