package test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// suite is what every front has to do, from basic to complex. The steps share one
// site, and each uses names of its own.
var suite = []struct {
	name string
	run  func(*testing.T, *site)
}{
	{"a miss is fetched, then it is a static hit", missThenHit},
	{"HEAD never downloads", headOfMissing},
	{"ranges of a miss and of a hit", ranges},
	{"conditional requests", conditional},
	{"404 is the upstream's", notFound},
	{"trouble upstream", trouble},
	{"methods", methods},
	{"twenty clients, one fetch", herd},
	{"the first byte does not wait for the last", firstByte},
	{"miss = wait", waiting},
	{"miss = redirect", redirecting},
	{"strange names", strangeNames},
	{"directories", directories},
	{"a mutable name is asked again", mutable},
	{"mutable names that are never in the docroot", aside},
	{"a mutable name ages", aging},
	{"entity tags", entityTags},
	{"a download goes on after publication", resumed},
	{"headers of clients declare nothing", clientHeaders},
	{"wget, curl, aria2", downloaders},
	{"dangerous paths", dangerousPaths},
	{"hidden names", hiddenNames},
	{"apt", apt},
	{"the pages of a Python index", pages},
	{"a handler that dies is no short success", brokenDelivery},
	{"without a handler", withoutHandler},
}

func TestFronts(t *testing.T) {
	for _, f := range fronts {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, f)
			for _, step := range suite {
				t.Run(step.name, func(t *testing.T) { step.run(t, s) })
			}
		})
	}
}

// offer puts a file upstream and returns the target that a client asks for.
func (s *site) offer(name string, f origin.File) string {
	s.upstream.Set(pub+name, f)
	return name
}

const kib = 1 << 10

func missThenHit(t *testing.T, s *site) {
	f := origin.File{Seed: 1, Size: 300*kib + 1}
	target := s.offer("/debian/pool/main/a/a_1.0-1_amd64.deb", f)
	first := s.get(t, target)
	first.whole(t, f)

	info := s.published(t, target)
	if info.Mode() != 0o644 {
		t.Errorf("mode %v in the docroot", info.Mode())
	}
	if !info.ModTime().Equal(origin.Epoch) {
		t.Errorf("mtime %v, upstream's is %v", info.ModTime(), origin.Epoch)
	}
	for dir := filepath.Dir(target); dir != "/"; dir = filepath.Dir(dir) {
		if info, err := os.Stat(s.docroot + dir); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("directory %s: %v, %v", dir, info.Mode(), err)
		}
	}
	if s.front.handler == builtin {
		s.get(t, target).whole(t, f)
	} else {
		s.frozen(t, func() { s.get(t, target).whole(t, f) })
	}
	if n := s.upstream.Count(pub+target, ""); n != 1 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

func headOfMissing(t *testing.T, s *site) {
	f := origin.File{Seed: 2, Size: 50 * kib}
	target := s.offer("/debian/head.deb", f)
	a := s.ask(t, "HEAD", target)
	if a.status != 200 || a.length != f.Size {
		t.Errorf("status %d, Content-Length %d", a.status, a.length)
	}
	a.modified(t, f)
	if n := s.upstream.Count(pub+target, "GET"); n != 0 {
		t.Errorf("HEAD made %d GETs upstream", n)
	}
	if _, err := os.Lstat(s.docroot + target); err == nil {
		t.Error("HEAD downloaded the file")
	}
	if a := s.ask(t, "HEAD", "/debian/no-such-head.deb"); a.status != 404 {
		t.Errorf("HEAD of what is nowhere: %d", a.status)
	}
}

func ranges(t *testing.T, s *site) {
	f := origin.File{Seed: 3, Size: 400 * kib}
	target := s.offer("/debian/ranges.deb", f)
	for _, when := range []string{"miss", "hit"} {
		s.get(t, target, "Range", "bytes=1001-100000").part(t, f, 1001, 99000)
		s.published(t, target)
		if a := s.get(t, target, "Range", "bytes=-500"); a.status == 206 {
			a.part(t, f, f.Size-500, 500)
		} else {
			t.Errorf("%s: a suffix: %d", when, a.status)
		}
		if a := s.get(t, target, "Range", fmt.Sprintf("bytes=%d-", f.Size)); a.status != 416 {
			t.Errorf("%s: a range past the end: %d", when, a.status)
		}
	}
	if n := s.upstream.Sent(pub + target); n > f.Size+100*kib {
		t.Errorf("the upstream sent %d bytes for a file of %d", n, f.Size)
	}
}

