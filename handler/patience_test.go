package handler

import (
	"context"
	"errors"
	"testing"
	"time"

	"mirror/config"
)

// TestPatience: it bounds what is made of it as any context does, from when somebody
// asks, and for whoever asks only afterwards it is over.
func TestPatience(t *testing.T) {
	h := &Handler{conf: &config.Config{}}
	h.conf.Timeouts.MaxWait = time.Millisecond
	ctx, cancel := h.patience(t.Context())
	defer cancel()
	child, stop := context.WithCancel(ctx)
	defer stop()
	select {
	case <-child.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("it never ends")
	}
	if err := context.Cause(child); !errors.Is(err, errPatience) || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Error(err, ctx.Err())
	}

	h.conf.Timeouts.MaxWait = time.Hour
	for _, asked := range []bool{true, false} {
		ctx, cancel := h.patience(t.Context())
		if asked && ctx.Err() != nil {
			t.Error(ctx.Err())
		}
		cancel()
		cancel()
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.Errorf("asked before: %v: %v", asked, ctx.Err())
		}
	}

	request, leave := context.WithCancel(context.WithValue(t.Context(), visitKey{}, 1))
	ctx, cancel = h.patience(request)
	defer cancel()
	leave()
	if !errors.Is(ctx.Err(), context.Canceled) || ctx.Value(visitKey{}) != 1 {
		t.Error(ctx.Err(), ctx.Value(visitKey{}))
	}
}
