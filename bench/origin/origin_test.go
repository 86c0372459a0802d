package origin

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"mirror/bench/content"
)

func TestRangeAndCounts(t *testing.T) {
	s := new(server)
	srv := httptest.NewServer(http.HandlerFunc(s.file))
	defer srv.Close()
	path := content.Path(300000, "a")
	f, err := content.Of(path)
	if err != nil {
		t.Fatal(err)
	}
	all, _ := io.ReadAll(content.NewReader(f))
	for _, c := range []struct {
		header string
		status int
		body   string
	}{
		{"", http.StatusOK, string(all)},
		{"bytes=100000-200000", http.StatusPartialContent, string(all[100000:200001])},
		{"bytes=299999-", http.StatusPartialContent, string(all[299999:])},
	} {
		r, _ := http.NewRequest(http.MethodGet, srv.URL+path, nil)
		r.Header.Set("Range", c.header)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != c.status || string(body) != c.body {
			t.Errorf("%q: %s and %d bytes (%v)", c.header, resp.Status, len(body), err)
		}
	}
	want := Count{Requests: 3, Asked: 300000 + 100001 + 1, Sent: 300000 + 100001 + 1}
	if got := s.counts.paths[path]; got != want {
		t.Errorf("counted %+v instead of %+v", got, want)
	}
}

// Who leaves in the middle of a file was not sent the rest.
func TestSent(t *testing.T) {
	s := new(server)
	s.rate.Store(1e6)
	ended := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		s.file(w, r)
	}))
	defer srv.Close()
	path := content.Path(1<<30, "a")
	resp, err := http.Get(srv.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	<-ended
	if got := s.counts.paths[path]; got.Asked != 1<<30 || got.Sent < 1000 || got.Sent > 64<<20 {
		t.Errorf("counted %+v", got)
	}
}

func TestRate(t *testing.T) {
	s := new(server)
	s.rate.Store(10e6)
	srv := httptest.NewServer(http.HandlerFunc(s.file))
	defer srv.Close()
	start := time.Now()
	resp, err := http.Get(srv.URL + content.Path(2e6, "a"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	// Never faster; how much slower is up to the machine.
	if took := time.Since(start); took < 180*time.Millisecond {
		t.Errorf("2 MB at 10 MB/s took %s", took)
	}
}

// Two connections get no more than one does of a line that they share.
func TestLine(t *testing.T) {
	s := new(server)
	s.line.set(10e6)
	srv := httptest.NewServer(http.HandlerFunc(s.file))
	defer srv.Close()
	start := time.Now()
	failed := make(chan error, 2)
	for range 2 {
		go func() {
			resp, err := http.Get(srv.URL + content.Path(1e6, "a"))
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			failed <- err
		}()
	}
	if err := errors.Join(<-failed, <-failed); err != nil {
		t.Fatal(err)
	}
	// The last block of each is there before the line is free again; each on a line
	// of its own would take half of this.
	least := time.Duration(float64(2e6-2*(256<<10)) / 10e6 * float64(time.Second))
	if took := time.Since(start); took < least {
		t.Errorf("2 MB at 10 MB/s took %s, which is less than %s", took, least)
	}
}
