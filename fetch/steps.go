package fetch

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"mirror"
)

// steps times what a transfer does, for its line in the log.
type steps struct {
	at      time.Time
	now     func() time.Time
	took    []byte // "look=20µs ask=1.2ms"
	outcome string
}

// done ends a step.
func (s *steps) done(name string) {
	now := s.now()
	if s.took == nil {
		s.took = make([]byte, 0, 128)
	} else {
		s.took = append(s.took, ' ')
	}
	s.took = append(append(s.took, name...), '=')
	s.took = append(s.took, now.Sub(s.at).Round(10*time.Microsecond).String()...)
	s.at = now
}

func (s *steps) log(t *transfer, err error) {
	if err != nil {
		s.done("then") // the step that failed
	}
	args := []any{"path", "/" + string(t.name), "upstream", t.upstream, "steps", string(s.took)}
	switch {
	case err == nil:
		t.e.log.Info("fetch: "+s.outcome, append(args, "bytes", t.now().have)...)
	case errors.Is(err, errHandedOver):
		t.e.log.Debug("fetch: handed over to a worker", args...) // which has the fetch's line
	case errors.Is(err, errAside):
		t.e.log.Info("fetch: kept aside", args...)
	case errors.Is(err, mirror.ErrNotFound):
		t.e.log.Info("fetch: not found", append(args, "err", err)...)
	case errors.Is(err, mirror.ErrIsDirectory):
		t.e.log.Info("fetch: a directory", args...)
	case errors.Is(err, context.Canceled), errors.Is(err, errLeft):
		t.e.log.Info("fetch: broken off, to be resumed", args...)
	case errors.Is(err, fs.ErrNotExist):
		t.e.log.Error("fetch: a file of ours vanished", append(args, "err", err)...)
	default:
		t.e.log.Warn("fetch: failed", append(args, "err", err)...)
	}
}
