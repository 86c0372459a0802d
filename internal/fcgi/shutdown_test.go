package fcgi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
)

func TestShutdownWaitsForRunningRequests(t *testing.T) {
	entered, goOn := make(chan struct{}), make(chan struct{})
	s := &Server{Handler: func(w http.ResponseWriter, r *http.Request, env map[string]string) {
		if r.RequestURI == "/slow" {
			close(entered)
			<-goOn
		}
		echo(w, r, env)
	}}
	path := start(t, s)
	kept, busy := dial(t, path), dial(t, path)
	kept.request(1, keepConn, "GET", "/")
	kept.answer(1)
	busy.request(1, keepConn, "GET", "/slow")
	wait(t, entered, "the handler")

	down := make(chan error, 1)
	go func() { down <- s.Shutdown(context.Background()) }()
	kept.wantClosed()
	if _, err := net.Dial("unix", path); err == nil {
		t.Error("the listener still listens")
	}
	select {
	case err := <-down:
		t.Errorf("Shutdown returned %v while a request ran", err)
	default:
	}
	close(goOn)
	if got := busy.answer(1); got.body != "/slow" || got.app != 0 {
		t.Errorf("the running request got %+v", got)
	}
	busy.wantClosed()
	busy.Close()
	if err := wait(t, down, "Shutdown"); err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsWhatDoesNotEnd(t *testing.T) {
	h, entered, cause := blocking()
	s := &Server{Handler: h}
	c := dial(t, start(t, s))
	c.request(1, 0, "GET", "/")
	wait(t, entered, "the handler")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Shutdown: %v", err)
	}
	if err := wait(t, cause, "the cancellation"); err != errCut {
		t.Errorf("the context's cause is %v", err)
	}
	c.wantClosed()
}

func TestServeAfterShutdown(t *testing.T) {
	var s Server
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(l); err != http.ErrServerClosed {
		t.Errorf("Serve: %v", err)
	}
}
