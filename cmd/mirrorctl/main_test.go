package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"
)

// TestStatus: a script can tell what was interrupted from what failed.
func TestStatus(t *testing.T) {
	dir := t.TempDir()
	config := dir + "/mirror.toml"
	text := fmt.Sprintf("docroot = \"doc\"\n[[mirror]]\nprefix = \"/m/\"\nupstream = [\"file://%s/up/\"]\n", dir)
	for _, err := range []error{
		os.Mkdir(dir+"/doc", 0o755), os.Mkdir(dir+"/up", 0o755),
		os.WriteFile(dir+"/up/a", []byte("a"), 0o644), os.WriteFile(config, []byte(text), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, c := range []struct {
		ctx  context.Context
		args []string
		want int
	}{
		{stopped, []string{"sync", "/m/"}, interrupted},
		{stopped, []string{"fetch", "/m/a"}, interrupted},
		{t.Context(), []string{"fetch", "/m/none"}, 1},
		{t.Context(), []string{"sync", "/m/"}, 0},
	} {
		if got := run(c.ctx, append(c.args, "--config", config), io.Discard, io.Discard); got != c.want {
			t.Errorf("%q: status %d, want %d", c.args, got, c.want)
		}
	}
}
