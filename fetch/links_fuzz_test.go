package fetch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mirror"
)

// FuzzInside makes links in a mirror with links of its own, as an upstream could
// have them made, and asks the kernel where those that are allowed lead.
func FuzzInside(f *testing.F) {
	for _, target := range []string{
		"a", "../a", "../../a", "..", ".", "./..//b", "up", "up/x", "up/../../x", "deep/..", "deep/../../x", "/etc", "a/../../..", "", "deep/up/..", "new/up/..",
	} {
		f.Add(target)
	}
	root, err := filepath.EvalSymlinks(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	prefix := filepath.Join(root, "doc", "m")
	for _, dir := range []string{"d/e", "x/y/z"} {
		if err := os.MkdirAll(filepath.Join(prefix, dir), 0o755); err != nil {
			f.Fatal(err)
		}
	}
	// From m/d: up leads to m, deep far down.
	for name, target := range map[string]string{"d/up": "..", "d/deep": "../x/y/z", "d/e/up": "../..", "x/y/z/up": "../../.."} {
		if err := Inside("m/", mirror.Name("m/"+name), target); err != nil {
			f.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(prefix, name)); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, target string) {
		if Inside("m/", "m/d/link", target) != nil || strings.Contains(target, "\x00") {
			return
		}
		link := filepath.Join(prefix, "d", "link")
		if err := os.Symlink(target, link); err != nil {
			return // too long
		}
		defer os.Remove(link)
		real, err := filepath.EvalSymlinks(link)
		if err == nil && real != prefix && !strings.HasPrefix(real, prefix+"/") {
			t.Errorf("%q leads to %s", target, real)
		}
	})
}
