package maint

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSchedule: jobs run beside each other, again and again, and all end.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		counts := make([]int, 3)
		var log bytes.Buffer
		ended := make(chan struct{})
		go func() {
			Schedule(ctx, slog.New(slog.NewTextHandler(&log, nil)), []Job{
				{"hourly", time.Hour, func(context.Context) error { counts[0]++; return nil }},
				{"failing", 24 * time.Hour, func(context.Context) error { counts[1]++; return errors.New("no luck") }},
				{"endless", time.Hour, func(ctx context.Context) error { counts[2]++; <-ctx.Done(); return ctx.Err() }},
			})
			close(ended)
		}()
		time.Sleep(36 * time.Hour)
		stop()
		<-ended
		if counts[0] != 37 && counts[0] != 36 || counts[1] != 2 || counts[2] != 1 {
			t.Errorf("runs: %v", counts)
		}
		if n := strings.Count(log.String(), `msg="failing failed" err="no luck"`); n != 2 || strings.Contains(log.String(), "endless") {
			t.Errorf("log:\n%s", &log)
		}
	})
}
