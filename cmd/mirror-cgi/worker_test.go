package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"mirror/internal/origin"
)

// TestWorkerSurvives: a web server may kill the CGI process and its whole
// process group; the fetch goes on.
func TestWorkerSurvives(t *testing.T) {
	const size = 2 << 20
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: size})
	release := o.HoldAfter("/a", size/2)
	dir := t.TempDir()
	program := filepath.Join(dir, "mirror-cgi")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("docroot = \"doc\"\n[[mirror]]\nprefix = \"/m/\"\nupstream = [%q]\n", o.URL+"/")
	for _, err := range []error{
		os.Symlink(self, program), // testscript.Main goes by the name
		os.Mkdir(filepath.Join(dir, "doc"), 0o755),
		os.WriteFile(filepath.Join(dir, "mirror.toml"), []byte(config), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program)
	cmd.Env = []string{"GATEWAY_INTERFACE=CGI/1.1", "REQUEST_METHOD=GET", "REQUEST_URI=/m/a", "MIRROR_STREAM=1",
		"MIRROR_CONFIG=" + filepath.Join(dir, "mirror.toml")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	o.Await("/a", 1)
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	release()
	for deadline := time.Now().Add(20 * time.Second); runs(dir); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the worker does not end")
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "doc/m/a"))
	if err != nil || !bytes.Equal(b, origin.Bytes(1, size)) {
		t.Errorf("published: %d bytes, %v", len(b), err)
	}
	if n := o.Count("/a", ""); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

// runs reports whether a worker for the configuration in dir is running.
func runs(dir string) bool {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range list {
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(workerFlag+"\x00"+dir+"/")) {
			return true
		}
	}
	return false
}
