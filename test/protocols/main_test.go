// Package protocols runs the real programs against real upstream servers: one
// tree, served by a server of each protocol, and mirrored by mirror-fcgi.
//
//	client ─> mirror-fcgi ─> line ─> nginx, Apache, rsync, vsftpd, proftpd, pure-ftpd
//	                      └────────> a directory of this machine
//
// A line is the network between the two: it counts, holds, cuts and goes down when
// a test says so, whatever the protocol. Every scenario has a line and a mirror of
// its own; a server is shared by all scenarios of its protocol.
package protocols

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// work holds the programs and the tree; it is removed at the end.
var work string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	if work, err = os.MkdirTemp("", "mirror-protocols-"); err == nil {
		err = os.Chmod(work, 0o755) // servers serve as users of their own
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(work)
	// The programs that the tests start trust what lies here, too.
	if err := os.Mkdir(certificates(), 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	os.Setenv("SSL_CERT_DIR", certificates())
	build := exec.Command("go", "build", "-o", filepath.Join(work, "bin")+"/", "mirror/cmd/mirror-fcgi", "mirror/cmd/mirror-cgi", "mirror/cmd/mirrorctl")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		return 1
	}
	if err := makeTree(filepath.Join(work, "up")); err != nil {
		fmt.Fprintf(os.Stderr, "making the tree: %v\n", err)
		return 1
	}
	flag.Parse()
	// The scenarios mostly wait: more of them at a time than the machine has
	// cores, unless the command line says otherwise.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("8")
	}
	return m.Run()
}

func certificates() string { return filepath.Join(work, "certificates") }

func program(name string) string { return filepath.Join(work, "bin", name) }
