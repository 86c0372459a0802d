package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mirror"
	"mirror/internal/loopback"
	"mirror/internal/origin"
)

// handing is an engine as a CGI process has it, and what it gave to workers: for each
// the number of files, 1 for the lock alone.
type handing struct {
	*Engine
	mu     sync.Mutex
	handed []int // guarded by mu
}

func (s *site) handing() *handing {
	begin := make(chan struct{})
	close(begin)
	h := &handing{Engine: s.spawning(begin)}
	spawn := h.spawn
	h.spawn = func(name mirror.Name, files []*os.File) error {
		h.mu.Lock()
		h.handed = append(h.handed, len(files))
		h.mu.Unlock()
		return spawn(name, files)
	}
	return h
}

func (h *handing) toWorkers() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return fmt.Sprint(h.handed)
}

// wantSoon is wantPublished for who does not know when whoever fetches it is ready.
func (s *site) wantSoon(name mirror.Name, content []byte, mtime time.Time) {
	s.t.Helper()
	s.until("it is published", func() bool { _, err := os.Stat(s.path(name)); return err == nil })
	s.wantPublished(name, content, mtime)
}

// asked is what toWorkers says of a fetch that a worker went on with, and of one that it
// began.
const (
	nobody = "[]"
	asked  = "[3]"
	anew   = "[1]"
)

// TestBrief: whatever a file turns out to be, and whoever fetches it then, its upstream is
// asked once, and for each byte once.
func TestBrief(t *testing.T) {
	const small, large = 4 << 10, 2 * mib
	for _, test := range []struct {
		name   string
		size   int64
		b      origin.Behaviour
		path   string // "/a.deb" unless set
		worker string
		gets   int // 1 unless set
		err    error
		sent   int64 // the size unless set; -1: not looked at
	}{
		{name: "small", size: small, worker: nobody},
		{name: "empty", size: 0, worker: nobody},
		{name: "the largest that is small", size: mirror.HoldBack, worker: nobody},
		{name: "the smallest that is not", size: mirror.HoldBack + 1, worker: asked},
		{name: "large", size: large, worker: asked},
		{name: "chunked", size: small, b: origin.Behaviour{Chunked: true}, worker: asked},
		{name: "chunked and large", size: large, b: origin.Behaviour{Chunked: true}, worker: asked},
		{name: "without framing", size: large, b: origin.Behaviour{CloseDelimited: true}, worker: asked},
		{name: "late", size: small, b: origin.Behaviour{Delay: briefTime + briefTime/4}, worker: asked},
		{name: "slow", size: 32 << 10, b: origin.Behaviour{Rate: 16 << 10}, worker: asked},
		{name: "404", b: origin.Behaviour{Status: 404}, worker: nobody, err: mirror.ErrNotFound, sent: -1},
		{name: "503", b: origin.Behaviour{Status: 503, RetryAfter: "1"}, worker: asked, err: mirror.ErrBroken, sent: -1},
		{name: "reset", size: small, b: origin.Behaviour{Reset: true}, worker: asked, gets: 2, err: mirror.ErrBroken, sent: -1},
		{name: "reset once", size: small, b: origin.Behaviour{Reset: true, Times: 1}, worker: asked, gets: 2},
		{name: "a page where none can be", size: small, b: origin.Behaviour{Portal: true}, worker: asked, err: mirror.ErrBroken, sent: -1},
		{name: "redirected", size: small, b: origin.Behaviour{Redirect: "/other"}, worker: asked, sent: -1},
		{name: "cut off after the header", size: large, b: origin.Behaviour{CutAtOnce: true, Times: 1}, worker: asked, err: mirror.ErrBroken, sent: -1},
		{name: "cut off", size: large, b: origin.Behaviour{CutAfter: mib, Times: 1}, worker: asked, gets: 2, sent: large + 64<<10},
		{name: "small and cut off", size: small, b: origin.Behaviour{CutAfter: 1000, Times: 1}, worker: asked, gets: 2, sent: -1},
		{name: "one that changes", path: "/dists/a/InRelease", size: small, worker: anew},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := test.path
			if path == "" {
				path = "/a.deb"
			}
			o := origin.New(t)
			o.Set(path, origin.File{Seed: 5, Size: test.size})
			o.Set("/other", origin.File{Seed: 5, Size: test.size})
			o.Behave(path, test.b)
			s := newSite(t, "", o)
			h := s.handing()
			got, err := s.get(h.Engine, mirror.Name("m"+path))
			if !errors.Is(err, test.err) {
				t.Fatalf("%v, want %v", err, test.err)
			}
			if err == nil && !bytes.Equal(got, origin.Bytes(5, test.size)) {
				t.Errorf("the client got %d bytes, which are not the file's", len(got))
			}
			h.Await()
			if got := h.toWorkers(); got != test.worker {
				t.Errorf("workers %s, want %s", got, test.worker)
			}
			if n := o.Count(path, ""); n != max(test.gets, 1) {
				t.Errorf("%d requests, want %d", n, max(test.gets, 1))
			}
			if want := test.sent; want >= 0 && o.Sent(path) != max(want, test.size) {
				t.Errorf("the upstream sent %d bytes, want %d", o.Sent(path), max(want, test.size))
			}
			if test.err != nil {
				_, err := s.get(s.engine(), mirror.Name("m"+path))
				if remembered := strings.Contains(fmt.Sprint(err), "remembered"); remembered != (test.b.Status == 404) {
					t.Errorf("asked again: %v", err)
				}
			}
			if test.err != nil || test.b.CloseDelimited {
				return
			}
			s.wantSoon(mirror.Name("m"+path), got, time.Time{})
			s.until("it is on record", func() bool {
				rec, ok, err := h.index.File(s.ctx(), "m"+path)
				return err == nil && ok && rec.Ours && len(rec.Digest) == 32
			})
			s.wantNoParts()
		})
	}
}

