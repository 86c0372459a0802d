package protocols

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// request is a client that waits for a file.
type request struct {
	*http.Response
	first []byte // what was read of the body
}

// begin asks for a file and reads n bytes of it, which have to come.
func (s *site) begin(t *testing.T, path string, n int64) *request {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*server.Patience)
	t.Cleanup(cancel)
	response, err := s.open(ctx, "GET", path, "")
	if err != nil {
		t.Fatal(err)
	}
	return &request{response, readSome(t, response.Body, n)}
}

// end reads the rest.
func (r *request) end() answer {
	a := read(r.Response)
	a.body = append(r.first, a.body...)
	return a
}

// growing waits until the only part has n bytes and a record, and returns it, open.
func (s *site) growing(t *testing.T, path string, n int64) *os.File {
	t.Helper()
	server.Eventually(t, fmt.Sprintf("a part has %d bytes", n), func() bool { return s.part() >= n })
	server.Eventually(t, "it is recorded", func() bool { return s.recorded(path) })
	return s.openPart(t)
}

// recorded reports whether the record has what the bytes of a part are, without
// which nobody could continue them.
func (s *site) recorded(path string) bool {
	out, err := s.tryCtl("why", "/m/"+path)
	return err == nil && strings.Contains(out, "\nbegun:")
}

// openPart opens the only part: as long as it is open, no other file has its inode.
func (s *site) openPart(t *testing.T) *os.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(s.state, "part", "*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("parts %q, %v", names, err)
	}
	f, err := os.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// became fails unless a part has become the published file.
func (s *site) became(t *testing.T, part *os.File, path string) {
	t.Helper()
	fi, err := part.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(fi, s.published(path)) {
		t.Errorf("%s was begun anew", path)
	}
}

// killed: what a daemon had of a file when it was killed is continued by the next.
func killed(t *testing.T, u *upstream) {
	s := u.mirror(t)
	if u.line == nil {
		killedCopying(t, u, s)
		return
	}
	n := find("tree/sizes/5m")
	u.line.hold(3 * mib)
	r := s.begin(t, n.path, mib)
	<-u.line.stop.reached
	part := s.growing(t, n.path, 2*mib)
	s.kill(syscall.SIGKILL)
	u.line.release()
	if a := r.end(); a.err == nil {
		t.Error("its client was told that it has all")
	}
	before, _ := u.line.count()
	s.start()
	s.wantWhole(n)
	u.wantPublished(t, s, n)
	s.became(t, part, n.path)
	if after, _ := u.line.count(); after-before > 4*mib {
		t.Errorf("%d bytes came after the kill", after-before)
	}
}

// killedCopying is killed for a copy that nothing slows down: it may be over before
// it is noticed, and then there is another.
func killedCopying(t *testing.T, u *upstream, s *site) {
	path := u.own("big")
	for i := range 10 {
		n := &node{path: fmt.Sprintf("%s%d", path, i), size: 16 * mib, seed: 7, mtime: origin.Epoch}
		u.place(n)
		if !s.copying(t, n) || !s.recorded(n.path) {
			s.cmd.Process.Signal(syscall.SIGCONT)
			s.wantWhole(n)
			s.published(n.path)
			continue
		}
		part := s.openPart(t)
		s.kill(syscall.SIGKILL)
		s.start()
		s.wantWhole(n)
		u.wantPublished(t, s, n)
		s.became(t, part, n.path)
		return
	}
	t.Error("every copy was over before it was noticed")
}

// copying asks for a file, and stops the daemon when it has a part of it. It
// reports whether it came in time.
func (s *site) copying(t *testing.T, n *node) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	go func() {
		if response, err := s.open(ctx, "GET", n.path, ""); err == nil {
			read(response)
		}
	}()
	server.Eventually(t, n.path+" grows", func() bool { return s.part() > 2*mib || s.isPublished(n.path) })
	s.cmd.Process.Signal(syscall.SIGSTOP)
	return s.part() < n.size && !s.isPublished(n.path)
}

// cut: a connection that breaks is followed by another, and the client sees nothing.
func cut(t *testing.T, u *upstream) {
	s := u.mirror(t)
	n := find("tree/sizes/5m")
	u.line.hold(3 * mib)
	r := s.begin(t, n.path, mib)
	<-u.line.stop.reached
	part := s.growing(t, n.path, 2*mib)
	u.line.sever()
	u.line.release()
	if err := r.end().whole(n); err != nil {
		t.Error(err)
	}
	u.wantPublished(t, s, n)
	s.became(t, part, n.path)
	if got, _ := u.line.count(); got > n.size+2*mib {
		t.Errorf("%d bytes came over the line", got)
	}
}

