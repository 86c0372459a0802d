package handler

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mirror/internal/origin"
)

// TestNothingStaysOpen: what is opened in the docroot for an answer is closed with it,
// whatever the answer is. No collector sees to that.
func TestNothingStaysOpen(t *testing.T) {
	r := newRig(t, "")
	r.o.Set("/a.deb", origin.File{Body: origin.Bytes(1, 4<<10)})
	r.o.Set("/InRelease", origin.File{Body: origin.Bytes(2, 4<<10)})
	r.o.Set("/large.deb", origin.File{Body: origin.Bytes(3, 1<<20)})
	r.bring("m/a.deb")
	r.bring("m/InRelease")
	r.bring("m/large.deb")
	r.put("m/dir/file", "x")
	if err := syscall.Mkfifo(filepath.Join(r.conf.Docroot, "m/fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.deb", filepath.Join(r.conf.Docroot, "m/link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"a.deb", "InRelease", "large.deb", "dir", "fifo", "link"} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, header := range [][]string{nil, {"Range", "bytes=1-2"}, {"Range", "bytes=1-2,5-6"}, {"Range", "bytes=9999999-"}, {"If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"}, {"If-Match", `"a"`}} {
				for _, front := range []Front{streaming, {Handover: HandoverAccel, Accel: "/_x"}, {Handover: HandoverLocal}} {
					resp := r.ask(front, method, "/m/"+path, header...)
					if resp.StatusCode == http.StatusInternalServerError {
						t.Errorf("%s %s %v: %s", method, path, header, resp.Status)
					}
				}
			}
		}
	}
	if still := openBelow(t, r.conf.Docroot); len(still) > 0 {
		t.Errorf("still open: %q", still)
	}
	f, err := os.Open(filepath.Join(r.conf.Docroot, "m/a.deb"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(openBelow(t, r.conf.Docroot)) != 1 {
		t.Error("what is open is not found")
	}
}

// openBelow returns what this process has open below a directory.
func openBelow(t *testing.T, dir string) (paths []string) {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(to, dir+"/") {
			paths = append(paths, to)
		}
	}
	return paths
}