func conditional(t *testing.T, s *site) {
	f := origin.File{Seed: 4, Size: 20 * kib}
	target := s.offer("/debian/conditional.deb", f)
	// Of a miss both are right: 304, and the file.
	if a := s.get(t, target, "If-Modified-Since", origin.Epoch.Format(http.TimeFormat)); a.status != 304 {
		a.whole(t, f)
	}
	s.get(t, target).whole(t, f)
	s.published(t, target)
	hit := s.get(t, target)
	hit.whole(t, f)
	if a := s.ask(t, "GET", target, "If-Modified-Since", origin.Epoch.Format(http.TimeFormat)); a.status != 304 || len(a.body) != 0 {
		t.Errorf("If-Modified-Since: %d", a.status)
	}
	if tag := hit.header.Get("ETag"); tag == "" {
		t.Error("a hit has no ETag")
	} else if a := s.ask(t, "GET", target, "If-None-Match", tag); a.status != 304 {
		t.Errorf("If-None-Match: %d", a.status)
	}
	s.get(t, target, "If-Modified-Since", origin.Epoch.Add(-time.Hour).Format(http.TimeFormat)).whole(t, f)
	if a := s.get(t, target, "Range", "bytes=0-9", "If-Range", `"another"`); a.status != 200 {
		t.Errorf("If-Range of another version: %d", a.status)
	}
}

func notFound(t *testing.T, s *site) {
	const target = "/debian/nowhere.deb"
	for range 3 {
		if a := s.get(t, target); a.status != 404 {
			t.Fatalf("status %d", a.status)
		}
	}
	if n := s.upstream.Count(pub+target, ""); n != 1 {
		t.Errorf("the upstream was asked %d times in one negative TTL", n)
	}
	s.upstream.Behave(pub+"/debian/gone.deb", origin.Behaviour{Status: 410})
	if a := s.get(t, "/debian/gone.deb"); a.status != 404 && a.status != 410 {
		t.Errorf("410 became %d", a.status)
	}
	before := len(s.upstream.Requests())
	if a := s.get(t, "/elsewhere/a.deb"); a.status != 404 {
		t.Errorf("outside all prefixes: %d", a.status)
	}
	if n := len(s.newlyAsked(before)); n != 0 {
		t.Errorf("outside all prefixes, %d requests went upstream", n)
	}
}

func trouble(t *testing.T, s *site) {
	f := origin.File{Seed: 5, Size: 80 * kib}
	for _, c := range []struct {
		name      string
		behaviour origin.Behaviour
		status    int
	}{
		{"500", origin.Behaviour{Status: 500}, 502},
		{"503", origin.Behaviour{Status: 503}, 502},
		{"401", origin.Behaviour{Status: 401}, 502},
		{"403", origin.Behaviour{Status: 403}, 502},
		{"429", origin.Behaviour{Status: 429, RetryAfter: "1"}, 503},
		{"204", origin.Behaviour{Status: 204}, 502},
		{"portal", origin.Behaviour{Portal: true}, 502},
		{"reset", origin.Behaviour{Reset: true}, 502},
		{"silent", origin.Behaviour{Silent: true}, 504},
	} {
		target := s.offer("/debian/trouble-"+c.name+".deb", f)
		s.upstream.Behave(pub+target, c.behaviour)
		if a := s.get(t, target); a.status != c.status {
			t.Errorf("%s: %d, not %d", c.name, a.status, c.status)
		}
		if _, err := os.Lstat(s.docroot + target); err == nil {
			t.Errorf("%s: something was published", c.name)
		}
		// It is over, and nothing remembers it.
		s.upstream.Behave(pub+target, origin.Behaviour{})
		s.get(t, target).whole(t, f)
	}

	// A delivery that broke for good must not look whole; once the upstream is well
	// again, the file is.
	f = origin.File{Seed: 6, Size: 400 * kib}
	target := s.offer("/debian/trouble-cut.deb", f)
	s.upstream.Behave(pub+target, origin.Behaviour{CutAfter: 200 * kib, RangeStatus: 500})
	if a := s.get(t, target); a.status == 200 && a.err == nil {
		t.Errorf("a body cut at half looks whole: %d bytes of %d", len(a.body), a.length)
	} else if a.status != 200 && a.status != 502 {
		t.Errorf("a body cut at half: %d", a.status)
	}
	s.upstream.Behave(pub+target, origin.Behaviour{})
	s.get(t, target).whole(t, f)
	// One that can be resumed is, and its client notices nothing.
	target = s.offer("/debian/trouble-resumed.deb", f)
	s.upstream.Behave(pub+target, origin.Behaviour{CutAfter: 200 * kib, Times: 1})
	s.get(t, target).whole(t, f)
}

func methods(t *testing.T, s *site) {
	f := origin.File{Seed: 7, Size: 10 * kib}
	hit, miss := s.offer("/debian/methods-hit.deb", f), s.offer("/debian/methods-miss.deb", f)
	s.get(t, hit).whole(t, f)
	s.published(t, hit)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"} {
		for _, target := range []string{hit, miss} {
			want := 405
			if odd, ok := s.front.methods[method]; ok {
				want = odd
			}
			if a := s.ask(t, method, target); a.status != want {
				t.Errorf("%s %s: %d, not %d", method, target, a.status, want)
			}
		}
	}
	if n := s.upstream.Count(pub+miss, ""); n != 0 {
		t.Errorf("the upstream was asked %d times", n)
	}
	s.get(t, hit).whole(t, f)
}

