// Package proc starts the processes of the benchmark, knows how much memory
// they took, and leaves none behind.
package proc

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Group is all processes of a run. It is safe for concurrent use.
type Group struct {
	mu  sync.Mutex
	all map[*Process]struct{} // guarded by mu; those that were not waited for
}

// Process is one of them, with its children.
type Process struct {
	group *Group
	cmd   *exec.Cmd
	end   chan struct{} // closed once it was waited for
}

// patience is how long a process may take to end when it is told to.
const patience = 5 * time.Second

// Start starts cmd as the leader of a process group: an interrupt at the
// terminal reaches us only, and what it leaves behind can be killed with it.
func (g *Group) Start(cmd *exec.Cmd) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", cmd.Path, err)
	}
	p := &Process{group: g, cmd: cmd, end: make(chan struct{})}
	g.mu.Lock()
	if g.all == nil {
		g.all = make(map[*Process]struct{})
	}
	g.all[p] = struct{}{}
	g.mu.Unlock()
	go func() {
		_ = cmd.Wait() // how it ended is of no interest: whoever needed it notices
		g.mu.Lock()
		delete(g.all, p)
		g.mu.Unlock()
		close(p.end)
	}()
	return p, nil
}

// Stop ends all processes of the group.
func (g *Group) Stop() {
	g.mu.Lock()
	all := make([]*Process, 0, len(g.all))
	for p := range g.all {
		all = append(all, p)
	}
	g.mu.Unlock()
	for _, p := range all {
		p.Stop()
	}
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.end }

// Stop ends the process, and its children if it does not do so itself.
func (p *Process) Stop() { p.Signal(syscall.SIGTERM) }

// Signal asks the process to end by sig, and makes it end if it does not.
func (p *Process) Signal(sig syscall.Signal) {
	select {
	case <-p.end:
		return
	default:
	}
	_ = syscall.Kill(p.PID(), sig) // fails only if it has just ended
	select {
	case <-p.end:
	case <-time.After(patience):
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
		<-p.end
	}
}

// Peak returns the peak resident memory, in bytes, of the process and its
// children together. Pages that they share count for each.
func (p *Process) Peak() (int64, error) { return p.sum("VmHWM:") }

// Resident returns the same of now.
func (p *Process) Resident() (int64, error) { return p.sum("VmRSS:") }

func (p *Process) sum(field string) (int64, error) {
	pids, err := children(p.PID())
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, pid := range append(pids, p.PID()) {
		kib, err := status(pid, field)
		if err != nil && pid != p.PID() { // a child that has just ended
			continue
		}
		if err != nil {
			return 0, err
		}
		sum += kib << 10
	}
	return sum, nil
}

func status(pid int, field string) (kib int64, err error) {
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if v, ok := strings.CutPrefix(s.Text(), field); ok {
			_, err = fmt.Sscan(v, &kib)
			return kib, err
		}
	}
	return 0, fmt.Errorf("process %d does not tell its memory (%s)", pid, field)
}

func children(pid int) ([]int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, field := range strings.Fields(string(b)) {
		var child int
		if _, err := fmt.Sscan(field, &child); err != nil {
			return nil, err
		}
		pids = append(pids, child)
	}
	return pids, nil
}
