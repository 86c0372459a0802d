package fcgi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// journal is a log that a test can read while it is written.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func TestBrokenAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		h      Handler
		want   answer
		logged string // empty: nothing
	}{
		"panic before anything left": {
			func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
				io.WriteString(w, "not to be seen")
				panic("on purpose")
			},
			answer{head: "Status: 500 Internal Server Error\r\nCache-Control: no-store\r\nContent-Length: 22\r\n" +
				"Content-Type: text/plain; charset=utf-8", body: "internal server error\n"},
			"on purpose",
		},
		"panic later": {
			func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
				w.Header().Set("Content-Length", "10")
				io.WriteString(w, "seen")
				w.(http.Flusher).Flush()
				io.WriteString(w, "not")
				panic("on purpose")
			},
			answer{head: "Status: 200 OK\r\nContent-Length: 10", body: "seen", app: 1},
			"limits_test.go",
		},
		"deliberate": {
			func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			},
			answer{head: "Status: 200 OK", app: 1},
			"",
		},
		"short": {
			func(w http.ResponseWriter, _ *http.Request, _ map[string]string) {
				w.Header().Set("Content-Length", "10")
				io.WriteString(w, "123")
			},
			answer{head: "Status: 200 OK\r\nContent-Length: 10", body: "123", app: 1},
			"7 bytes are missing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log journal
			s := &Server{Handler: test.h, Log: slog.New(slog.NewTextHandler(&log, nil))}
			c := dial(t, start(t, s))
			c.request(1, keepConn, "GET", "/")
			if got := c.answer(1); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if test.want.app != 0 {
				c.wantClosed()
			}
			c.Close()
			if err := s.Shutdown(context.Background()); err != nil { // the log is written after the answer
				t.Error(err)
			}
			if got := log.String(); !strings.Contains(got, test.logged) || test.logged == "" && got != "" {
				t.Errorf("logged %q, want %q", got, test.logged)
			}
		})
	}
}

func TestParamsHaveABound(t *testing.T) {
	c := dial(t, start(t, &Server{Handler: echo}))
	c.begin(1, roleResponder, 0)
	for range maxParams / 60000 {
		c.send(typeParams, 1, make([]byte, 60000))
	}
	// The first too many: it may be closed before all of it is sent.
	c.Write(appendHeader(nil, typeParams, 1, 60000))
	c.wantClosed()
}

func TestParamsMaySpanRecords(t *testing.T) {
	c := dial(t, start(t, &Server{Handler: echo}))
	uri := "/" + strings.Repeat("long", 40000)
	pairs := appendPair(appendPair(nil, "REQUEST_METHOD", "GET"), "REQUEST_URI", uri)
	c.begin(1, roleResponder, 0)
	for len(pairs) > 0 {
		n := min(len(pairs), 4099)
		c.send(typeParams, 1, pairs[:n])
		pairs = pairs[n:]
	}
	c.params(1)
	if got := c.answer(1); got.body != uri {
		t.Errorf("got %d bytes, want %d", len(got.body), len(uri))
	}
}

func TestGarbageClosesTheConnection(t *testing.T) {
	c := dial(t, start(t, &Server{Handler: echo}))
	io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
	c.wantClosed()
}

func TestSilentHeadIsCut(t *testing.T) {
	c := dial(t, start(t, &Server{Handler: echo, ReadTimeout: time.Millisecond}))
	c.wantClosed()
}

func TestIdleConnectionIsCut(t *testing.T) {
	c := dial(t, start(t, &Server{Handler: echo, IdleTimeout: time.Millisecond}))
	c.request(1, keepConn, "GET", "/")
	c.answer(1)
	c.wantClosed()
}

// TestBodyWhileTheHandlerRuns sends more than any buffer holds to a handler that
// never reads: the reader has to go on, and still has to see the abort behind it.
func TestBodyWhileTheHandlerRuns(t *testing.T) {
	h, entered, cause := blocking()
	c := dial(t, start(t, &Server{Handler: h}))
	c.begin(1, roleResponder, 0)
	c.params(1, "REQUEST_METHOD", "POST", "REQUEST_URI", "/")
	wait(t, entered, "the handler")
	for range 200 {
		c.send(typeStdin, 1, make([]byte, 60000))
	}
	c.send(typeAbort, 1, nil)
	if err := wait(t, cause, "the cancellation"); err != errAborted {
		t.Errorf("the context's cause is %v", err)
	}
}

func TestSmallRestOfABodyKeepsTheConnection(t *testing.T) {
	c := dial(t, start(t, &Server{Handler: echo}))
	c.begin(1, roleResponder, keepConn)
	c.params(1, "REQUEST_METHOD", "POST", "REQUEST_URI", "/1")
	c.answer(1)
	c.send(typeStdin, 1, make([]byte, 60000))
	c.send(typeStdin, 1, nil)
	c.request(2, keepConn, "GET", "/2")
	if got := c.answer(2); got.body != "/2" {
		t.Errorf("got %+v", got)
	}
}

func TestClientThatTakesNothingIsCut(t *testing.T) {
	failed := make(chan error, 1)
	c := dial(t, start(t, &Server{WriteTimeout: 10 * time.Millisecond, Handler: func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				<-r.Context().Done()
				failed <- err
				return
			}
		}
	}}))
	c.request(1, 0, "GET", "/")
	if err := wait(t, failed, "the cut"); !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "timeout") {
		t.Errorf("the handler saw %v", err)
	}
}

func TestMaxConns(t *testing.T) {
	path := start(t, &Server{Handler: echo, MaxConns: 1})
	first, second := dial(t, path), dial(t, path)
	first.request(1, keepConn, "GET", "/1")
	first.answer(1)
	second.request(1, 0, "GET", "/2")
	first.request(1, 0, "GET", "/3") // answered although the second waits
	if got := first.answer(1); got.body != "/3" {
		t.Errorf("the first connection: %+v", got)
	}
	first.Close()
	if got := second.answer(1); got.body != "/2" {
		t.Errorf("the second connection: %+v", got)
	}
}

// brokenListener fails a few times before it listens.
type brokenListener struct {
	net.Listener
	failures []error
}

func (l *brokenListener) Accept() (net.Conn, error) {
	if len(l.failures) > 0 {
		err := l.failures[0]
		l.failures = l.failures[1:]
		return nil, err
	}
	return l.Listener.Accept()
}

func TestFailingAcceptIsTriedAgain(t *testing.T) {
	var log journal
	s := &Server{Handler: echo, Log: slog.New(slog.NewTextHandler(&log, nil))}
	path := startOn(t, s, func(l net.Listener) net.Listener {
		return &brokenListener{l, []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM}}
	})
	c := dial(t, path)
	c.request(1, 0, "GET", "/")
	if got := c.answer(1); got.body != "/" {
		t.Errorf("got %+v", got)
	}
	if n := strings.Count(log.String(), "cannot accept"); n != 1 {
		t.Errorf("3 failures made %d log lines: %s", n, log.String())
	}
}
