package fcgi

import (
	"context"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request, env map[string]string) {
	w.Header().Set("X-Method", r.Method)
	io.WriteString(w, r.RequestURI)
}

func TestAnswer(t *testing.T) {
	path := start(t, &Server{Handler: echo})
	c := dial(t, path)
	c.request(1, 0, "GET", "/a%2fb?c")
	want := answer{head: "Status: 200 OK\r\nX-Method: GET", body: "/a%2fb?c"}
	if got := c.answer(1); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c.wantClosed()
}

func TestKeepConn(t *testing.T) {
	path := start(t, &Server{Handler: echo})
	c := dial(t, path)
	for _, uri := range []string{"/1", "/2", "/3"} {
		c.request(7, keepConn, "GET", uri)
		if got := c.answer(7); got.body != uri {
			t.Errorf("got %+v for %s", got, uri)
		}
	}
}

// TestParamsAreTheRequestsOwn: the room for them is used again, and the handler of a
// request may keep its own.
func TestParamsAreTheRequestsOwn(t *testing.T) {
	got := make(chan map[string]string, 4)
	path := start(t, &Server{Handler: func(w http.ResponseWriter, r *http.Request, env map[string]string) { got <- env }})
	c := dial(t, path)
	long := strings.Repeat("x", keptParams)
	asked := []map[string]string{{"A": "1", "B": "22"}, {"C": long}, {"B": "3"}, {}}
	for _, more := range asked {
		more["REQUEST_METHOD"], more["REQUEST_URI"] = "GET", "/"
		c.begin(1, roleResponder, keepConn)
		var pairs []string
		for name, value := range more {
			pairs = append(pairs, name, value)
		}
		c.params(1, pairs...)
		c.send(typeStdin, 1, nil)
		c.answer(1)
	}
	for i, want := range asked {
		if env := <-got; !maps.Equal(env, want) {
			t.Errorf("request %d: %.200v instead of %.200v", i, env, want)
		}
	}
}

func TestSecondRequestCannotMultiplex(t *testing.T) {
	goOn := make(chan struct{})
	path := start(t, &Server{Handler: func(w http.ResponseWriter, r *http.Request, env map[string]string) {
		<-goOn
		echo(w, r, env)
	}})
	c := dial(t, path)
	c.request(1, keepConn, "GET", "/1")
	c.request(2, keepConn, "GET", "/2")
	if got, want := c.answer(2), (answer{protocol: cannotMultiplex}); got != want {
		t.Errorf("the second request: got %+v, want %+v", got, want)
	}
	close(goOn)
	if got := c.answer(1); got.body != "/1" {
		t.Errorf("the first request: got %+v", got)
	}
}

func TestOtherRolesAreUnknown(t *testing.T) {
	path := start(t, &Server{Handler: echo})
	c := dial(t, path)
	c.begin(1, 2, keepConn)
	if got, want := c.answer(1), (answer{protocol: unknownRole}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c.request(1, keepConn, "GET", "/")
	if got := c.answer(1); got.body != "/" {
		t.Errorf("a responder on the same connection: %+v", got)
	}
}

// blocking is a handler that waits for its context and reports why it ended.
func blocking() (Handler, <-chan struct{}, <-chan error) {
	entered, cause := make(chan struct{}, 1), make(chan error, 1)
	return func(w http.ResponseWriter, r *http.Request, _ map[string]string) {
		entered <- struct{}{}
		<-r.Context().Done()
		cause <- context.Cause(r.Context())
	}, entered, cause
}

func TestAbortCancelsTheRunningRequest(t *testing.T) {
	h, entered, cause := blocking()
	c := dial(t, start(t, &Server{Handler: h}))
	c.request(1, keepConn, "GET", "/")
	wait(t, entered, "the handler")
	c.send(typeAbort, 1, nil)
	if err := wait(t, cause, "the cancellation"); err != errAborted {
		t.Errorf("the context's cause is %v", err)
	}
	if got, want := c.answer(1), (answer{app: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c.wantClosed()
}

func TestAbortDuringParams(t *testing.T) {
	c := dial(t, start(t, &Server{Handler: echo}))
	c.begin(1, roleResponder, keepConn)
	c.send(typeAbort, 1, nil)
	if got, want := c.answer(1), (answer{app: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	c.wantClosed()
}

func TestClosedConnectionCancelsTheRunningRequest(t *testing.T) {
	h, entered, cause := blocking()
	c := dial(t, start(t, &Server{Handler: h}))
	c.request(1, keepConn, "GET", "/")
	wait(t, entered, "the handler")
	c.Close()
	if err := wait(t, cause, "the cancellation"); err != errGone {
		t.Errorf("the context's cause is %v", err)
	}
}

func TestGetValues(t *testing.T) {
	c := dial(t, start(t, &Server{Handler: echo, MaxConns: 9}))
	c.send(typeGetValues, 0, appendPair(appendPair(appendPair(nil, "FCGI_MPXS_CONNS", ""), "FCGI_MAX_CONNS", ""), "OTHER", ""))
	h, content, err := c.record()
	if err != nil || h.kind != typeGetValuesResult || h.id != 0 {
		t.Fatalf("got %+v, %v", h, err)
	}
	got, err := parsePairs(string(content))
	if err != nil || len(got) != 2 || got["FCGI_MAX_CONNS"] != "9" || got["FCGI_MPXS_CONNS"] != "0" {
		t.Errorf("got %v, %v", got, err)
	}
	c.send(77, 0, []byte("?"))
	if h, content, err := c.record(); err != nil || h.kind != typeUnknown || content[0] != 77 {
		t.Errorf("an unknown type: got %+v %v, %v", h, content, err)
	}
	c.request(1, 0, "GET", "/"+strings.Repeat("x", 8000))
	if got := c.answer(1); len(got.body) != 8001 {
		t.Errorf("got %+v", got)
	}
}
