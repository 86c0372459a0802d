package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// upstreamIs puts a server of the test's own in the place of the only upstream.
func (s *site) upstreamIs(h http.HandlerFunc) {
	server := httptest.NewServer(h)
	s.t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	u, err := url.Parse(server.URL + "/")
	if err != nil {
		s.t.Fatal(err)
	}
	s.conf.Mirrors[0].Upstream[0] = u
}

// TestAnswerLongerThanItSays: a 206 with more than its Content-Range promises
// crashes nothing, and what is published is as long as it was said to be.
func TestAnswerLongerThanItSays(t *testing.T) {
	const size = mib
	content := origin.Bytes(80, size+1000)
	s := newSite(t, "", origin.New(t))
	broken := make(chan struct{})
	first := true
	s.upstreamIs(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Last-Modified", origin.Epoch.Format(http.TimeFormat))
		if first {
			first = false
			w.Header().Set("Content-Length", fmt.Sprint(size))
			w.Write(content[:size/2])
			w.(http.Flusher).Flush()
			<-broken
			panic(http.ErrAbortHandler)
		}
		var from int
		fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, size-1, size))
		w.WriteHeader(http.StatusPartialContent)
		w.(http.Flusher).Flush() // so that it is chunked
		w.Write(content[from:])
	})
	e := s.engine()
	f, err := e.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	close(broken)
	got, err := io.ReadAll(f)
	f.Close()
	if !bytes.Equal(got, content[:len(got)]) || (err == nil && len(got) != size) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	s.settle(e)
	if len(s.docFiles()) > 0 {
		s.wantPublished("m/a", content[:size], origin.Epoch)
	}
}

// TestStallInTheFirstBytes: what is read ahead, to see whether it is HTML, is
// watched too.
func TestStallInTheFirstBytes(t *testing.T) {
	one, two := origin.New(t), origin.New(t)
	for _, o := range []*origin.Origin{one, two} {
		o.Set("/a.deb", origin.File{Seed: 81, Size: mib})
	}
	for _, b := range []origin.Behaviour{{StallAfter: 100}, {StallAfter: 100, Gzip: true}} {
		one.Behave("/a.deb", b)
		s := newSite(t, "[timeouts]\nidle = \"300ms\"\n---\n", one, two)
		if got, err := s.get(s.engine(), "m/a.deb"); err != nil || !bytes.Equal(got, origin.Bytes(81, mib)) {
			t.Errorf("%+v: %d bytes, %v", b, len(got), err)
		}
	}
}

// TestNotModifiedAfterABrokenAnswer: what one upstream began is gone when the
// next says that nothing has changed.
func TestNotModifiedAfterABrokenAnswer(t *testing.T) {
	one, two := origin.New(t), origin.New(t)
	two.Set("/InRelease", origin.File{Seed: 82, Size: 200 << 10})
	one.Set("/InRelease", origin.File{Seed: 82, Size: 200 << 10})
	s := newSite(t, "mutable = [\"InRelease\"]\nmax_age = \"1m\"\n", one, two)
	e := s.engine()
	if _, err := s.get(e, "m/InRelease"); err != nil {
		t.Fatal(err)
	}
	s.settle(e)
	one.Set("/InRelease", origin.File{Seed: 83, Size: 300 << 10, ModTime: origin.Epoch.Add(time.Hour)})
	one.Behave("/InRelease", origin.Behaviour{CutAtOnce: true})
	s.clock.advance(10 * time.Minute)
	if _, err := s.get(e, "m/InRelease"); err != nil {
		t.Fatal(err)
	}
	s.settle(e)
	if n := two.Count("/InRelease", ""); n != 1 {
		t.Errorf("the second upstream was asked %d times", n)
	}
	s.wantNoParts()
	if held, err := e.tree.Locks.Noted("m/InRelease", live); held || err != nil {
		t.Errorf("the part that is gone is said to be confirmed: %v, %v", held, err)
	}
}

// TestRestartReachesOtherProcesses: a follower does not wait for the end of a
// download that is not its own any more.
func TestRestartReachesOtherProcesses(t *testing.T) {
	const size = 4 * mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 84, Size: size})
	s := newSite(t, "", o)
	e, other := s.engine(), s.engine()
	release := o.HoldAfter("/a", mib)
	if err := e.Start(s.ctx(), "m/a"); err != nil {
		t.Fatal(err)
	}
	f, err := other.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o.Behave("/a", origin.Behaviour{CutAfter: mib, Times: 1}) // of requests to come
	o.Set("/a", origin.File{Seed: 85, Size: size, ModTime: origin.Epoch.Add(time.Hour)})
	o.Down() // breaks the one that runs
	o.Up()
	defer release() // the new version stands still: only the news of it is waited for
	got, err := io.ReadAll(f)
	if !errors.Is(err, mirror.ErrChanged) || !bytes.Equal(got, origin.Bytes(84, size)[:len(got)]) {
		t.Errorf("%d bytes, %v, want ErrChanged", len(got), err)
	}
}

// TestSmallFileAcrossProcesses: it is read when it is checked, not when it is
// published.
func TestSmallFileAcrossProcesses(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 86, Size: 1000})
	s := newSite(t, "", o)
	e := s.engine()
	e.publish.start.Do(func() {}) // the publisher sleeps
	if err := e.Start(s.ctx(), "m/a"); err != nil {
		t.Fatal(err)
	}
	if got, err := s.get(s.engine(), "m/a"); err != nil || !bytes.Equal(got, origin.Bytes(86, 1000)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if files := s.docFiles(); len(files) > 0 {
		t.Errorf("published %v", files)
	}
	go e.publish.run()
	s.settle(e)
}
