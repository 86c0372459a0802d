package main

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"
)

func TestText(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	for _, c := range []struct{ got, want string }{
		{size(0), "0 bytes"},
		{size(1), "1 byte"},
		{size(1023), "1,023 bytes"},
		{size(1024), "1.0 KiB"},
		{size(1<<20 - 1), "1.0 MiB"},
		{size(5 << 40), "5.0 TiB"},
		{number(0), "0"},
		{number(123), "123"},
		{number(1234567), "1,234,567"},
		{span(0), "a moment"},
		{span(time.Second), "1 second"},
		{span(90 * time.Minute), "1 hour"},
		{span(800 * 24 * time.Hour), "2 years"},
		{moment(at, at.Add(2*time.Minute)), "2026-01-02 03:04:05 (2 minutes ago)"},
		{moment(at, at.Add(-49*time.Hour)), "2026-01-02 03:04:05 (in 2 days)"},
		{oneLine(`plain "é" \n`), `plain "é" \n`},
		{oneLine("a\nb\x1b[31m\xff\u202e"), `a\nb\x1b[31m\xff\u202e`},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestWarnings(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(&warnings{to: &out})
	log.Info("nobody wants to know")
	log.Warn("fetch: failed", "err", "told elsewhere")
	log.Warn("it cannot be recorded", "files", 3, "err", errors.New("two\nlines"))
	const want = "warning: it cannot be recorded; files: 3; err: two\\nlines\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
