package test

import (
	"os"
	"path/filepath"
	"testing"

	"mirror/internal/origin"
)

// downloaders runs what people use, on misses and on hits.
func downloaders(t *testing.T, s *site) {
	dir := t.TempDir()
	check := func(name string, f origin.File, out string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
			return
		}
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = sameFile(f, body)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	f := origin.File{Seed: 18, Size: 3<<20 + 5}
	for _, name := range []string{"wget", "curl", "aria2"} {
		s.offer("/debian/"+name+".iso", f)
	}
	for _, when := range []string{"miss", "hit"} {
		out, err := tool(t, dir, "wget", "wget", "-nv", "-O", "wget-"+when, s.URL+"/debian/wget.iso")
		check("wget-"+when, f, out, err)

		// The client has the first 100 kB already.
		name := "curl-" + when
		if err := os.WriteFile(filepath.Join(dir, name), origin.Bytes(f.Seed, 100_000), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err = tool(t, dir, "curl", "curl", "-sSfL", "-C", "-", "-o", name, s.URL+"/debian/curl.iso")
		check(name, f, out, err)

		out, err = tool(t, dir, "aria2c", "aria2", "--no-conf", "-x4", "-s4", "-k1M", "--max-tries=3",
			"--file-allocation=none", "-o", "aria2-"+when, s.URL+"/debian/aria2.iso")
		check("aria2-"+when, f, out, err)
		s.published(t, "/debian/wget.iso")
		s.published(t, "/debian/curl.iso")
		s.published(t, "/debian/aria2.iso")
	}
}
