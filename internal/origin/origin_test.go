package origin

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client keeps no connection, so that nothing of it outlives a test, and takes
// bodies as they come.
func client(o *Origin) *http.Client {
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	if o.tls != nil {
		transport.TLSClientConfig = o.tls.config()
		transport.TLSClientConfig.RootCAs = o.CertPool
		transport.ForceAttemptHTTP2 = true
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// ask sends one request; headers are name, value, name, value.
func ask(t *testing.T, o *Origin, method, path string, headers ...string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, o.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := client(o).Do(r)
	if err == nil {
		t.Cleanup(func() { response.Body.Close() })
	}
	return response, err
}

// get asks and reads all; err is the body's.
func get(t *testing.T, o *Origin, path string, headers ...string) (*http.Response, []byte, error) {
	t.Helper()
	response, err := ask(t, o, "GET", path, headers...)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

const size = 100_003 // odd, and more than one buffer

func TestHonest(t *testing.T) {
	o := New(t)
	o.Set("/a b/x.deb", File{Seed: 7, Size: size})
	response, body, err := get(t, o, "/a%20b/x.deb?q=1")
	if err != nil || response.StatusCode != 200 {
		t.Fatal(response.Status, err)
	}
	if err := Check(bytes.NewReader(body), 7, size); err != nil {
		t.Error(err)
	}
	if got := response.Header.Get("Last-Modified"); got != Epoch.Format(http.TimeFormat) {
		t.Error("Last-Modified", got)
	}
	tag := response.Header.Get("ETag")
	if !strings.HasPrefix(tag, `"`) {
		t.Errorf("ETag %q is not strong", tag)
	}

	response, body, err = get(t, o, "/a%20b/x.deb", "Range", "bytes=50001-60000", "If-Range", tag)
	if err != nil || response.StatusCode != 206 {
		t.Fatal(response.Status, err)
	}
	if err := CheckRange(bytes.NewReader(body), 7, 50001, 10000); err != nil {
		t.Error(err)
	}
	if response, _, _ = get(t, o, "/a%20b/x.deb", "If-None-Match", tag); response.StatusCode != 304 {
		t.Error("If-None-Match:", response.Status)
	}
	if response, _, _ = get(t, o, "/a%20b/x.deb", "Range", "bytes=5-", "If-Range", `"other"`); response.StatusCode != 200 {
		t.Error("If-Range of another version:", response.Status)
	}

	r := o.Requests()
	if len(r) != 4 || r[0].Target != "/a%20b/x.deb?q=1" || r[0].Path != "/a b/x.deb" || r[0].Sent != size ||
		r[0].Status != 200 || r[1].Range != "bytes=50001-60000" {
		t.Errorf("records: %+v", r)
	}
	if n := o.Count("/a b/x.deb", "GET"); n != 4 {
		t.Error("count", n)
	}
	if n := o.Sent(Everywhere); n != size+10000+size {
		t.Error("sent", n)
	}
}

func TestHugeIsNotHeld(t *testing.T) {
	const huge = 100 << 30
	o := New(t)
	o.Set("/huge", File{Seed: 3, Size: huge})
	response, body, err := get(t, o, "/huge", "Range", "bytes=-1001")
	if err != nil || response.Header.Get("Content-Range") == "" {
		t.Fatal(response.Status, err)
	}
	if err := CheckRange(bytes.NewReader(body), 3, huge-1001, 1001); err != nil {
		t.Error(err)
	}
}

func TestCheckFindsFaults(t *testing.T) {
	good := Bytes(5, size)
	for name, fault := range map[string][]byte{
		"short":   good[:size-1],
		"long":    append(bytes.Clone(good), 0),
		"spliced": append(bytes.Clone(good[:40_000]), Bytes(6, size)[40_000:]...),
		"shifted": append(bytes.Clone(good[8:]), good[:8]...),
		"empty":   nil,
	} {
		if Check(bytes.NewReader(fault), 5, size) == nil {
			t.Error(name, "was not found")
		}
	}
	if err := Check(bytes.NewReader(good), 5, size); err != nil {
		t.Error(err)
	}
	for off := range int64(20) {
		if err := CheckRange(bytes.NewReader(good[off:off+50]), 5, off, 50); err != nil {
			t.Error(off, err)
		}
	}
}

func TestWrongHeaders(t *testing.T) {
	for _, c := range []struct {
		name      string
		behaviour Behaviour
		headers   []string
		check     func(*http.Response) bool
	}{
		{"no ranges", Behaviour{NoRanges: true}, []string{"Range", "bytes=5-"}, func(r *http.Response) bool {
			return r.StatusCode == 200 && r.ContentLength == size && r.Header.Get("Accept-Ranges") == ""
		}},
		{"other start", Behaviour{RangeShift: 10}, []string{"Range", "bytes=5-9"}, func(r *http.Response) bool {
			return r.StatusCode == 206 && r.Header.Get("Content-Range") == "bytes 15-19/100003"
		}},
		{"other total", Behaviour{TotalShift: -3}, []string{"Range", "bytes=5-9"}, func(r *http.Response) bool {
			return r.Header.Get("Content-Range") == "bytes 5-9/100000"
		}},
		{"416", Behaviour{RangeStatus: 416}, []string{"Range", "bytes=5-9"}, func(r *http.Response) bool {
			return r.StatusCode == 416 && r.Header.Get("Content-Range") == "bytes */100003"
		}},
		{"416 for ranges only", Behaviour{RangeStatus: 416}, nil, func(r *http.Response) bool {
			return r.StatusCode == 200
		}},
		{"204", Behaviour{Status: 204}, nil, func(r *http.Response) bool { return r.StatusCode == 204 }},
		{"503", Behaviour{Status: 503, RetryAfter: "7"}, nil, func(r *http.Response) bool {
			return r.StatusCode == 503 && r.Header.Get("Retry-After") == "7"
		}},
		{"redirect", Behaviour{Redirect: "http://two.example/x"}, nil, func(r *http.Response) bool {
			return r.StatusCode == 302 && r.Header.Get("Location") == "http://two.example/x"
		}},
		{"portal", Behaviour{Portal: true}, nil, func(r *http.Response) bool {
			return r.StatusCode == 200 && strings.HasPrefix(r.Header.Get("Content-Type"), "text/html")
		}},
		{"no Last-Modified", Behaviour{NoLastModified: true}, nil, func(r *http.Response) bool {
			return r.StatusCode == 200 && r.Header.Get("Last-Modified") == ""
		}},
		{"gzip label", Behaviour{GzipLabel: true}, nil, func(r *http.Response) bool {
			return r.Header.Get("Content-Encoding") == "gzip" && r.ContentLength == size
		}},
		{"any header", Behaviour{Header: map[string]string{"ETag": "", "X-A": "b"}}, nil, func(r *http.Response) bool {
			return r.Header.Get("ETag") == "" && r.Header.Get("X-A") == "b"
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := New(t)
			o.Set("/f", File{Seed: 1, Size: size})
			o.Behave("/f", c.behaviour)
			response, _, err := get(t, o, "/f", c.headers...)
			if err != nil {
				t.Fatal(err)
			}
			if !c.check(response) {
				t.Error(response.Status, response.ContentLength, response.Header)
			}
		})
	}
}

func TestWrongBodies(t *testing.T) {
	for _, c := range []struct {
		name      string
		behaviour Behaviour
		length    int64 // Content-Length
		got       int64
		broken    bool // the client sees that it broke
	}{
		{"chunked", Behaviour{Chunked: true}, -1, size, false},
		{"chunked, cut", Behaviour{Chunked: true, CutAfter: 50_000}, -1, 50_000, true},
		{"close-delimited", Behaviour{CloseDelimited: true}, -1, size, false},
		{"close-delimited, cut", Behaviour{CloseDelimited: true, CutAfter: 50_000}, -1, 50_000, false},
		{"short", Behaviour{CutAfter: 99_999}, size, 99_999, true},
		{"cut at once", Behaviour{CutAtOnce: true}, size, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := New(t)
			o.Set("/f", File{Seed: 1, Size: size})
			o.Behave("/f", c.behaviour)
			response, body, err := get(t, o, "/f")
			if (err != nil) != c.broken || response.ContentLength != c.length || int64(len(body)) != c.got {
				t.Errorf("length %d, got %d: %v", response.ContentLength, len(body), err)
			}
			if n := o.Sent("/f"); n != c.got {
				t.Errorf("sent %d", n)
			}
		})
	}
}

func TestGzipNobodyAskedFor(t *testing.T) {
	o := New(t)
	o.Set("/f", File{Seed: 1, Size: size})
	o.Behave("/f", Behaviour{Gzip: true})
	response, body, err := get(t, o, "/f", "Accept-Encoding", "identity")
	if err != nil || response.Header.Get("Content-Encoding") != "gzip" {
		t.Fatal(response.Header, err)
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(z, 1, size); err != nil {
		t.Error(err)
	}
}

func TestTimesAndVersions(t *testing.T) {
	o := New(t)
	o.Set("/f", File{Seed: 1, Size: size})
	o.Behave("/f", Behaviour{Status: 500, Times: 1})
	if response, _, _ := get(t, o, "/f"); response.StatusCode != 500 {
		t.Error(response.Status)
	}
	next := File{Seed: 2, Size: size}
	o.Behave("/f", Behaviour{ChangeAfter: 1000, ChangeTo: &next})
	_, body, _ := get(t, o, "/f")
	if err := Check(bytes.NewReader(body), 1, size); err != nil {
		t.Error("the running response changed:", err)
	}
	o.Behave("/f", Behaviour{})
	_, body, _ = get(t, o, "/f")
	if err := Check(bytes.NewReader(body), 2, size); err != nil {
		t.Error("the next response did not:", err)
	}
}

func TestHoldAndArrived(t *testing.T) {
	o := New(t)
	o.Set("/f", File{Seed: 1, Size: size})
	release := o.Hold("/f")
	arrived := o.Arrived("/f", 1)
	done := make(chan error, 1)
	go func() {
		response, err := ask(t, o, "GET", "/f")
		if err == nil {
			err = Check(response.Body, 1, size)
		}
		done <- err
	}()
	if r := <-arrived; r.Path != "/f" || r.Status != 0 {
		t.Errorf("%+v", r)
	}
	release()
	if err := <-done; err != nil {
		t.Error(err)
	}

	release = o.HoldAfter("/f", 1000)
	response, err := ask(t, o, "GET", "/f")
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1000)
	if _, err := io.ReadFull(response.Body, first); err != nil {
		t.Fatal(err)
	}
	if n := o.Await("/f", 2).Sent; n > 1000 {
		t.Error("sent", n, "past the gate")
	}
	release()
	if err := CheckRange(response.Body, 1, 1000, size-1000); err != nil {
		t.Error(err)
	}
}

// Stalled and silent requests end with the test, or with their client.
func TestStallAndSilence(t *testing.T) {
	o := New(t)
	o.Set("/f", File{Seed: 1, Size: size})
	o.Behave("/f", Behaviour{StallAfter: 500})
	o.Behave("/g", Behaviour{Silent: true})

	response, err := ask(t, o, "GET", "/f")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, response.Body, 500); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	arrived := o.Arrived("/g", 1)
	go func() { <-arrived; cancel() }()
	r, _ := http.NewRequestWithContext(ctx, "GET", o.URL+"/g", nil)
	if _, err := client(o).Do(r); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestResetDownUp(t *testing.T) {
	o := New(t)
	o.Set("/f", File{Seed: 1, Size: size})
	o.Behave("/f", Behaviour{Reset: true, Times: 1})
	if _, err := ask(t, o, "GET", "/f"); !errors.Is(err, syscall.ECONNRESET) {
		t.Error("reset:", err)
	}
	o.Down()
	if _, err := ask(t, o, "GET", "/f"); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Error("down:", err)
	}
	o.Up()
	if _, body, err := get(t, o, "/f"); err != nil || len(body) != size {
		t.Error("up:", err)
	}
}

func TestRate(t *testing.T) {
	o := New(t)
	o.Set("/f", File{Seed: 1, Size: 50_000})
	o.Behave("/f", Behaviour{Rate: 250_000})
	begin := time.Now()
	if _, _, err := get(t, o, "/f"); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < 180*time.Millisecond {
		t.Error("50 kB at 250 kB/s took", took)
	}
}

func TestDirectories(t *testing.T) {
	o := New(t)
	o.Set("/d/e/f", File{Body: []byte("x")})
	o.Set("/d/a:b c", File{Body: []byte("y")})
	response, _, _ := get(t, o, "/d")
	if response.StatusCode != 301 || response.Header.Get("Location") != o.URL+"/d/" {
		t.Error(response.Status, response.Header)
	}
	_, page, _ := get(t, o, "/d/")
	for _, link := range []string{`href="./e/"`, `href="./a:b%20c"`} {
		if !bytes.Contains(page, []byte(link)) {
			t.Errorf("no %s in %s", link, page)
		}
	}
	if response, _, _ := get(t, o, "/x"); response.StatusCode != 404 {
		t.Error(response.Status)
	}
}

func TestTLS(t *testing.T) {
	o := New(t, TLS())
	o.Set("/f", File{Seed: 1, Size: size})
	response, body, err := get(t, o, "/f")
	if err != nil || response.Proto != "HTTP/2.0" {
		t.Fatal(response.Proto, err)
	}
	if err := Check(bytes.NewReader(body), 1, size); err != nil {
		t.Error(err)
	}
	o.Behave("/f", Behaviour{CutAfter: 5000})
	if _, body, err = get(t, o, "/f"); err == nil || len(body) != 5000 {
		t.Error("cut:", len(body), err)
	}
}

func BenchmarkSynthetic(b *testing.B) {
	p := make([]byte, 1<<20)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		words(1).fill(p, 0)
	}
}