// stalled: silence ends a client's answer, and what came is continued later.
func stalled(t *testing.T, u *upstream) {
	s := prepare(t, []string{u.url})
	s.set("header", "3s")
	s.set("idle", "2s")
	s.start()
	n := find("tree/sizes/5m")
	u.line.hold(3 * mib)
	r := s.begin(t, n.path, mib)
	a := r.end()
	if a.err == nil || int64(len(a.body)) >= n.size {
		t.Errorf("%d bytes, %v", len(a.body), a.err)
	}
	if err := origin.CheckRange(bytes.NewReader(a.body), n.seed, 0, int64(len(a.body))); err != nil {
		t.Error(err)
	}
	part := s.growing(t, n.path, 2*mib)
	u.line.release()
	s.wantWhole(n)
	s.became(t, part, n.path)
	u.line.hold(0)
	if a := s.get("tree/deep/a/b/c/d/e/f/g/h/i/j/file"); a.status != http.StatusGatewayTimeout {
		t.Errorf("from a silent server: %d, %q", a.status, a.body)
	}
}

// down: an upstream that is not there has said nothing about what it has.
func down(t *testing.T, u *upstream) {
	s := u.mirror(t, `listing_max_age = "0s"`)
	first := s.ask("GET", "tree/links/", "?format=json")
	u.down()
	for _, path := range []string{"tree/sizes/64k", "tree/none", "tree/sizes/"} {
		if a := s.get(path); a.status != http.StatusBadGateway && a.status != http.StatusGatewayTimeout {
			t.Errorf("%s: %d, %q", path, a.status, a.body)
		}
	}
	if a := s.ask("GET", "tree/links/", "?format=json"); a.status != 200 || !bytes.Equal(a.body, first.body) {
		t.Errorf("a listing that was seen: %d, %q", a.status, a.body)
	}
	if a := s.ask("GET", "tree/links/", ""); !strings.Contains(a.header.Get("Warning"), "Stale") {
		t.Errorf("nothing says that the page is old: %d, %v", a.status, a.header)
	}
	u.up()
	s.wantWhole(find("tree/sizes/64k"))
	if a := s.get("tree/none"); a.status != 404 {
		t.Errorf("what is missing: %d, %q", a.status, a.body)
	}
}

// missing: a 404 is remembered, and a directory's name leads to the directory.
func missing(t *testing.T, u *upstream) {
	s := u.mirror(t)
	for _, path := range []string{"tree/none", "tree/none/below", "tree/sizes/one/below", "tree/names dir+%/[none]*"} {
		for range 2 {
			if a := s.get(path); a.status != 404 {
				t.Errorf("%s: %d, %q", path, a.status, a.body)
			}
		}
		if asked := s.lines(path, "fetch: not found"); len(asked) != 1 {
			t.Errorf("%s was asked for %d times", path, len(asked))
		}
		if a := s.ask("HEAD", path, ""); a.status != 404 {
			t.Errorf("HEAD of %s: %d", path, a.status)
		}
	}
	if a := s.ask("GET", "tree/none/", ""); a.status != 404 {
		t.Errorf("a missing directory: %d, %q", a.status, a.body)
	}
	for path, to := range map[string]string{
		"tree/deep": "/m/tree/deep/", "tree/names dir+%": "/m/tree/names%20dir%2B%25/", "tree/empty dir": "/m/tree/empty%20dir/", "tree/links/down": "/m/tree/links/down/",
	} {
		if a := s.get(path); a.status != http.StatusMovedPermanently || strings.TrimPrefix(a.header.Get("Location"), "http://"+s.addr) != to {
			t.Errorf("%s: %d to %q", path, a.status, a.header.Get("Location"))
		}
	}
}

