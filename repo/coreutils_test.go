package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCoreutils reads what coreutils prints of files with odd names, in each of
// its forms, and holds every claim to the file.
func TestCoreutils(t *testing.T) {
	dir := t.TempDir()
	odd := []string{"plain.iso", "with space", " leading", "trailing ", "*star", "(round) = x", "a  b", "sub/deep/file", "\u00e9\u4e2d", "-", "=", "SHA256 (x) = y", "\xff\xfe", "\\back"}
	for _, name := range odd {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("content of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k, _ := New("sums")
	for _, cmd := range []string{"sha256sum", "sha256sum --binary", "sha256sum --tag", "sha512sum", "sha512sum --tag", "sha1sum", "md5sum", "md5sum --tag --binary"} {
		words := strings.Fields(cmd)
		if _, err := exec.LookPath(words[0]); err != nil {
			t.Fatalf("%s is missing: install the Debian package coreutils", words[0])
		}
		args := append(append(words[1:], "--"), odd...)
		for i, a := range args {
			if a == "-" {
				args[i] = "./-" // or it reads its input
			}
		}
		print := exec.Command(words[0], args...)
		print.Dir = dir
		out, err := print.Output()
		if err != nil {
			t.Fatalf("%s: %v", cmd, err)
		}
		list := strings.ToUpper(words[0]) + "S"
		found := make(map[string]bool)
		head, err := k.Read(list, strings.NewReader(string(out)), func(c Claim) error {
			found[c.Name] = true
			f, err := os.Open(filepath.Join(dir, c.Name))
			if err != nil {
				return err
			}
			defer f.Close()
			return check(c.Digest, f)
		})
		if err != nil {
			t.Errorf("%s: %v", cmd, err)
		}
		// A backslash can be in no name that a client asks for.
		if head.Skipped != 1 || len(found) != len(odd)-1 {
			t.Errorf("%s: %d names, %d left out, of %d:\n%s", cmd, len(found), head.Skipped, len(odd), out)
		}
	}
}
