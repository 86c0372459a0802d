package protocols

import (
	"net/http"
	"slices"
	"sync"
	"testing"

	"mirror/internal/server"

	"mirror"
)

// TestMixed: upstreams of several protocols stand in for each other.
func TestMixed(t *testing.T) {
	t.Parallel()
	web := called("nginx").serve(t)
	for _, name := range []string{"rsync", "vsftpd", "proftpd", "file"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := called(name).serve(t)
			t.Run("goes on", func(t *testing.T) {
				t.Parallel()
				continued(t, web.reach(t), other.reach(t))
			})
			if other.start != nil {
				t.Run("is followed", func(t *testing.T) {
					t.Parallel()
					continued(t, other.reach(t), web.reach(t))
				})
				t.Run("is late", func(t *testing.T) {
					t.Parallel()
					late(t, other.reach(t), web.reach(t))
				})
			}
			t.Run("is fetched from meanwhile", func(t *testing.T) {
				t.Parallel()
				referred(t, other.reach(t), web.reach(t))
			})
		})
	}
}

func called(name string) *protocol {
	return protocols[slices.IndexFunc(protocols, func(p *protocol) bool { return p.name == name })]
}

// continued: what one protocol has broken off is continued by another, for clients
// that notice nothing.
func continued(t *testing.T, first, second *upstream) {
	s := newSite(t, []string{first.url, second.url})
	n := find("tree/sizes/5m")
	first.line.hold(3 * mib)
	r := s.begin(t, n.path, mib)
	<-first.line.stop.reached
	part := s.growing(t, n.path, 2*mib)
	first.line.down()
	first.line.release()
	if err := r.end().whole(n); err != nil {
		t.Error(err)
	}
	s.became(t, part, n.path)
	second.wantPublished(t, s, n)
	s.fetchedOnce(t, n.path)
	if from := s.lines(n.path, "fetch: published", "upstream="+second.public()); len(from) != 1 {
		t.Errorf("it did not end with %s", second.public())
	}
	if second.line != nil {
		if got, _ := second.line.count(); got > n.size-2*mib {
			t.Errorf("%d bytes came from the second", got)
		}
	}
}

// referred: who asks for a missing file is sent to the upstream that a browser
// understands, without its password, while the file is fetched from the first.
func referred(t *testing.T, first, web *upstream) {
	s := newSite(t, []string{first.url, web.url}, `miss = "redirect"`)
	n := find("tree/names dir+%/a b")
	a := s.get(n.path)
	if want := web.public() + mirror.Name(n.path).Escape(); a.status != http.StatusFound || a.header.Get("Location") != want {
		t.Errorf("%d to %q, not to %q", a.status, a.header.Get("Location"), want)
	}
	first.wantPublished(t, s, n)
	s.wantWhole(n)
	s.quiet(server.Password)
}

// late: a client that has waited for max_wait is sent there, too. Where no upstream
// speaks HTTP it is asked to come again.
func late(t *testing.T, first, web *upstream) {
	n := find("tree/sizes/64k")
	for _, upstreams := range [][]string{{first.url, web.url}, {first.url}} {
		s := prepare(t, upstreams, `miss = "wait"`)
		s.set("max_wait", "1s")
		s.start()
		first.line.hold(0)
		a := s.get(n.path)
		if len(upstreams) == 1 {
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
				t.Errorf("%d, %v", a.status, a.header)
			}
		} else if want := web.public() + n.path; a.status != http.StatusFound || a.header.Get("Location") != want {
			t.Errorf("%d to %q, not to %q", a.status, a.header.Get("Location"), want)
		}
		first.line.release()
		first.wantPublished(t, s, n)
	}
}

// TestFewConnections: a server that takes but two of us at a time serves everybody.
func TestFewConnections(t *testing.T) {
	t.Parallel()
	few := *called("vsftpd")
	few.start = func(_ *testing.T, s *server.Server) { s.Vsftpd("max_clients=2\n") }
	s := few.serve(t).reach(t).mirror(t)
	var clients sync.WaitGroup
	for i := range tree {
		n := &tree[i]
		if n.size == 100 && n.base() != "new\nline" {
			clients.Go(func() { s.wantWhole(n) })
		}
	}
	clients.Wait()
}
