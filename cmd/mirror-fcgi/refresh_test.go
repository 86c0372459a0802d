package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"mirror/internal/loopback"
	"mirror/internal/origin"
	"mirror/internal/server"
)

// TestRefreshes: the daemon keeps fresh what clients use, though nobody asks.
func TestRefreshes(t *testing.T) {
	o := origin.New(t)
	o.Set("/a.db", origin.File{Body: []byte("old")})
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "doc"), 0o755); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("docroot = \"doc\"\n[server]\nhttp = %%q\n[[mirror]]\nprefix = \"/m/\"\nupstream = [%q]\nmax_age = \"1s\"\n", o.URL+"/")
	_, address := loopback.Address()
	path := filepath.Join(dir, "mirror.toml")
	if err := os.WriteFile(path, fmt.Appendf(nil, config, address), 0o600); err != nil {
		t.Fatal(err)
	}
	d := begin(t, dir, address, nil, nil, "-config", path)
	resp, err := http.Get(d.url + "/m/a.db")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	o.Set("/a.db", origin.File{Body: []byte("new"), ModTime: origin.Epoch.Add(time.Hour)})
	server.Eventually(t, "the new one is in the docroot", func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "doc/m/a.db"))
		return err == nil && string(b) == "new"
	})
}