// wrongPassword: it is the mirror's trouble, and nobody else learns the password.
func wrongPassword(t *testing.T, u *upstream) {
	const wrong = "wr0ng-pa55"
	s := newSite(t, []string{u.as("user", wrong)})
	var all sync.WaitGroup
	for _, path := range []string{"none", "tree/"} {
		all.Go(func() {
			a := s.ask("GET", path, "")
			if a.status != http.StatusBadGateway || bytes.Contains(a.body, []byte(wrong)) || bytes.Contains(a.body, []byte("user")) {
				t.Errorf("%s: %d, %q", path, a.status, a.body)
			}
		})
	}
	for _, args := range [][]string{{"fetch", "/m/other"}, {"ls", "/m/"}, {"ls", u.as("user", wrong)}} {
		all.Go(func() {
			out, err := s.tryCtl(args...)
			if err == nil || strings.Contains(out, wrong) {
				t.Errorf("mirrorctl %s: %v\n%s", args[0], err, out)
			}
		})
	}
	all.Wait()
	if out := s.ctl("why", "/m/none"); strings.Contains(out, wrong) || !strings.Contains(out, `kind "refused"`) {
		t.Errorf("mirrorctl why:\n%s", out)
	}
	s.quiet(wrong)
}

// changedMeanwhile: whatever becomes of a file that changes while it is fetched, no
// client and no docroot ever has a part of each version.
func changedMeanwhile(t *testing.T, u *upstream) {
	path := u.own("file")
	for how, change := range map[string]func(*node){"another file": u.place, "written to": u.rewrite} {
		if how == "written to" && u.is("http") {
			continue // it sends what it finds, and nobody can tell
		}
		before := node{path: path + " " + how, size: 5 * mib, seed: 1, mtime: origin.Epoch}
		s := u.mirror(t)
		var first answer
		if u.line == nil {
			first = s.changeCopying(t, u, &before, change)
		} else {
			u.place(&before)
			u.line.hold(3 * mib)
			r := s.begin(t, before.path, mib)
			<-u.line.stop.reached
			change(before.next())
			u.line.release()
			first = r.end()
		}
		for who, a := range map[string]answer{"the client": first, "the next client": s.get(before.path)} {
			one, other := a.whole(&before), a.whole(before.next())
			if one != nil && other != nil && (a.err == nil || who != "the client") {
				t.Errorf("%s: %s has neither version: %v; %v", how, who, one, other)
			}
		}
	}
}

// next is a later version of a file.
func (n *node) next() *node {
	next := *n
	next.seed, next.mtime = n.seed+1, n.mtime.Add(time.Hour)
	return &next
}

// changeCopying changes a file while it is copied, and returns what the next client
// has. A copy may be over before it is noticed, and then there is another.
func (s *site) changeCopying(t *testing.T, u *upstream, n *node, change func(*node)) answer {
	t.Helper()
	path := n.path
	for i := range 10 {
		n.path, n.size = fmt.Sprintf("%s %d", path, i), 16*mib
		u.place(n)
		during := s.copying(t, n)
		change(n.next())
		s.cmd.Process.Signal(syscall.SIGCONT)
		a := s.get(n.path)
		if during {
			return a
		}
	}
	t.Fatal("every copy was over before it was noticed")
	return answer{}
}

// rewrite writes a version of a file over another, into the same inode.
func (u *upstream) rewrite(n *node) {
	u.t.Helper()
	path := filepath.Join(work, "up", n.path)
	err := os.WriteFile(path, origin.Bytes(n.seed, n.size), 0o644)
	if err == nil {
		err = os.Chtimes(path, n.mtime, n.mtime)
	}
	if err != nil {
		u.t.Fatal(err)
	}
}

// refreshed: names whose content changes are confirmed, and kept while the upstream
// is down.
func refreshed(t *testing.T, u *upstream) {
	one := node{path: u.own("Release"), size: 2000, seed: 1, mtime: origin.Epoch}
	two := one
	two.size, two.seed, two.mtime = 3000, 2, origin.Epoch.Add(time.Hour)
	u.place(&one)
	s := u.mirror(t, `max_age = "0s"`, `max_stale = "0s"`)
	s.wantWhole(&one)
	server.Eventually(t, "it is published", func() bool { return len(s.lines(one.path, "fetch: published")) == 1 })
	u.wantPublished(t, s, &one)
	s.wantWhole(&one)
	if len(s.lines(one.path, "fetch: published")) != 1 || len(s.lines(one.path, "fetch: not modified")) == 0 {
		t.Error("it was not asked for conditionally")
	}
	u.place(&two)
	// A client waits for two seconds at most: on a busy machine it may be the next.
	server.Eventually(t, "it is replaced", func() bool { return s.get(two.path).whole(&two) == nil })
	server.Eventually(t, "it is recorded", func() bool { return len(s.lines(one.path, "fetch: published")) == 2 })
	u.down()
	s.wantWhole(&two)
	u.wantPublished(t, s, &two)
}
