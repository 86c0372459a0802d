package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mirror/internal/loopback"
	"mirror/internal/origin"
	"mirror/internal/server"
	"mirror/store/index"
)

// TestWork: unasked, the daemon repairs what a disk has damaged, with verify_rate,
// and removes what the upstream dropped.
func TestWork(t *testing.T) {
	const size = 1 << 20
	o := origin.New(t)
	dir := t.TempDir()
	doc, state := filepath.Join(dir, "doc"), filepath.Join(dir, ".doc-state")
	if err := os.Mkdir(doc, 0o755); err != nil {
		t.Fatal(err)
	}
	_, address := loopback.Address()
	text := fmt.Sprintf("docroot = \"doc\"\n[server]\nhttp = %q\nverify_rate = \"100MiB\"\n"+
		"[[mirror]]\nprefix = \"/m/\"\nupstream = [%q]\nkeep_dropped = \"0s\"\n", address, o.URL+"/")
	file := filepath.Join(dir, "mirror.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d := begin(t, dir, address, nil, nil, "-config", file)
	for i, name := range []string{"rotten", "dropped", "stays"} {
		o.Set("/"+name, origin.File{Seed: uint64(i), Size: size})
		resp, err := http.Get(d.url + "/m/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if err := origin.Check(resp.Body, uint64(i), size); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		server.Eventually(t, "it is published", func() bool { _, err := os.Stat(filepath.Join(doc, "m", name)); return err == nil })
	}
	d.end(t)

	rot(t, filepath.Join(doc, "m/rotten"))
	drop(t, state, "m/dropped")
	// The last round has ended; the next one begins on another day.
	if err := os.Remove(filepath.Join(state, "verify")); err != nil {
		t.Fatal(err)
	}
	d = begin(t, dir, address, nil, nil, "-config", file)
	for _, what := range []string{`"verify: all was read"`, `"gc: done"`} {
		server.Eventually(t, what, func() bool { return strings.Contains(d.log.String(), what) })
	}
	d.end(t)
	if !strings.Contains(d.log.String(), `msg="verify: damaged" path=/m/rotten done=repaired`) {
		t.Errorf("log:\n%s", &d.log)
	}
	for i, name := range []string{"rotten", "dropped", "stays"} {
		b, err := os.ReadFile(filepath.Join(doc, "m", name))
		switch {
		case name == "dropped" && !errors.Is(err, fs.ErrNotExist):
			t.Errorf("what the upstream dropped is still there: %v", err)
		case name != "dropped" && (err != nil || !bytes.Equal(b, origin.Bytes(uint64(i), size))):
			t.Errorf("%s is not what the upstream has: %v", name, err)
		}
	}
}

// rot changes some bytes of a file, as a disk does: nothing tells but the bytes.
func rot(t *testing.T, path string) {
	t.Helper()
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("rot"), fi.Size()/2); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Time{}, fi.ModTime()); err != nil {
		t.Fatal(err)
	}
}

// drop puts on record that the upstream has dropped a file.
func drop(t *testing.T, state, name string) {
	t.Helper()
	x, err := index.Open(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.MarkDropped(t.Context(), "m", time.Now(), name); err != nil {
		t.Fatal(err)
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
}
