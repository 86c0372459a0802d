package handler

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
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
	"mirror/internal/origin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type rig struct {
	t      testing.TB
	o      *origin.Origin
	conf   *config.Config
	engine *fetch.Engine
	h      *Handler
	log    bytes.Buffer
}

// newRig mirrors /m/. toml has lines for the head of the file, then "---",
// then lines for the mirror.
func newRig(t testing.TB, toml string) *rig {
	t.Helper()
	o := origin.New(t)
	return newRigOver(t, o, o.URL+"/", toml)
}

// newRigOver is newRig with another upstream than the origin.
func newRigOver(t testing.TB, o *origin.Origin, upstream, toml string) *rig {
	t.Helper()
	r := &rig{t: t, o: o}
	dir := t.TempDir()
	docroot := filepath.Join(dir, "doc")
	if err := os.Mkdir(docroot, 0o755); err != nil {
		t.Fatal(err)
	}
	head, keys, _ := strings.Cut(toml, "---")
	var err error
	r.conf, err = config.Parse(fmt.Appendf(nil, "docroot=%q\n%s\n[[mirror]]\nprefix=\"/m/\"\nupstream=[%q]\n%s\n",
		docroot, head, upstream, keys), filepath.Join(dir, "mirror.toml"))
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

var streaming = Front{Stream: true, ETag: ETagNginx}

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

// TestPatienceWithoutWeb: a client cannot be sent to an upstream that speaks no
// HTTP; it is asked to come again.
func TestPatienceWithoutWeb(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	r := newRigOver(t, nil, "rsync://"+silent.Addr().String()+"/module/", "[timeouts]\nmax_wait = \"1s\"\n---")
	resp := r.ask(Front{}, "GET", "/m/a.deb")
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || resp.Header.Get("Location") != "" {
		t.Errorf("%d, %v", resp.StatusCode, resp.Header)
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
