package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// apt updates from the mirror and downloads a package, twice: the archive changes
// in between. Nothing of the machine's own apt is read or written.
func apt(t *testing.T, s *site) {
	a, err := debianArchive()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, sub := range []string{"state/lists/partial", "cache/archives/partial", "etc/preferences.d", "log"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(dir, "status"), "")
	writeFile(t, filepath.Join(dir, "etc/sources.list"),
		fmt.Sprintf("deb [signed-by=%s] %s/debian stable main\n", a.key, s.URL))
	get := func(args ...string) string {
		t.Helper()
		options := []string{
			"Dir::State=" + dir + "/state", "Dir::State::status=" + dir + "/status", "Dir::Cache=" + dir + "/cache",
			"Dir::Etc=" + dir + "/etc", "Dir::Etc::sourceparts=-", "Dir::Etc::parts=-", "Dir::Log=" + dir + "/log",
			"APT::Architecture=amd64", "APT::Sandbox::User=root", "Acquire::Languages=none", "Acquire::Retries=0",
			"Acquire::http::Proxy=DIRECT", "Acquire::http::Timeout=20", "Debug::NoLocking=1",
		}
		all := []string{"-q", "-y"}
		for _, option := range options {
			all = append(all, "-o", option)
		}
		out, err := tool(t, dir, "apt-get", "apt", append(all, args...)...)
		// What apt could not get is a warning to it, too.
		if err != nil || strings.Contains(out, "\nW:") || strings.Contains(out, "\nE:") || strings.Contains(out, "\nErr:") {
			t.Fatalf("apt-get %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return out
	}
	for i := range a.releases {
		s.publish(a, i)
		get("update")
		out := get("update") // nothing has changed
		if !strings.Contains(out, "Hit:1 "+s.URL+"/debian stable InRelease") {
			t.Errorf("a second update of release %d was no 304\n%s", i, out)
		}
		get("download", "hello+mirror")
		get("install", "--download-only", "hello+mirror")
		s.published(t, "/debian"+a.packages[i])
		want := a.contents[a.packages[i]]
		debs, _ := filepath.Glob(filepath.Join(dir, "hello+mirror_*.deb"))
		cached, _ := filepath.Glob(filepath.Join(dir, "cache/archives/hello+mirror_*.deb"))
		if len(debs) != i+1 || len(cached) != i+1 {
			t.Fatalf("release %d: downloaded %q, cached %q", i, debs, cached)
		}
		for _, path := range []string{debs[i], cached[i], filepath.Join(s.docroot, "debian", a.packages[i])} {
			if body, err := os.ReadFile(path); err != nil || !bytes.Equal(body, want) {
				t.Errorf("%s: %d bytes of %d, %v", path, len(body), len(want), err)
			}
		}
		if n := s.upstream.Count(pub+"/debian"+a.packages[i], "GET"); n != 1 {
			t.Errorf("the package was fetched %d times", n)
		}
	}
}
