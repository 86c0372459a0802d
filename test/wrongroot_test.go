package test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"mirror/internal/origin"
)

// TestWrongDocroot lets the front look for files where the handler does not put
// them. Every hit is a miss then, and what is handed over is not found: whatever
// the client gets, it gets it soon, after a few calls of the handler.
func TestWrongDocroot(t *testing.T) {
	for _, f := range fronts {
		if f.handler == builtin {
			continue // one process, one docroot
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := prepare(t, f)
			s.frontRoot = filepath.Join(s.dir, "elsewhere")
			if err := os.Mkdir(s.frontRoot, 0o755); err != nil {
				t.Fatal(err)
			}
			own(t, s.frontRoot)
			calls := s.countCalls(t)
			s.begin(t)
			file := origin.File{Seed: 30, Size: 100 * kib}
			for _, target := range []string{s.offer("/debian/lost.deb", file), s.offer("/wait/lost.deb", file), s.offer("/debian/lost/Release", file)} {
				for _, when := range []string{"before", "after"} {
					before := calls()
					a := s.get(t, target)
					want := f.wrongRoot
					if a.status == 200 {
						a.whole(t, file)
					} else if a.status != want {
						t.Errorf("%s, %s it is published: %d", target, when, a.status)
					}
					if n := calls() - before; n > 3 {
						t.Errorf("%s, %s it is published: %d calls of the handler", target, when, n)
					}
					s.published(t, target)
				}
				if n := s.upstream.Count(pub+target, "GET"); n != 1 && !strings.HasSuffix(target, "Release") {
					t.Errorf("%s was fetched %d times", target, n)
				}
			}
		})
	}
}

// countCalls counts how often the front calls the handler. It stands in between:
// as the socket of a daemon, or as the program that runs the CGI binary. Processes
// that the front starts and keeps are not seen.
func (s *site) countCalls(t *testing.T) (calls func() int64) {
	t.Helper()
	switch s.front.handler {
	case daemon:
		real := s.socket
		s.frontSocket = filepath.Join(s.dir, "run", "counted.sock")
		listener, err := net.Listen("unix", s.frontSocket)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(s.frontSocket, 0o666); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { listener.Close() })
		var n atomic.Int64
		go func() {
			for {
				front, err := listener.Accept()
				if err != nil {
					return
				}
				n.Add(1)
				go pipe(front, real)
			}
		}()
		return n.Load
	case cgi:
		// One byte a call, since that append is atomic.
		log := filepath.Join(s.dir, "run", "calls")
		writeFile(t, log, "")
		if err := os.Chmod(log, 0o666); err != nil {
			t.Fatal(err)
		}
		real := filepath.Join(s.dir, "bin", "real")
		if err := os.Rename(s.cgi, real); err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("#!/bin/sh\nprintf . >>%s\nexport MIRROR_CONFIG=%s\nexec %s \"$@\"\n", log, s.config, real)
		if err := os.WriteFile(s.cgi, []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		return func() int64 {
			info, err := os.Stat(log)
			if err != nil {
				t.Fatal(err)
			}
			return info.Size()
		}
	}
	return func() int64 { return 0 }
}

// pipe joins one connection of the front with one to the handler.
func pipe(front net.Conn, socket string) {
	defer front.Close()
	handler, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer handler.Close()
	done := make(chan struct{})
	go func() {
		io.Copy(handler, front)
		handler.(*net.UnixConn).CloseWrite()
		close(done)
	}()
	io.Copy(front, handler)
	front.(*net.UnixConn).CloseWrite()
	<-done
}
