// Package test runs the real binaries behind the real web servers, configured by
// the very files in deploy/, and asks them what their users would ask.
//
// The table fronts says for each front what it can do; the suite is the same for
// all. Every front has a site of its own: docroot, state, upstream and processes,
// in a directory that is removed at the end. As root (as in CI) everything that
// serves runs as www-data, so that permissions are tested too.
package test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaries is where TestMain builds mirror-fcgi and mirror-cgi.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	var err error
	binaries, err = os.MkdirTemp("", "mirror-binaries-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(binaries)
	for name, flags := range map[string][]string{
		"mirror-fcgi": nil,
		// As the CGI binary is installed: without any library of the machine.
		"mirror-cgi": {
			"-tags", "sqlite_omit_load_extension,netgo,osusergo",
			"-ldflags", "-s -w -linkmode external -extldflags -static",
		},
	} {
		args := append([]string{"build", "-o", filepath.Join(binaries, name)}, flags...)
		build := exec.Command("go", append(args, "mirror/cmd/"+name)...)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", name, err, out)
			return 1
		}
	}
	flag.Parse()
	// The fronts mostly wait, for timeouts that are tested: more of them at a time
	// than the machine has cores, unless the command line says otherwise.
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("6")
	}
	return m.Run()
}
