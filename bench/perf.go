package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// recordPerf has perf record what the daemon does during a turn, if that is wanted.
// It disturbs the figures: they are not for the results.
//
//	perf report --no-children -i DIRECTORY/big-ours_built-in-1.data
func (b *bench) recordPerf(t *turn) (stop func(), err error) {
	if b.perf == "" || t.Daemon == nil {
		return func() {}, nil
	}
	name := fmt.Sprintf("%s-%s-%d.data", b.measure, strings.ReplaceAll(string(t.Kind), " ", "_"), t.round+1)
	cmd := exec.Command("perf", "record", "-q", "-g", "-F", "499",
		"-o", filepath.Join(b.perf, name), "-p", fmt.Sprint(t.Daemon.PID()))
	cmd.Stderr = os.Stderr
	p, err := b.group.Start(cmd)
	if err != nil {
		return nil, err
	}
	time.Sleep(perfStart)
	return func() { p.Signal(syscall.SIGINT) }, nil // on which it writes its file
}

// perfStart is what perf takes to attach: it does not say when it has.
const perfStart = 300 * time.Millisecond
