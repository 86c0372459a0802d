// Bench compares the mirror with its peers, side by side on one upstream.
//
//	go run ./bench                   everything, some 30 minutes; writes bench/RESULTS.md and bench/plots/
//	go run ./bench -quick            everything once and smaller, some 8 minutes; prints only
//	go run ./bench -only small,hits  some measures; prints only
//	go run ./bench -of ours,direct   some contestants, by parts of their names; prints only
//
// Goals of ours that -of leaves out, or that hold ours against a contestant that it leaves
// out, are reported as not measured. cgi, sync and scale measure all in any case.
//
//	go run ./bench -only big -perf DIR        profiles of the daemon, by perf; see perf.go
//	go run ./bench -only scale -profile DIR   Go profiles of the daemon; see NOTES.md
//
// It needs what `make bench` installs (and perf for -perf), no privileges, and loopback
// only. Every round runs all contestants one after another, in an order that rotates,
// each in an empty directory with fresh processes; between two of them all work is
// waited for and the disk is quiet. Every byte of every file is checked, but of a
// directory's page only the last entry, and of a suite's index nothing, since that has its
// name only where it is what the release says: what is wrong ends the run. Nothing else
// does: goals are reported as met or not, and slow figures are figures.
//
// Leave the machine alone meanwhile, and five minutes between two runs: the
// files that the first one deleted at its end slow down the second (see
// disk.go).
//
//	content/     the files: made from their path, and checked
//	origin/      the upstream, a process of its own
//	floor/       the least that a Go program can do, as a measure
//	load/        the clients
//	contestant/  what is compared, and how it is configured
//	proc/        processes, their memory and processor time
//	plot/        the drawings, as SVG
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"mirror/bench/floor"
	"mirror/bench/origin"
)

// overall bounds a run, whatever hangs.
const overall = 60 * time.Minute

type options struct {
	quick  bool
	only   string
	of     string
	out    string
	dir    string
	daemon string
	nginx  string
	perf   string

	profile string
}

func main() {
	var err error
	switch {
	case origin.IsOrigin():
		err = origin.Main(os.Stdin, os.Stdout)
	case floor.Is():
		err = floor.Main()
	default:
		err = command()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func command() error {
	var o options
	flag.BoolVar(&o.quick, "quick", false, "one round of smaller work")
	flag.StringVar(&o.only, "only", "", "the `MEASURES` to take, of "+strings.Join(names(), ", ")+"; the default is all")
	flag.StringVar(&o.of, "of", "", "the contestants to measure, by `PARTS` of their names; the default is all")
	flag.StringVar(&o.out, "o", "", "the `FILE` to write the results to; a whole run's is bench/RESULTS.md")
	flag.StringVar(&o.dir, "dir", "/var/tmp", "the `DIRECTORY` to work in, on a real disk")
	flag.StringVar(&o.daemon, "daemon", "", "the mirror-fcgi `BINARY`; the default is to build it")
	flag.StringVar(&o.nginx, "nginx", "/usr/sbin/nginx", "the nginx `BINARY`")
	flag.StringVar(&o.perf, "perf", "", "record profiles of mirror-fcgi into `DIRECTORY`, with perf")
	flag.StringVar(&o.profile, "profile", "", "write Go profiles of mirror-fcgi into `DIRECTORY`, where the work is scaled")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q: everything is a flag, see -help", flag.Arg(0))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, overall, errors.New("it took too long"))
	defer cancel()
	return run(ctx, o)
}

// run takes the measures, and reports also what was measured before an error.
func run(ctx context.Context, o options) (err error) {
	chosen, err := choose(o.only)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	r := &report{machine: describe(ctx, b.setup.Nginx), quick: o.quick, start: time.Now()}
	for _, m := range chosen {
		b.measure = m.name
		var series []*series
		if series, err = m.run(ctx, b); err != nil {
			err = fmt.Errorf("%s: %w", m.name, err)
			break
		}
		r.series = append(r.series, series...)
	}
	r.took = time.Since(r.start)
	out := o.out
	if out == "" && !o.quick && o.only == "" && o.of == "" {
		out = b.results()
	}
	if err == nil && out != "" {
		err = r.draw(out)
		r.drawn = err == nil
	}
	text := r.markdown()
	fmt.Print(text)
	if r.drawn {
		err = os.WriteFile(out, []byte(text), 0o644)
	}
	return err
}