// TestBriefFailsOver: the second upstream is asked by the worker.
func TestBriefFailsOver(t *testing.T) {
	for _, down := range []bool{true, false} {
		one, two := origin.New(t), origin.New(t)
		two.Set("/a", origin.File{Seed: 6, Size: 4096})
		want, gets := asked, 1
		if down {
			one.Down()
			want, gets = anew, 0
		}
		s := newSite(t, "", one, two)
		h := s.handing()
		got, err := s.get(h.Engine, "m/a")
		if err != nil || !bytes.Equal(got, origin.Bytes(6, 4096)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if h.toWorkers() != want || one.Count("/a", "") != gets || two.Count("/a", "") != 1 {
			t.Errorf("down %v: workers %s, want %s; requests %d and %d", down, h.toWorkers(), want, one.Count("/a", ""), two.Count("/a", ""))
		}
	}
}

// TestBriefWithTLS: a connection that is encrypted cannot be handed over.
func TestBriefWithTLS(t *testing.T) {
	o := origin.New(t, origin.TLS())
	o.Set("/a", origin.File{Seed: 6, Size: 4096})
	s := newSite(t, "", o)
	h := s.handing()
	if _, err := s.get(h.Engine, "m/a"); err == nil { // the worker does not know the certificate
		t.Error("no error")
	}
	if h.toWorkers() != anew {
		t.Errorf("workers %s, want %s", h.toWorkers(), anew)
	}
}

// TestBriefGoesOn: what an earlier fetch has left is resumed by a worker.
func TestBriefGoesOn(t *testing.T) {
	const size, have = 2 * mib, mib
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 7, Size: size})
	s := newSite(t, "", o)
	s.leavePrefix(o, "/a", "m/a", have)
	h := s.handing()
	got, err := s.get(h.Engine, "m/a")
	if err != nil || !bytes.Equal(got, origin.Bytes(7, size)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if h.toWorkers() != anew || o.Sent("/a") != size-have+64<<10 {
		t.Errorf("workers %s, want %s; %d bytes were asked for", h.toWorkers(), anew, o.Sent("/a"))
	}
}

// TestBriefAndWrong: small bytes that are wrong are dealt with by a worker, which does not
// ask for them again.
func TestBriefAndWrong(t *testing.T) {
	m := newMirrored(t, false, "")
	m.fetch(inRelease, packages)
	const name = "pool/one_1_amd64.deb"
	m.set(name, strings.Repeat("x", len(m.body(name))))
	h := m.handing()
	if _, err := m.get(h.Engine, "m/"+name); !errors.Is(err, mirror.ErrWrong) {
		t.Fatalf("%v, want %v", err, mirror.ErrWrong)
	}
	if n := m.o.Count("/"+name, ""); n != 1 || h.toWorkers() != asked {
		t.Errorf("%d requests, workers %s", n, h.toWorkers())
	}
	if list, err := os.ReadDir(m.conf.State + "/wrong"); err != nil || len(list) != 1 {
		t.Errorf("kept aside: %v, %v", list, err)
	}
}

// TestBriefHerd: of many processes that miss the same file, one asks.
func TestBriefHerd(t *testing.T) {
	for _, size := range []int64{4096, mib} {
		o := origin.New(t)
		o.Set("/a", origin.File{Seed: 8, Size: size})
		release := o.Hold("/a")
		s := newSite(t, "", o)
		var wg sync.WaitGroup
		var engines []*handing
		for range 20 {
			engines = append(engines, s.handing())
		}
		for _, h := range engines {
			wg.Go(func() {
				got, err := s.get(h.Engine, "m/a")
				if err != nil || !bytes.Equal(got, origin.Bytes(8, size)) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			})
		}
		o.Await("/a", 1)
		release()
		wg.Wait()
		if n := o.Count("/a", ""); n != 1 {
			t.Errorf("%d bytes: %d requests, want 1", size, n)
		}
	}
}

