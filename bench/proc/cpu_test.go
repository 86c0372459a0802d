package proc

import (
	"os/exec"
	"testing"
	"time"
)

// A figure that does not follow the work would make everything look cheap.
func TestCPU(t *testing.T) {
	var g Group
	defer g.Stop()
	idle, err := g.Start(exec.Command("sleep", "60"))
	if err != nil {
		t.Fatal(err)
	}
	busy, err := g.Start(exec.Command("sh", "-c", "while :; do :; done"))
	if err != nil {
		t.Fatal(err)
	}
	const enough = 20 * time.Millisecond
	for limit := time.Now().Add(30 * time.Second); ; {
		used, err := busy.CPU()
		if err != nil {
			t.Fatal(err)
		}
		if used >= enough {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("a busy process has used %v", used)
		}
		time.Sleep(time.Millisecond)
	}
	used, err := idle.CPU()
	if err != nil || used >= enough {
		t.Errorf("an idle process has used %v, %v", used, err)
	}
	idle.Stop()
	if _, err := idle.CPU(); err == nil {
		t.Error("a process that has ended still uses processor time")
	}
}
