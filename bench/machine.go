package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"mirror/bench/contestant"
)

// machine is what a reader of the figures has to know of where they come from.
type machine struct {
	cores  int
	memory string
	cpu    string
	kernel string
	nginx  string
	golang string
	peers  string
}

func describe(ctx context.Context, nginx string) machine {
	m := machine{cores: runtime.NumCPU(), golang: strings.TrimPrefix(runtime.Version(), "go"), peers: contestant.Versions()}
	var total int64
	if _, err := fmt.Sscan(field("/proc/meminfo", "MemTotal"), &total); err == nil {
		m.memory = fmt.Sprintf("%.0f GiB", float64(total)/mib)
	}
	m.cpu = field("/proc/cpuinfo", "model name")
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.kernel, _, _ = strings.Cut(strings.TrimSpace(string(b)), "-")
	}
	if b, err := exec.CommandContext(ctx, nginx, "-v").CombinedOutput(); err == nil {
		_, m.nginx, _ = strings.Cut(strings.TrimSpace(string(b)), "nginx/")
	}
	return m
}

// field returns a value of one of the files in /proc that have "key: value"
// lines; empty if it is not there.
func field(file, key string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func (m machine) String() string {
	return fmt.Sprintf("%d cores (%s), %s memory, Linux %s, Go %s, nginx %s, %s", m.cores, m.cpu, m.memory, m.kernel, m.golang, m.nginx, m.peers)
}