func herd(t *testing.T, s *site) {
	f := origin.File{Seed: 8, Size: 2 << 20}
	target := s.offer("/debian/herd.deb", f)
	// Slow enough that all of them come while it is fetched.
	s.upstream.Behave(pub+target, origin.Behaviour{Rate: 4 << 20})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			a, err := s.tryGet(t.Context(), target)
			if err == nil {
				err = a.isWhole(f)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := s.upstream.Count(pub+target, "GET"); n != 1 {
		t.Errorf("%d fetches for 20 clients", n)
	}
	if n := s.upstream.Sent(pub + target); n != f.Size {
		t.Errorf("the upstream sent %d bytes for a file of %d", n, f.Size)
	}
}

// firstByte holds the upstream in the middle of a file. A front that streams
// delivers what has come by then; no other sends a byte before the last has come.
func firstByte(t *testing.T, s *site) {
	f := origin.File{Seed: 9, Size: 1 << 20}
	target := s.offer("/debian/first-byte.deb", f)
	release := s.upstream.HoldAfter(pub+target, 512*kib)
	defer release()
	if !s.front.streams {
		done := make(chan answer, 1)
		go func() { done <- s.get(t, target) }()
		s.upstream.Await(pub+target, 1)
		release()
		(<-done).whole(t, f)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), server.Patience)
	defer cancel()
	response, err := s.open(ctx, "GET", target)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.ContentLength != f.Size {
		t.Errorf("Content-Length %d", response.ContentLength)
	}
	if err := origin.CheckRange(io.LimitReader(response.Body, 256*kib), f.Seed, 0, 256*kib); err != nil {
		t.Fatal("while the upstream was held:", err)
	}
	release()
	if err := origin.CheckRange(response.Body, f.Seed, 256*kib, f.Size-256*kib); err != nil {
		t.Fatal(err)
	}
}

// brokenDelivery kills every handler in the middle of a delivery. MIRROR_STREAM says
// that the client can tell; and the next request carries on.
func brokenDelivery(t *testing.T, s *site) {
	if !s.front.streams {
		return
	}
	f := origin.File{Seed: 20, Size: 1 << 20}
	target := s.offer("/debian/broken.deb", f)
	release := s.upstream.HoldAfter(pub+target, 512*kib)
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), server.Patience)
	defer cancel()
	response, err := s.open(ctx, "GET", target)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.CopyN(io.Discard, response.Body, 256*kib); err != nil {
		t.Fatal(err)
	}
	s.endHandlers(t)
	if rest, err := io.Copy(io.Discard, response.Body); err == nil || ctx.Err() != nil {
		t.Fatalf("after %d bytes more: %v", rest, err)
	}
	// What the upstream hands to a dead connection would be counted as sent.
	server.Eventually(t, "the upstream notices", func() bool {
		for _, r := range s.upstream.Requests() {
			if r.Path == pub+target && r.End.IsZero() {
				return false
			}
		}
		return true
	})
	release()
	if s.front.handler == daemon || s.front.handler == builtin {
		s.startDaemon(t)
	}
	// A front may avoid a handler that has just failed, for a moment.
	var a answer
	server.Eventually(t, "the front asks the new handler", func() bool {
		a = s.get(t, target)
		return a.status/100 != 5
	})
	a.whole(t, f)
	if n := s.upstream.Sent(pub + target); n > f.Size+512*kib {
		t.Errorf("the upstream sent %d bytes for a file of %d", n, f.Size)
	}
}

func waiting(t *testing.T, s *site) {
	f := origin.File{Seed: 10, Size: 300 * kib}
	target := s.offer("/wait/a.deb", f)
	a := s.ask(t, "GET", target)
	if s.front.redirects {
		if a.status != 302 || a.header.Get("Location") != s.base+target+"?_m=1" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d to %q", a.status, a.header)
		}
		a = s.get(t, target)
	}
	a.whole(t, f)
	s.get(t, target, "Range", "bytes=5-9").part(t, f, 5, 5)

	// Past max_wait the client is sent to the upstream, and the fetch goes on.
	target = s.offer("/wait/slow.deb", f)
	release := s.upstream.HoldAfter(pub+target, 200*kib)
	defer release()
	a = s.get(t, target)
	if a.status != 302 || a.header.Get("Location") != s.upstream.URL+pub+target {
		t.Errorf("past max_wait: %d to %q", a.status, a.header.Get("Location"))
	}
	if cc := a.header.Get("Cache-Control"); cc != "no-store" {
		t.Errorf("Cache-Control %q of a redirect", cc)
	}
	release()
	s.published(t, target)
	if n := s.upstream.Count(pub+target, "GET"); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func redirecting(t *testing.T, s *site) {
	f := origin.File{Seed: 11, Size: 100 * kib}
	target := s.offer("/redirect/a.deb", f)
	a := s.ask(t, "GET", target)
	if a.status != 302 || a.header.Get("Location") != s.upstream.URL+pub+target {
		t.Errorf("%d to %q", a.status, a.header.Get("Location"))
	}
	s.published(t, target)
	s.get(t, target).whole(t, f)
}
