package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// warnings prints what an engine has to warn of, one sentence each. The lines
// that it logs of each fetch are left out: the commands tell of these
// themselves.
type warnings struct{ to io.Writer }

// Enabled implements slog.Handler.
func (w *warnings) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle implements slog.Handler.
func (w *warnings) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "fetch: ") {
		return nil
	}
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += fmt.Sprintf("; %s: %v", a.Key, a.Value)
		return true
	})
	_, err := fmt.Fprintf(w.to, "warning: %s\n", oneLine(text))
	return err
}

// WithAttrs implements slog.Handler. The engine never calls it.
func (w *warnings) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup implements slog.Handler. The engine never calls it.
func (w *warnings) WithGroup(string) slog.Handler { return w }
