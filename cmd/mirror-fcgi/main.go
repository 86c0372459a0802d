// Mirror-fcgi is the daemon: it answers FastCGI requests for files that are
// missing in the docroot, and can serve the docroot itself over HTTP.
//
//	mirror-fcgi -config /etc/mirror/mirror.toml
//	mirror-fcgi -http 127.0.0.1:8080 -docroot DIR -mirror /prefix/=URL
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"mirror/config"
	"mirror/fetch"
	"mirror/internal/socket"
	"mirror/maint"
)

// How much memory is worth how much of the processor: the collector runs when what
// has piled up is garbagePercent of what is live, and ballast, in bytes, counts as
// live without being touched. So it runs once in 11 MiB as long as little is live,
// which makes a miss of a small file cost a fifth less than Go's default, and a
// daemon that has nothing to do stays below 40 MiB; and it lets less pile up than by
// default where much is live: with 200 followers, the daemon stays below 64 MiB. A
// memory limit would have it run all the time once more than that is really in use.
const (
	garbagePercent = 50
	ballast        = 20 << 20
)

func main() {
	syscall.Umask(0o002) // modes are given explicitly
	debug.SetGCPercent(garbagePercent)
	b := make([]byte, ballast)
	defer runtime.KeepAlive(b)
	// Go ends a process that writes to a closed pipe as standard error; the
	// daemon outlives the reader of its log.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "mirror-fcgi: %v\n", err)
		os.Exit(1)
	}
}

// run is the program: it returns when ctx is done and everything has drained.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	conf, err := configure(args, stderr)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	engine, err := fetch.Open(conf, fetch.Options{Log: log})
	if err != nil {
		return err
	}
	if err := engine.Tree().Probe(); err != nil {
		return fmt.Errorf("a test file could not be published: %w", err)
	}
	if err := (maint.Site{Conf: conf, Engine: engine}).CheckKeyrings(); err != nil {
		return err
	}
	s := &service{conf: conf, engine: engine, log: log}
	if err := s.listen(); err != nil {
		return err
	}
	if err := engine.Recover(ctx); err != nil {
		log.Warn("interrupted publications could not be completed", "err", err)
	}
	if err := engine.Rearrange(ctx); err != nil {
		log.Warn("mutable files could not be moved to where they are kept", "err", err)
	}
	if err := engine.Tree().Sweep(time.Now()); err != nil {
		log.Warn("abandoned files could not be removed", "err", err)
	}
	failed := s.start()
	s.work(ctx)
	if err := socket.Notify("READY=1"); err != nil {
		log.Warn("systemd could not be notified", "err", err)
	}
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	log.Info("draining", "grace", conf.Server.Grace)
	// Nobody is left to hear it if this fails.
	_ = socket.Notify("STOPPING=1")
	return errors.Join(err, s.drain())
}

// mirrors collects the -mirror flags.
type mirrors []string

func (m *mirrors) String() string     { return strings.Join(*m, " ") }
func (m *mirrors) Set(v string) error { *m = append(*m, v); return nil }

func configure(args []string, stderr io.Writer) (*config.Config, error) {
	flags := flag.NewFlagSet("mirror-fcgi", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error
	file := flags.String("config", "", "the configuration `FILE`; without it the other flags are the configuration")
	http := flags.String("http", "", "`ADDRESS` of the built-in front, such as 127.0.0.1:8080")
	docroot := flags.String("docroot", "", "the `DIRECTORY` that is served")
	var list mirrors
	flags.Var(&list, "mirror", "a `MIRROR`, as /PREFIX/=URL[,URL...]; may be given again")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		flags.SetOutput(stderr)
		flags.Usage()
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: see -help", err)
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q: everything is a flag, see -help", flags.Arg(0))
	case *file != "" && (*docroot != "" || len(list) > 0 || *http != ""):
		return nil, errors.New("-config has it all: give either -config, or -http, -docroot and -mirror")
	case *file != "":
		return config.Load(*file)
	}
	return config.FromFlags(*docroot, list, *http)
}
