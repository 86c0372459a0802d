// Package soak updates archives, again and again, while real clients update from
// them through the mirror: apt, dnf and pacman.
//
//	updater ─> upstream ─> mirror ─> clients, each in a loop of its own
//	                └────────────────> the same loop, directly
//
// An update of an archive is a list of changes in the order in which good archives
// make them: packages first, then what is called by its digest, then indexes with a
// fixed name, and what vouches for them last. Each file is replaced as a whole, and
// between two of them clients go on: they meet every half-updated moment.
//
// What clients say is counted by its kind (trouble_test.go). The scenarios say how
// much of it may be. `go test ./test/soak -updates 1000 -for 0 -v` is what `make soak` does.
package soak

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

var (
	updates = flag.Int("updates", 25, "how often each archive is updated")
	atMost  = flag.Duration("for", 15*time.Second, "how long each archive is updated at most, where the machine is slow; 0: as long as it takes")
)

// work holds the programs and the archives' key; it is removed at the end.
var work string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if work, err = os.MkdirTemp("", "mirror-soak-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(work)
	build := exec.Command("go", "build", "-o", filepath.Join(work, "bin")+"/", "mirror/cmd/mirror-fcgi")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		return 1
	}
	if err := makeKey(); err != nil {
		fmt.Fprintf(os.Stderr, "making the archives' key: %v\n", err)
		return 1
	}
	defer exec.Command("gpgconf", "--homedir", gnupg(), "--kill", "all").Run()
	flag.Parse()
	// Some scenarios wait, and others keep a machine busy: a few of them at a time,
	// unless the command line says otherwise.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("4")
	}
	return m.Run()
}

// makeKey makes the key that signs every archive.
func makeKey() error {
	if err := os.Mkdir(gnupg(), 0o700); err != nil {
		return err
	}
	// The name has to stay short: it is that of the agent's socket, too.
	if _, err := gpg(nil, "--passphrase", "", "--quick-gen-key", "archive@one.example", "rsa2048", "sign", "never"); err != nil {
		return err
	}
	_, err := gpg(nil, "--armor", "--output", publicKey(), "--export")
	return err
}

func gnupg() string { return filepath.Join(work, "g") }

// publicKey is what clients and the mirror know of the key.
func publicKey() string { return filepath.Join(work, "archive.asc") }

// gpg has a text on its standard input, and returns what it made of it.
func gpg(text []byte, args ...string) ([]byte, error) {
	return runGPG(gnupg(), text, args...)
}