// TestBriefSlots: the slots are free for the worker, and one who finds none free leaves
// the waiting to a worker.
func TestBriefSlots(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 9, Size: mib})
	o.Set("/b", origin.File{Seed: 9, Size: 4096})
	s := newSite(t, "[limits]\nfetches = 1\nper_upstream = 1\nqueue_time = \"10s\"\n---\n", o)
	release := o.HoldAfter("/a", mib/2)
	one, two := s.handing(), s.handing()
	f, err := one.Open(s.ctx(), "m/a")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	done := make(chan error)
	go func() { _, err := s.get(two.Engine, "m/b"); done <- err }()
	s.until("a worker waits", func() bool { return two.toWorkers() != nobody })
	release()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := origin.Check(f, 9, mib); err != nil {
		t.Error(err)
	}
	if one.toWorkers() != asked || two.toWorkers() != anew || o.Count("/a", "") != 1 || o.Count("/b", "") != 1 || o.Peak() != 1 {
		t.Errorf("workers %s and %s, %d requests at a time", one.toWorkers(), two.toWorkers(), o.Peak())
	}
}

// TestBriefWithoutWorkers: where no process can be started, this one goes on, by the same
// connection.
func TestBriefWithoutWorkers(t *testing.T) {
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 10, Size: mib})
	s := newSite(t, "[limits]\nfetches = 1\n---\n", o)
	e := s.engine()
	e.spawn = func(mirror.Name, []*os.File) error { return errors.New("on purpose") }
	got, err := s.get(e, "m/a")
	if err != nil || !bytes.Equal(got, origin.Bytes(10, mib)) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	s.settle(e)
	s.wantPublished("m/a", got, origin.Epoch)
	if n := o.Count("/a", ""); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// TestBriefWhoLeaves: the fetch that its only client has left goes on.
func TestBriefWhoLeaves(t *testing.T) {
	for _, size := range []int64{4096, mib} {
		o := origin.New(t)
		o.Set("/a", origin.File{Seed: 11, Size: size})
		release := o.Hold("/a")
		s := newSite(t, "", o)
		h := s.handing()
		ctx, cancel := context.WithCancel(s.ctx())
		go func() { o.Await("/a", 1); cancel() }()
		if _, err := h.Open(ctx, "m/a"); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want %v", err, context.Canceled)
		}
		release()
		h.Await()
		s.wantSoon("m/a", origin.Bytes(11, size), origin.Epoch)
		if n := o.Count("/a", ""); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	}
}

// TestBriefInPieces: answers that come piece by piece, with others before them, and a
// body that begins in the same packet as the header ends.
func TestBriefInPieces(t *testing.T) {
	const early = "HTTP/1.1 103 Early Hints\r\nLink: </style>\r\n\r\n"
	for _, size := range []int64{4096, mib} {
		body := origin.Bytes(12, size)
		header := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nETag: \"one\"\r\n\r\n", size)
		for name, pieces := range map[string][]string{
			"one":       {header + string(body)},
			"bytewise":  append(strings.Split(header, ""), string(body)),
			"interim":   {early + header, string(body)},
			"interims":  {early, early[:10], early[10:] + header[:5], header[5:] + string(body[:100]), string(body[100:])},
			"body late": {header, string(body[:size/2]), string(body[size/2:])},
		} {
			t.Run(fmt.Sprint(name, size), func(t *testing.T) {
				s := newSite(t, "", origin.New(t))
				requests := s.upstreamSays(pieces)
				h := s.handing()
				got, err := s.get(h.Engine, "m/a")
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				s.wantSoon("m/a", body, time.Time{})
				if n := requests.Load(); n != 1 {
					t.Errorf("%d requests, want 1", n)
				}
				want := nobody
				if size == mib {
					want = asked
				}
				if h.toWorkers() != want {
					t.Errorf("workers %s, want %s", h.toWorkers(), want)
				}
			})
		}
	}
}

// TestBriefEndlessHeader: a header has an end.
func TestBriefEndlessHeader(t *testing.T) {
	line := "X-More: " + strings.Repeat("x", 10000) + "\r\n"
	s := newSite(t, "", origin.New(t))
	requests := s.upstreamSays([]string{"HTTP/1.1 200 OK\r\n", strings.Repeat(line, 1000)})
	h := s.handing()
	if _, err := s.get(h.Engine, "m/a"); !errors.Is(err, mirror.ErrBroken) || !strings.Contains(err.Error(), "header") {
		t.Errorf("%v, want %v", err, mirror.ErrBroken)
	}
	if n := requests.Load(); n != 1 || h.toWorkers() != asked {
		t.Errorf("%d requests, workers %s", n, h.toWorkers())
	}
}

// upstreamSays puts a server in the place of the upstream that answers each request with
// these pieces, and counts the requests.
func (s *site) upstreamSays(pieces []string) *atomic.Int32 {
	_, addr := loopback.Address()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		s.t.Fatal(err)
	}
	requests := new(atomic.Int32)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.SetDeadline(time.Now().Add(bound))
			b := make([]byte, 4096)
			if n, _ := conn.Read(b); n > 0 {
				requests.Add(1)
			}
			for _, p := range pieces {
				io.WriteString(conn, p) // each is a packet: Go sets TCP_NODELAY
			}
			conn.Read(b) // until the client closes
			conn.Close()
		}
	})
	s.t.Cleanup(wg.Wait)
	s.t.Cleanup(func() { listener.Close() })
	s.conf.Mirrors[0].Upstream[0].Host = addr
	return requests
}
