package fetch

import (
	"errors"
	"testing"

	"mirror"
	"mirror/internal/origin"
)

// TestQueue: a place is had at once, after another was left, or not within queue_time;
// who is given up leaves the queue.
func TestQueue(t *testing.T) {
	s := newSite(t, "[limits]\nqueue_time = \"50ms\"\n---\n", origin.New(t))
	e := s.engine()
	transfer := func() *transfer { return newTransfer(e, e.placeOf("m/a"), nil, nil) }
	leave, err := e.queues.enter(transfer(), "pool", 1)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := e.queues.enter(transfer(), "another", 1); err != nil {
		t.Errorf("another pool: %v", err)
	} else {
		other()
	}
	if _, err := e.queues.enter(transfer(), "pool", 1); !errors.Is(err, mirror.ErrBusy) {
		t.Errorf("a place that is taken: %v", err)
	}
	gone := transfer()
	gone.cancel(errLeft)
	if _, err := e.queues.enter(gone, "pool", 1); !errors.Is(err, errLeft) {
		t.Errorf("who is given up: %v", err)
	}
	leave()
	if leave, err = e.queues.enter(transfer(), "pool", 1); err != nil {
		t.Fatalf("after a place was left: %v", err)
	}
	leave()
}
