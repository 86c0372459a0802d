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

// TestPages: config, which keeps the pages of Python indexes aside, and repo, which says
// how they are asked for, know the same ones.
func TestPages(t *testing.T) {
	names := []string{"", "index.html", "index.v1_json", "a/index.html", "a/b/index.v1_json"}
	for _, above := range []string{"", "x/", "x/y/"} {
		for _, dir := range []string{"simple", "simple/a", "simple/a/b", "simples", "a/simple", "simples/a", "simple/simple"} {
			for _, base := range []string{"index.html", "index.v1_json", "index.htm", "index.json", "simple"} {
				names = append(names, above+dir+"/"+base)
			}
		}
	}
	pages := 0
	for _, profile := range config.Profiles {
		know, err := repo.New(profile)
		if err != nil {
			t.Fatal(err)
		}
		m := config.Mirror{Profile: profile}
		for _, name := range names {
			aside, page := m.IsSimple(name), know.Of(name).Page != ""
			if aside != page {
				t.Errorf("profile %s: %s is a page for config: %v, for repo: %v", profile, name, aside, page)
			}
			if page {
				pages++
			}
		}
	}
	if pages == 0 {
		t.Error("none of them is a page")
	}
}
