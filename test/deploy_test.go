package test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mirror/config"
)

// TestIndexNames compares the pattern of index names in each file of deploy/ with
// the default of "mutable": a front that knows fewer names serves old indexes for
// ever, one that knows more asks us for nothing.
func TestIndexNames(t *testing.T) {
	conf, err := config.Parse([]byte("docroot = \"/srv/mirror\"\n[[mirror]]\nprefix = \"/debian/\"\nupstream = [\"http://one.example/\"]\n"), "mirror.toml")
	if err != nil {
		t.Fatal(err)
	}
	// One name for each pattern, and others that are close to one.
	samples := []string{
		"Releases", "Release.gpg.deb", "xInRelease", "release", "Packages-x.deb", "PackagesX", "Contents", "a.dbx", "db", "files",
		"SUMS", "SHA1SUMS", "xMD5SUMS", "x.ls-lR", "ls-lRx", "xrepomd.xml", "APKINDEX.tar.gz.sig", "a.deb", "a.files.d/x",
	}
	for _, pattern := range conf.Mirrors[0].Mutable {
		name := strings.ReplaceAll(pattern, "*", "x+1")
		samples = append(samples, name, "dists/sid/"+name, name+"/a.deb")
	}
	files, err := filepath.Glob("../deploy/*/*")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	index := regexp.MustCompile(`/\(\?:InRelease\|.*ls-lR\S*\)\$`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, expression := range index.FindAllString(string(text), -1) {
			found++
			pattern, err := regexp.Compile(expression)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, name := range samples {
				if got, want := pattern.MatchString("/debian/"+name), conf.Mirrors[0].IsMutable(name); got != want {
					t.Errorf("%s: %q is an index: %v; the default of mutable says %v", file, name, got, want)
				}
			}
		}
	}
	if found != 10 {
		t.Errorf("%d files know the names of indexes, not 10", found)
	}
}
