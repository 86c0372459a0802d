package repo

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// claimed reads an index of testdata/repos.
func claimed(t *testing.T, profile, name string) ([]Claim, Head) {
	t.Helper()
	k, err := New(profile)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join("testdata/repos", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var claims []Claim
	head, err := k.Read(name, f, func(c Claim) error {
		claims = append(claims, c)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if head.Skipped > 0 {
		t.Errorf("%s: %d claims left out", name, head.Skipped)
	}
	return claims, head
}

// TestEveryClaimIsTrue holds what is read of repositories that the tools of the
// distributions made (testdata/make.sh) to the files that they have.
func TestEveryClaimIsTrue(t *testing.T) {
	k, _ := New("auto")
	told := make(map[string]bool)
	var files []string
	indexes := 0
	err := filepath.WalkDir("testdata/repos", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := strings.TrimPrefix(filepath.ToSlash(path), "testdata/repos/")
		files = append(files, name)
		if k.Of(name).Index == "" {
			return nil
		}
		indexes++
		claims, _ := claimed(t, "auto", name)
		if len(claims) == 0 {
			t.Errorf("%s claims nothing", name)
		}
		for _, c := range claims {
			told[c.Name] = true
			holds(t, name, c)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if indexes < 27 {
		t.Errorf("only %d indexes", indexes)
	}
	for _, name := range files {
		n := k.Of(name)
		if n.Claim.Name != "" {
			told[name] = true
			holds(t, "its name", n.Claim)
		}
		if !told[name] && len(n.Set) == 0 && !strings.HasPrefix(name, "keys/") && !strings.Contains(name, ".two.") && !strings.HasPrefix(name, "up/") {
			t.Errorf("nobody claims %s", name)
		}
	}
}

// holds compares a claim with the file, if there is one.
func holds(t *testing.T, by string, c Claim) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata/repos", c.Name))
	if os.IsNotExist(err) {
		if c.Slot == "" || !strings.HasPrefix(c.Slot, "by-hash/") { // there are only two of four
			t.Errorf("%s claims %s, which is not there", by, c.Name)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if info, _ := f.Stat(); c.Size >= 0 && info.Size() != c.Size {
		t.Errorf("%s: %s has %d bytes, claimed are %d", by, c.Name, info.Size(), c.Size)
	}
	if c.Digest.Algorithm == NoAlgorithm {
		t.Errorf("%s: %s has no digest", by, c.Name)
	} else if err := check(c.Digest, f); err != nil {
		t.Errorf("%s: %s: %v", by, c.Name, err)
	}
}

// slots are those of claims, by the last segment of the name.
func slots(claims []Claim) map[string]string {
	m := make(map[string]string)
	for _, c := range claims {
		m[c.Name[strings.LastIndexByte(c.Name, '/')+1:]] = c.Slot
	}
	return m
}

func TestSlots(t *testing.T) {
	for _, c := range []struct{ index, file, slot string }{
		{"debian/dists/leaf/main/binary-amd64/Packages.zst", "alder_1.0-1_amd64.deb", "deb alder amd64"},
		{"debian/dists/leaf/main/binary-amd64/Packages.bz2", "alder_1.1-2_amd64.deb", "deb alder amd64"},
		{"debian/dists/leaf/main/source/Sources.xz", "alder_1.1-2.dsc", "src alder dsc"},
		{"debian/dists/leaf/main/source/Sources", "alder_1.1-2.debian.tar.xz", "src alder debian.tar.xz"},
		{"debian/dists/leaf/main/source/Sources.gz", "alder_1.1.orig.tar.xz", "src alder orig.tar.xz"},
		{"debian/dists/leaf/InRelease", "Packages.xz", ""},
		{"rpm-plain/repodata/repomd.xml", "primary.xml.xz", ""},
		{"rpm-plain/repodata/primary.xml.xz", "birch-1.0-1.noarch.rpm", "rpm birch noarch"},
		{"arch/grove.db", "cedar-1.1-1-any.pkg.tar.zst", "pkg cedar"},
	} {
		claims, _ := claimed(t, "auto", c.index)
		if got, ok := slots(claims)[c.file]; !ok || got != c.slot {
			t.Errorf("%s: the slot of %s is %q (%t)", c.index, c.file, got, ok)
		}
	}
}
