package repo

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// seeds are the indexes of testdata/repos and of TestTexts.
func seeds(f *testing.F, add func(name string, body []byte)) {
	k, _ := New("auto")
	err := filepath.WalkDir("testdata/repos", func(path string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(path), "testdata/repos/")
		if err != nil || d.IsDir() || k.Of(name).Index == "" {
			return err
		}
		body, err := os.ReadFile(path)
		add(name, body)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range texts {
		if len(c.text) < 8<<10 {
			add(c.name, []byte(c.text))
		}
	}
}

// FuzzRead holds what any bytes claim under any index's name to the contract of
// Claim.
func FuzzRead(f *testing.F) {
	seeds(f, func(name string, body []byte) { f.Add(name, body) })
	f.Fuzz(func(t *testing.T, name string, body []byte) {
		k, _ := New("auto")
		IsSimple(name, strings.NewReader(string(body)))
		stop, added := errors.New("enough"), 0
		_, err := k.Read(name, strings.NewReader(string(body)), func(c Claim) error {
			if added++; added > 1000 {
				return stop
			}
			if !safe(c.Name) || c.As != "" && !safe(c.As) {
				t.Errorf("the name %q, as %q", c.Name, c.As)
			}
			if c.Size < -1 || c.Size < 0 && c.Digest.Algorithm == NoAlgorithm || len(c.Digest.Sum) != c.Digest.Algorithm.size() {
				t.Errorf("%+v", c)
			}
			return nil
		})
		if added > 1000 && err != stop {
			t.Errorf("the error of add became %v", err)
		}
	})
}

// FuzzOf holds what names tell to the contract of Nature.
func FuzzOf(f *testing.F) {
	seeds(f, func(name string, _ []byte) { f.Add(name) })
	for _, name := range names {
		f.Add(name.name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !safe(name) {
			return
		}
		k, _ := New("auto")
		n := k.Of(name)
		own := len(n.Set) == 0
		for _, member := range n.Set {
			own = own || member == name
			if other := k.Of(member); strings.Join(other.Set, " ") != strings.Join(n.Set, " ") {
				t.Errorf("%q has the set %q, its member %q has %q", name, n.Set, member, other.Set)
			}
		}
		if !own {
			t.Errorf("%q is not in its own set %q", name, n.Set)
		}
		if c := n.Claim; c.Name != "" && (c.Name != name || c.Size != -1 || c.Digest.Algorithm == NoAlgorithm) {
			t.Errorf("%q: %+v", name, c)
		}
	})
}
