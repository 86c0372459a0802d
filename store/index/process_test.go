package index

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// What other processes do to an index is tested with other processes: the test
// binary starts itself, with the role to play in roleVariable.
const roleVariable = "INDEX_TEST_ROLE"

// roles are the programs that such a process may run. Each gets the state
// directory and its arguments; an error is printed and ends it with status 1.
var roles = map[string]func(dir string, args []string) error{
	"publish":     publishRole,
	"acknowledge": acknowledgeRole,
	"limit":       limitRole,
	"learn":       learnRole,
	"relearn":     relearnRole,
}

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := roles[role](os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0) // as a CGI process does: without Close
	}
	goleak.VerifyTestMain(m)
}

// process prepares a process that plays a role.
func process(t testing.TB, role, dir string, args ...any) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, dir)
	for _, arg := range args {
		cmd.Args = append(cmd.Args, fmt.Sprint(arg))
	}
	// The race detector would make each process wait a second before it ends.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GOMAXPROCS=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// publishRole publishes ARG2 files, one by one, named after ARG0, in the journal
// mode ARG1. It waits for its standard input to end, so that all processes
// begin together, and reads back what it wrote.
func publishRole(dir string, args []string) error {
	x, err := Open(dir)
	if err != nil {
		return err
	}
	x.mode = args[1]
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	ctx := context.Background()
	for i := range n {
		name := fmt.Sprintf("%s/%06d", args[0], i)
		if err := x.Publish(ctx, []Record{{Name: name, Size: int64(i)}}); err != nil {
			return err
		}
		if r, ok, err := x.File(ctx, name); err != nil || !ok || r.Size != int64(i) {
			return fmt.Errorf("read back %+v, %v, %v", r, ok, err)
		}
	}
	return nil
}

// acknowledgeRole publishes files named after ARG0 from two goroutines, for
// ever, and prints each name once Publish has returned.
func acknowledgeRole(dir string, args []string) error {
	x, err := Open(dir)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for g := range 2 {
		go func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("%s/%d/%d", args[0], g, i)
				if err := x.Publish(context.Background(), []Record{{Name: name}}); err != nil {
					failed <- err
				}
				// One write(2) a line, so that the reader gets whole lines
				// or none; after the row is acknowledged, never before.
				if _, err := os.Stdout.WriteString(name + "\n"); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

// herd runs n processes of a role that begin at the same moment, each with its
// number as first argument, and waits for their end.
func herd(t *testing.T, n int, role, dir string, args ...any) {
	t.Helper()
	gate, release, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer gate.Close()
	var (
		processes []*exec.Cmd
		said      = make([]strings.Builder, n)
	)
	for i := range n {
		p := process(t, role, dir, append([]any{i}, args...)...)
		p.Stdin, p.Stderr = gate, &said[i]
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, p)
	}
	release.Close()
	for i, p := range processes {
		if err := p.Wait(); err != nil {
			t.Errorf("process %d: %v: %s", i, err, said[i].String())
		}
	}
}

func TestTwentyProcessesCreate(t *testing.T) {
	for _, mode := range []string{modeWAL, modeDelete} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			herd(t, 20, "publish", dir, mode, 1)
			expectNames(t, dir, mode, 20)
		})
	}
}

func TestEightProcessesWrite(t *testing.T) {
	for mode, each := range map[string]int{modeWAL: 100, modeDelete: 10} {
		t.Run(mode, func(t *testing.T) {
			dir := t.TempDir()
			herd(t, 8, "publish", dir, mode, each)
			expectNames(t, dir, mode, 8*each)
		})
	}
}

// expectNames checks that n files are recorded, each with one line in the
// change log, none of which is missing in between.
func expectNames(t *testing.T, dir, mode string, n int) {
	t.Helper()
	x := openMode(t, dir, mode)
	if got := len(names(t, x, "")); got != n {
		t.Errorf("%d files are recorded, want %d", got, n)
	}
	changes, err := x.Changes(t.Context(), 0, n+1)
	if err != nil || len(changes) != n {
		t.Errorf("the change log has %d lines, %v; want %d", len(changes), err, n)
	}
	for i, c := range changes {
		if i > 0 && c.Seq != changes[i-1].Seq+1 {
			t.Errorf("line %d follows line %d", c.Seq, changes[i-1].Seq)
		}
	}
}

func TestKill9(t *testing.T) {
	const rounds, processes = 20, 2
	dir := t.TempDir()
	var acknowledged []string
	for round := range rounds {
		var (
			all   []*exec.Cmd
			pipes []*bufio.Scanner
		)
		for p := range processes {
			cmd := process(t, "acknowledge", dir, fmt.Sprintf("%d.%d", round, p))
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			all, pipes = append(all, cmd), append(pipes, bufio.NewScanner(out))
		}
		// "At random": after a number of rows that differs from round to
		// round, whatever the other goroutine and process are doing then.
		for p, cmd := range all {
			for range 1 + (round*7+p*13)%40 {
				if !pipes[p].Scan() {
					t.Fatal("the process ended by itself")
				}
				acknowledged = append(acknowledged, pipes[p].Text())
			}
			cmd.Process.Kill()
		}
		for p, cmd := range all {
			for pipes[p].Scan() {
				acknowledged = append(acknowledged, pipes[p].Text())
			}
			cmd.Wait()
		}
	}
	x := open(t, dir)
	for _, name := range acknowledged {
		if _, ok, err := x.File(t.Context(), name); !ok || err != nil {
			t.Errorf("%s was acknowledged: %v, %v", name, ok, err)
		}
	}
	t.Logf("%d processes killed, %d rows acknowledged", rounds*processes, len(acknowledged))
}
