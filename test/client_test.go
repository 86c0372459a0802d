package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// answer is what a client got. err is set when the body broke off.
type answer struct {
	status int
	header http.Header
	length int64 // Content-Length, -1 if none
	body   []byte
	err    error
}

// client keeps no connections and takes what comes as it comes.
var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: server.Patience},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// open sends one request with target as it stands, and returns when the header
// is there. headers are name, value, name, value.
func (s *site) open(ctx context.Context, method, target string, headers ...string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, s.URL, nil)
	if err != nil {
		return nil, err
	}
	r.URL.Opaque = escapedPath(s.base) + target
	if strings.HasPrefix(r.URL.Opaque, "//") {
		r.URL.Opaque = s.URL + target // else it would be taken for a host
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return client.Do(r)
}

// escapedPath is a path as clients write it.
func escapedPath(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// ask sends one request and reads all of its answer. It follows no redirect.
func (s *site) ask(t *testing.T, method, target string, headers ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*server.Patience)
	defer cancel()
	a, err := s.tryAsk(ctx, method, target, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return a
}

func (s *site) tryAsk(ctx context.Context, method, target string, headers ...string) (answer, error) {
	response, err := s.open(ctx, method, target, headers...)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header, length: response.ContentLength}
	a.body, a.err = io.ReadAll(response.Body)
	return a, nil
}

// get is a GET that follows redirects as apt does: a few, and never twice to the
// same place.
func (s *site) get(t *testing.T, target string, headers ...string) answer {
	t.Helper()
	a, err := s.tryGet(t.Context(), target, headers...)
	if err != nil {
		t.Fatalf("GET %s: %v", target, err)
	}
	return a
}

func (s *site) tryGet(ctx context.Context, target string, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*server.Patience)
	defer cancel()
	seen := map[string]bool{}
	for !seen[target] && len(seen) < 5 {
		seen[target] = true
		a, err := s.tryAsk(ctx, "GET", target, headers...)
		if err != nil || a.status/100 != 3 || a.status == http.StatusNotModified {
			return a, err
		}
		here, err := url.Parse(s.URL + escapedPath(s.base) + target)
		if err != nil {
			return a, err
		}
		next, err := here.Parse(a.header.Get("Location"))
		if err != nil {
			return a, err
		}
		if next.Host != s.addr {
			return a, nil // to the upstream
		}
		var inside bool
		if target, inside = strings.CutPrefix(next.RequestURI(), escapedPath(s.base)); !inside {
			return a, fmt.Errorf("a redirect out of the docroot: %s", next)
		}
	}
	return answer{}, fmt.Errorf("a redirection loop at %s: %v", target, seen)
}

// whole fails unless a is all of f, and says so rightly.
func (a answer) whole(t *testing.T, f origin.File) {
	t.Helper()
	if err := a.isWhole(f); err != nil {
		t.Fatal(err)
	}
	if a.length != int64(len(a.body)) {
		t.Errorf("Content-Length %d, body of %d", a.length, len(a.body))
	}
	a.modified(t, f)
}

func (a answer) isWhole(f origin.File) error {
	switch {
	case a.status != 200:
		return fmt.Errorf("status %d: %.200q", a.status, a.body)
	case a.err != nil:
		return a.err
	}
	return sameFile(f, a.body)
}

// part fails unless a is the range of f from first, n bytes long.
func (a answer) part(t *testing.T, f origin.File, first, n int64) {
	t.Helper()
	if a.status != http.StatusPartialContent || a.err != nil {
		t.Fatalf("status %d, %v", a.status, a.err)
	}
	if err := origin.CheckRange(bytes.NewReader(a.body), f.Seed, first, n); err != nil {
		t.Fatal(err)
	}
}

func (a answer) modified(t *testing.T, f origin.File) {
	t.Helper()
	want := f.ModTime
	if want.IsZero() {
		want = origin.Epoch
	}
	if got := a.header.Get("Last-Modified"); got != want.Format(http.TimeFormat) {
		t.Errorf("Last-Modified %q, upstream's is %v", got, want)
	}
}

func sameFile(f origin.File, body []byte) error {
	if f.Body == nil {
		return origin.Check(bytes.NewReader(body), f.Seed, f.Size)
	}
	if !bytes.Equal(f.Body, body) {
		return fmt.Errorf("another content: %.200q", body)
	}
	return nil
}

// tool runs a client program in dir and returns what it printed.
func tool(t *testing.T, dir, program, debianPackage string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, server.Installed(t, program, debianPackage), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
