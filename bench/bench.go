package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mirror/bench/content"
	"mirror/bench/contestant"
	"mirror/bench/load"
	"mirror/bench/origin"
	"mirror/bench/proc"
)

// bench is what all measures share.
type bench struct {
	plan
	group     proc.Group
	setup     contestant.Setup
	origin    *origin.Origin
	dir       string // everything is in here, and goes with it
	of        string // parts of the names of the contestants that are wanted
	perf      string // where perf's profiles go; empty: none are taken
	goProfile string // likewise, Go's
	measure   string // the name of the one that runs
	serial    int    // of the last directory and path
}

// turnTime bounds one contestant's turn in one round.
const turnTime = 5 * time.Minute

func newBench(ctx context.Context, o options) (b *bench, err error) {
	b = &bench{plan: whole, of: o.of, perf: o.perf, goProfile: o.profile}
	if o.quick {
		b.plan = quick
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if err := contestant.Missing(); err != nil {
		return b, err
	}
	if b.dir, err = makeDisk(o.dir); err != nil {
		return b, err
	}
	for _, profiles := range []string{o.perf, o.profile} {
		if profiles == "" {
			continue
		}
		if err := os.MkdirAll(profiles, 0o755); err != nil {
			return b, err
		}
	}
	repo, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return b, fmt.Errorf("it has to be started within the module: %w", err)
	}
	b.setup = contestant.Setup{Group: &b.group, Repo: strings.TrimSpace(string(repo)), Daemon: o.daemon, Nginx: o.nginx}
	if b.setup.Daemon == "" {
		var tags []string
		if o.profile != "" {
			tags = []string{"-tags=profile"}
		}
		if b.setup.Daemon, err = b.build(ctx, "mirror-fcgi", tags...); err != nil {
			return b, err
		}
	}
	if b.setup.CGI, err = b.build(ctx, "mirror-cgi", "-tags", "sqlite_omit_load_extension,netgo,osusergo",
		"-ldflags", "-s -w -linkmode external -extldflags -static"); err != nil {
		return b, err
	}
	if b.origin, err = origin.Start(ctx, &b.group); err != nil {
		return b, err
	}
	b.setup.Origin = b.origin.Addr
	return b, nil
}

// build builds one of our programs, by the Makefile's flags.
func (b *bench) build(ctx context.Context, name string, flags ...string) (program string, err error) {
	return b.buildDir(ctx, "cmd/"+name, flags...)
}

func (b *bench) buildDir(ctx context.Context, dir string, flags ...string) (program string, err error) {
	program = filepath.Join(b.dir, filepath.Base(dir))
	args := append([]string{"build", "-o", program}, flags...)
	build := exec.CommandContext(ctx, "go", append(args, "./"+dir)...)
	build.Dir, build.Stderr = b.setup.Repo, os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("%s cannot be built: %w", dir, err)
	}
	return program, nil
}

// results is where a whole run's results are kept.
func (b *bench) results() string { return filepath.Join(b.setup.Repo, "bench", "RESULTS.md") }

// close ends all processes and removes all files.
func (b *bench) close() error {
	b.group.Stop()
	if b.dir == "" {
		return nil
	}
	// mirror-cgi's workers outlive their server, and may still be writing.
	var err error
	for range 50 {
		if err = os.RemoveAll(b.dir); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// turn is one contestant's turn in one round.
type turn struct {
	*contestant.Running
	b     *bench
	round int
}

// path returns the path of a file that was never asked for.
func (t *turn) path(size int64) string { return t.paths(1, size)[0] }

// paths are as long and as deep as those of a distribution's packages: servers look
// through them.
func (t *turn) paths(n int, size int64) []string {
	t.b.serial++
	paths := make([]string, n)
	for i := range paths {
		paths[i] = content.Path(size, fmt.Sprintf("%s/%d/pool/main/p/package/package_1.2.3-%d_amd64.deb", t.b.measure, t.b.serial, i))
	}
	return paths
}

// wanted reports whether k is one of those that were chosen.
func (b *bench) wanted(k contestant.Kind) bool {
	for part := range strings.SplitSeq(b.of, ",") {
		if strings.Contains(string(k), part) {
			return true
		}
	}
	return false
}

// sideBySide gives every kind its turn in every round.
func (b *bench) sideBySide(ctx context.Context, rounds int, kinds []contestant.Kind, work func(context.Context, *turn) error) error {
	kinds = slices.DeleteFunc(slices.Clone(kinds), func(k contestant.Kind) bool { return !b.wanted(k) })
	for round := range rounds {
		for i := range kinds {
			kind := kinds[(i+round)%len(kinds)]
			start := time.Now()
			if err := b.turn(ctx, round, kind, work); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			fmt.Fprintf(os.Stderr, "%-8s round %d of %d  %-28s %6.1f s\n", b.measure, round+1, rounds, kind, time.Since(start).Seconds())
		}
	}
	return nil
}

func (b *bench) turn(ctx context.Context, round int, kind contestant.Kind, work func(context.Context, *turn) error) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, turnTime, errors.New("its turn took too long"))
	defer cancel()
	b.serial++
	dir := filepath.Join(b.dir, fmt.Sprint(b.serial))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	running, err := b.setup.Start(ctx, kind, dir)
	defer func() {
		if err != nil {
			fmt.Fprint(os.Stderr, running.Logs())
		}
		running.Stop()
		err = errors.Join(err, quieten(dir))
	}()
	if err != nil {
		return err
	}
	if err := errors.Join(b.origin.Set(ctx, 0, 0), b.origin.Reset(ctx)); err != nil {
		return err
	}
	t := &turn{Running: running, b: b, round: round}
	if err := t.warm(ctx); err != nil {
		return err
	}
	stop, err := b.recordPerf(t)
	if err != nil {
		return err
	}
	defer stop()
	return work(ctx, t)
}

// warm lets a server do once what it does at the first request only.
func (t *turn) warm(ctx context.Context) error {
	path := t.path(kib)
	c := load.NewClient(t.Addr)
	defer c.Close()
	if _, err := c.Get(ctx, path); err != nil {
		return err
	}
	return t.Settle(ctx, path)
}
