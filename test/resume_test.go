package test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mirror/internal/origin"
	"mirror/internal/server"
)

// entityTags: what a client is told of a file while it arrives is what it is told
// when the file is there. A tag is the same then, or was not sent.
func entityTags(t *testing.T, s *site) {
	f := origin.File{Seed: 50, Size: 1<<20 + 3, ModTime: origin.Epoch.Add(90 * time.Minute)}
	target := s.offer("/debian/tagged.iso", f)
	head := s.ask(t, "HEAD", target)
	release := s.upstream.HoldAfter(pub+target, 512*kib)
	defer release()
	miss := head.header
	if s.front.streams {
		ctx, cancel := context.WithTimeout(t.Context(), server.Patience)
		defer cancel()
		response, err := s.open(ctx, "GET", target)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		miss = response.Header
		release()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
	} else {
		release()
		s.get(t, target).whole(t, f)
	}
	s.published(t, target)
	hit := s.get(t, target)
	hit.whole(t, f)
	tag := hit.header.Get("ETag")
	if tag == "" || strings.HasPrefix(tag, "W/") {
		t.Errorf("a hit has the ETag %q", tag)
	}
	want := ""
	if s.front.tags {
		want = tag
	}
	for what, header := range map[string]string{"HEAD of a miss": head.header.Get("ETag"), "a miss": miss.Get("ETag")} {
		if header != want {
			t.Errorf("%s has the ETag %q, not %q; a hit has %q", what, header, want, tag)
		}
	}
	validator := miss.Get("ETag")
	if validator == "" {
		validator = miss.Get("Last-Modified")
	}
	s.get(t, target, "Range", "bytes=600000-600999", "If-Range", validator).part(t, f, 600000, 1000)

	// So is what it is told of a file that the handler hands over.
	handed := s.offer("/wait/tagged.iso", f)
	first := s.get(t, handed)
	first.whole(t, f)
	s.published(t, handed)
	if own := first.header.Get("ETag"); own != s.get(t, handed).header.Get("ETag") && own != "" {
		t.Errorf("a file that was handed over has the ETag %q, not %q", own, tag)
	}

	// The handler itself knows the tag of what is there, too: it is asked for an index.
	index := s.offer("/debian/tagged/InRelease", f)
	s.get(t, index).whole(t, f)
	s.published(t, index)
	a := s.get(t, index)
	a.whole(t, f)
	if own := a.header.Get("ETag"); own != tag && own != "" {
		t.Errorf("an index has the ETag %q, not %q", own, tag)
	} else if own != "" {
		if a := s.ask(t, "GET", index, "If-None-Match", own); a.status != 304 {
			t.Errorf("If-None-Match of an index: %d", a.status)
		}
	}
	if a := s.ask(t, "GET", index, "If-None-Match", `"another"`); a.status != 200 {
		t.Errorf("If-None-Match of another index: %d", a.status)
	}
}

// resumed breaks a download off in the middle of a miss, and goes on with it when
// the web server has the file.
func resumed(t *testing.T, s *site) {
	if !s.front.streams {
		return // there is no middle
	}
	dir := t.TempDir()
	f := origin.File{Seed: 51, Size: 2<<20 + 7}
	for _, c := range []struct {
		program, debianPackage string
		args                   []string
		proof                  string // in its output: it has gone on, not begun anew
	}{
		{"curl", "curl", []string{"-sSf", "-v", "-C", "-", "-o"}, "206"},
		{"wget", "wget", []string{"-S", "--tries=1", "-c", "-O"}, "206 Partial"},
		{"aria2c", "aria2", []string{"--no-conf", "-c", "-x1", "-s1", "--disk-cache=0", "--max-tries=1", "--file-allocation=none",
			"--console-log-level=info", "--auto-save-interval=1", "-o"}, "206 Partial"},
	} {
		target := s.offer("/debian/resumed-"+c.program+".iso", f)
		release := s.upstream.HoldAfter(pub+target, 1<<20)
		args := append(c.args, "out-"+c.program, s.URL+target)
		file := filepath.Join(dir, "out-"+c.program)

		cmd := exec.Command(server.Installed(t, c.program, c.debianPackage), args...)
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		server.Eventually(t, c.program+" has a part of the file", func() bool {
			info, err := os.Stat(file)
			return err == nil && info.Size() >= 500*kib
		})
		cmd.Process.Signal(syscall.SIGINT)
		done := make(chan struct{})
		go func() { cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			cmd.Process.Kill()
			<-done
		}
		info, err := os.Stat(file)
		if err != nil || info.Size() >= f.Size {
			t.Fatalf("%s was not broken off: %v, %v", c.program, info, err)
		}
		release()
		s.published(t, target)

		out, err := tool(t, dir, c.program, c.debianPackage, args...)
		body, readErr := os.ReadFile(file)
		if err != nil || readErr != nil || !bytes.Equal(body, origin.Bytes(f.Seed, f.Size)) {
			t.Errorf("%s has %d bytes of %d: %v\n%s", c.program, len(body), f.Size, err, out)
		}
		if !strings.Contains(out, c.proof) {
			t.Errorf("%s did not go on, but began anew:\n%.2000s", c.program, out)
		}
		if n := s.upstream.Count(pub+target, "GET"); n != 1 {
			t.Errorf("%s made %d fetches", c.program, n)
		}
	}
}
