package soak

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// longest is how long a client's command may take.
const longest = 90 * time.Second

// command runs a client's program and returns all that it says.
func command(dir, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C", "HOME="+dir, "no_proxy=*", "http_proxy=", "HTTP_PROXY=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = fmt.Errorf("not ready after %v", longest)
	}
	return string(out), err
}

// runGPG runs gpg with the keys of a directory.
func runGPG(home string, text []byte, args ...string) ([]byte, error) {
	var out, problems bytes.Buffer
	cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--yes", "--quiet"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("gpg %q: %w\n%s(Debian packages: gpg, gpg-agent)", args, err, &problems)
	}
	return out.Bytes(), nil
}

func write(t *testing.T, path, text string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
