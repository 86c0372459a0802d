package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"mirror/config"
	"mirror/fetch"
	"mirror/maint"
)

// withSite runs f on what the configuration file names. What the engine has to
// warn of goes to warn; what f leaves running may go on until ctx is done.
func withSite(ctx context.Context, file string, warn io.Writer, f func(maint.Site) error) error {
	conf, err := config.Load(file)
	if err != nil {
		return err
	}
	engine, err := fetch.Open(conf, fetch.Options{Log: slog.New(&warnings{to: warn})})
	if err != nil {
		return err
	}
	err = f(maint.Site{Conf: conf, Engine: engine})
	return errors.Join(err, engine.Shut(ctx))
}
