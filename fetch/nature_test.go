package fetch

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	"mirror/config"
	"mirror/repo"
)

// TestProfiles: config and repo, which do not know each other, have the same ones.
func TestProfiles(t *testing.T) {
	if ours, theirs := config.Profiles, repo.Profiles(); !slices.Equal(ours, theirs) {
		t.Errorf("config has %q, repo %q", ours, theirs)
	}
}

// TestSetsAreMutable: what vouches for other files, and what is published with it, is
// asked for again by the default of "mutable".
func TestSetsAreMutable(t *testing.T) {
	conf, err := config.Parse([]byte("docroot = \"/srv\"\n[[mirror]]\nprefix = \"/m/\"\nupstream = [\"http://one.example/\"]\n"), "/etc/mirror.toml")
	if err != nil {
		t.Fatal(err)
	}
	m := &conf.Mirrors[0]
	know, err := repo.New(m.Profile)
	if err != nil {
		t.Fatal(err)
	}
	sets := 0
	err = fs.WalkDir(os.DirFS("../repo/testdata/repos"), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		_, name, _ := strings.Cut(path, "/") // below the repository
		n := know.Of(name)
		for _, other := range append(slices.Clone(n.Set), n.Signatures...) {
			if sets++; !m.IsMutable(other) {
				t.Errorf("%s belongs to %s, and would never be asked for again", other, path)
			}
		}
		return nil
	})
	if err != nil || sets < 20 {
		t.Errorf("%d names, %v", sets, err)
	}
}
