package load

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"mirror/bench/content"
)

// serve answers every path with the file at its path after change.
func serve(t *testing.T, change func(string) string) (addr string) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := content.Of(change(r.URL.Path))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = io.Copy(w, content.NewReader(f))
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func TestGet(t *testing.T) {
	c := NewClient(serve(t, func(path string) string { return path }))
	defer c.Close()
	for _, size := range []int64{0, 1, 4096, 3 << 20} {
		timing, err := c.Get(t.Context(), content.Path(size, "a"))
		if err != nil {
			t.Fatal(err)
		}
		if size > 0 && (timing.First <= 0 || timing.Last < timing.First) {
			t.Errorf("%d bytes: %+v", size, timing)
		}
	}
}

// apt-cacher-ng's URLs have the origin's address before the path.
func TestPrefix(t *testing.T) {
	addr := serve(t, func(path string) string { return strings.TrimPrefix(path, "/one.example:80") })
	c := NewClient(addr + "/one.example:80")
	defer c.Close()
	if _, err := c.Get(t.Context(), content.Path(4096, "a")); err != nil {
		t.Error(err)
	}
}

func TestRangeAndLeaving(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, _ := content.Of(r.URL.Path)
		http.ServeContent(w, r, "", time.Time{}, content.NewReader(f))
	}))
	defer srv.Close()
	c := NewClient(strings.TrimPrefix(srv.URL, "http://"))
	defer c.Close()
	path := content.Path(64<<20, "a")
	for _, q := range []Request{
		{Path: path, From: 1000, To: 2 << 20},
		{Path: path, Enough: 1},
		{Path: path, From: 63 << 20, To: 64 << 20},
	} {
		if timing, err := c.Do(t.Context(), q); err != nil || timing.First <= 0 {
			t.Errorf("%+v: %+v, %v", q, timing, err)
		}
	}
	// A server that knows no ranges is not taken for one that answers them.
	plain := NewClient(serve(t, func(path string) string { return path }))
	defer plain.Close()
	if _, err := plain.Do(t.Context(), Request{Path: content.Path(4096, "a"), From: 1, To: 2}); err == nil {
		t.Error("a whole file passes for a range")
	}
}

func TestWrongBodyIsAnError(t *testing.T) {
	for what, change := range map[string]func(string) string{
		"another file": func(path string) string { return path + "x" },
		"a short body": func(path string) string { return strings.Replace(path, "4096", "4095", 1) },
		"a 404":        func(string) string { return "/" },
	} {
		addr := serve(t, change)
		if _, err := Herd(t.Context(), addr, content.Path(4096, "a"), 3); err == nil {
			t.Errorf("%s passes", what)
		}
	}
}

// A server may close a connection that it kept alive at any time.
func TestClosedConnectionIsReplaced(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, _ := content.Of(r.URL.Path)
		_, _ = io.Copy(w, content.NewReader(f))
	}))
	defer srv.Close()
	c := NewClient(strings.TrimPrefix(srv.URL, "http://"))
	defer c.Close()
	for range 3 {
		if _, err := c.Get(t.Context(), content.Path(10, "a")); err != nil {
			t.Fatal(err)
		}
		srv.CloseClientConnections()
	}
}
