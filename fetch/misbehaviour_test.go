package fetch

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"mirror"
	"mirror/internal/origin"
)

// TestMisbehaviour: whatever the upstream does, what is published is whole and
// of one version, and the client gets that, or an error of the right kind.
func TestMisbehaviour(t *testing.T) {
	const usual = 300 << 10
	file := origin.File{Seed: 4, Size: usual}
	v2 := origin.File{Seed: 5, Size: usual, ModTime: origin.Epoch.Add(time.Hour)}
	for _, test := range []struct {
		name      string
		file      string // the request; default "a.bin"
		size      int64  // default usual
		b         origin.Behaviour
		prefix    int64 // so much of it is at hand from an earlier fetch
		change    *origin.File
		err       error // nil: the client gets the file
		seed      uint64
		unkept    bool // delivered, not published
		cutClient bool // the client may see a broken connection
		requests  int  // so many in all; 0: any
	}{
		{name: "honest"},
		{name: "chunked", b: origin.Behaviour{Chunked: true}},
		{name: "chunked, cut", b: origin.Behaviour{Chunked: true, CutAfter: 100 << 10}, err: mirror.ErrBroken},
		{name: "close-delimited", b: origin.Behaviour{CloseDelimited: true}, unkept: true},
		{name: "short once", b: origin.Behaviour{CutAfter: 100 << 10, Times: 1}},
		{name: "a small file, short once", size: 10 << 10, b: origin.Behaviour{CutAfter: 5 << 10, Times: 1}, requests: 2},
		{name: "a small file, short once, no validators", size: 10 << 10, b: origin.Behaviour{NoLastModified: true, CutAfter: 5 << 10, Times: 1}, requests: 2},
		{name: "a small file, short always", size: 10 << 10, b: origin.Behaviour{CutAtOnce: true}, err: mirror.ErrBroken},
		{name: "short always, ever further", b: origin.Behaviour{CutAfter: 120 << 10}},
		{name: "short always, at once", b: origin.Behaviour{CutAtOnce: true}, err: mirror.ErrBroken},
		{name: "reset", b: origin.Behaviour{Reset: true}, err: mirror.ErrBroken, requests: 2},
		{name: "reset once", b: origin.Behaviour{Reset: true, Times: 1}, requests: 2},
		{name: "204", b: origin.Behaviour{Status: 204}, err: mirror.ErrBroken},
		{name: "206 unasked", b: origin.Behaviour{Status: 206}, err: mirror.ErrBroken},
		{name: "404", b: origin.Behaviour{Status: 404}, err: mirror.ErrNotFound},
		{name: "410", b: origin.Behaviour{Status: 410}, err: mirror.ErrNotFound},
		{name: "401", b: origin.Behaviour{Status: 401}, err: mirror.ErrRefused},
		{name: "403", b: origin.Behaviour{Status: 403}, err: mirror.ErrRefused},
		{name: "429", b: origin.Behaviour{Status: 429, RetryAfter: "7"}, err: mirror.ErrBusy},
		{name: "500", b: origin.Behaviour{Status: 500}, err: mirror.ErrBroken},
		{name: "503", b: origin.Behaviour{Status: 503}, err: mirror.ErrBroken},
		{name: "504", b: origin.Behaviour{Status: 504}, err: mirror.ErrTimeout},
		{name: "captive portal for a package", file: "a.deb", b: origin.Behaviour{Portal: true}, err: mirror.ErrBroken},
		{name: "compressed unasked", b: origin.Behaviour{Gzip: true}},
		{name: "gzip label on a tarball", file: "a.tar.gz", b: origin.Behaviour{GzipLabel: true}},
		{name: "gzip label on what is none", b: origin.Behaviour{GzipLabel: true}, err: mirror.ErrBroken},
		{name: "brotli unasked", b: origin.Behaviour{Header: map[string]string{"Content-Encoding": "br"}}, err: mirror.ErrBroken},
		{name: "redirect to a directory", b: origin.Behaviour{Redirect: "/a.bin/", Status: 301}, err: mirror.ErrIsDirectory},
		{name: "redirect to a directory, by way of another place", b: origin.Behaviour{Redirect: "/cdn/a"}, err: mirror.ErrIsDirectory},
		{name: "redirect in circles", b: origin.Behaviour{Redirect: "/a.bin"}, err: mirror.ErrBroken},
		{name: "redirect to a file scheme", b: origin.Behaviour{Redirect: "file:///etc/passwd"}, err: mirror.ErrBroken},
		{name: "redirect to a private address", b: origin.Behaviour{Redirect: "http://127.0.0.1:1/x"}, err: mirror.ErrBroken},
		{name: "no ranges, on resume", prefix: 150 << 10, b: origin.Behaviour{NoRanges: true}},
		{name: "gzip label on a tarball, on resume", file: "a.tar.gz", prefix: 150 << 10, b: origin.Behaviour{GzipLabel: true}, requests: 1},
		{name: "416 on resume", prefix: 150 << 10, b: origin.Behaviour{RangeStatus: 416}, cutClient: true},
		{name: "206 with another start", prefix: 150 << 10, b: origin.Behaviour{RangeShift: 1000, Times: 1}, cutClient: true},
		{name: "206 with another total", prefix: 150 << 10, b: origin.Behaviour{TotalShift: 10, Times: 1}, cutClient: true},
		{name: "changed before the resume", prefix: 150 << 10, change: &v2, seed: 5},
		{name: "changed, same time and size", prefix: 150 << 10,
			change: &origin.File{Seed: 5, Size: usual, ETag: origin.NoETag}, seed: 5},
		{name: "no validators at all, short once",
			b: origin.Behaviour{NoLastModified: true, CutAfter: 100 << 10, Times: 1}, cutClient: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := origin.New(t)
			path := "/" + cmpOr(test.file, "a.bin")
			file, size := file, int64(usual)
			if test.size > 0 {
				file.Size, size = test.size, test.size
			}
			o.Set(path, file)
			s := newSite(t, "[timeouts]\nheader = \"2s\"\nidle = \"2s\"\n---\n", o)
			name := mirror.Name("m" + path)
			if test.prefix > 0 {
				s.leavePrefix(o, path, name, test.prefix)
			}
			if test.change != nil {
				o.Set(path, *test.change)
			}
			o.Behave(path, test.b)
			o.Behave("/cdn/a", origin.Behaviour{Redirect: "/cdn/a/", Status: 301})
			e := s.engine()
			seed := test.seed
			if seed == 0 {
				seed = file.Seed
			}
			want := origin.Bytes(seed, size)
			got, err := s.get(e, name)
			if test.err == nil && err != nil && test.cutClient {
				got, err = s.get(e, name)
			}
			s.settle(e)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if n := o.Count(path, ""); test.requests > 0 && n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
			if test.err != nil {
				if files := s.docFiles(); len(files) > 0 {
					t.Errorf("published %v", files)
				}
				return
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("the client got %d bytes that are not the file", len(got))
			}
			if test.unkept {
				if files := s.docFiles(); len(files) > 0 {
					t.Errorf("published %v", files)
				}
				return
			}
			s.wantPublished(name, want, time.Time{})
		})
	}
}

func cmpOr(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// onDisk is how many bytes the part of name has; -1: there is none.
func (e *Engine) onDisk(name mirror.Name) int64 {
	part, err := e.tree.FollowPart(name)
	if err != nil {
		return -1
	}
	defer part.Close()
	st, err := part.Stat()
	if err != nil {
		return -1
	}
	return st.Size
}

// leavePrefix lets a process fetch n bytes and be stopped.
func (s *site) leavePrefix(o *origin.Origin, path string, name mirror.Name, n int64) {
	s.t.Helper()
	release := o.HoldAfter(path, n)
	e, err := Open(s.conf, Options{Now: s.clock.now, Log: discardLog})
	if err != nil {
		s.t.Fatal(err)
	}
	f, err := e.Open(s.ctx(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.until("the prefix is on disk", func() bool {
		return e.onDisk(name) == n
	})
	f.Close()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := e.Shut(gone); err != nil {
		s.t.Fatal(err)
	}
	release()
	o.Forget()
}
