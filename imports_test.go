package mirror_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// imports is the picture in ARCHITECTURE.md: what each package imports of ours.
var imports = map[string]string{
	"mirror":                   "",
	"mirror/config":            "",
	"mirror/internal/keylock":  "",
	"mirror/internal/durable":  "",
	"mirror/internal/origin":   "",
	"mirror/internal/loopback": "",
	"mirror/internal/gather":   "",
	"mirror/internal/cgienv":   "",
	"mirror/internal/fcgi":     "mirror/internal/cgienv",
	"mirror/internal/cgi":      "mirror/internal/cgienv",
	"mirror/internal/ftp":      "",
	"mirror/internal/ftpd":     "mirror/internal/origin",
	"mirror/internal/server":   "mirror/internal/loopback",
	"mirror/internal/socket":   "",
	"mirror/listing":           "",
	"mirror/listing/page":      "mirror/listing",
	"mirror/listing/lines":     "mirror/listing",
	"mirror/listing/render":    "mirror/listing",
	"mirror/repo":              "",
	"mirror/source":            "mirror mirror/internal/ftp mirror/listing mirror/listing/lines mirror/listing/page",
	"mirror/store/index":       "",
	"mirror/store":             "mirror mirror/internal/durable mirror/internal/keylock",
	"mirror/fetch":             "mirror mirror/config mirror/internal/keylock mirror/listing mirror/listing/lines mirror/repo mirror/source mirror/store mirror/store/index",
	"mirror/handler":           "mirror mirror/config mirror/fetch mirror/internal/cgienv mirror/internal/gather mirror/listing/render",
	"mirror/snippet":           "mirror/config",
	"mirror/maint":             "mirror mirror/config mirror/fetch mirror/internal/keylock mirror/listing mirror/listing/lines mirror/listing/page mirror/repo mirror/store mirror/store/index",
	"mirror/cmd/mirror-cgi":    "mirror mirror/config mirror/fetch mirror/handler mirror/internal/cgi",
	"mirror/cmd/mirror-fcgi":   "mirror/config mirror/fetch mirror/handler mirror/internal/fcgi mirror/internal/gather mirror/internal/socket mirror/maint",
	"mirror/cmd/mirrorctl":     "mirror mirror/config mirror/fetch mirror/internal/socket mirror/listing mirror/listing/render mirror/maint mirror/snippet",
}

// TestImportsPointDown holds every package, but for tests and benchmarks, to
// the table above.
func TestImportsPointDown(t *testing.T) {
	seen := make(map[string]bool)
	for _, line := range list(t, "\n", `{{.ImportPath}} {{join .Imports " "}}`, "mirror/...") {
		words := strings.Fields(line)
		pkg, imported := words[0], slices.DeleteFunc(words[1:], func(p string) bool { return !ours(p) })
		if slices.ContainsFunc([]string{"mirror/bench", "mirror/scripts", "mirror/test"}, func(dir string) bool {
			return pkg == dir || strings.HasPrefix(pkg, dir+"/")
		}) {
			continue
		}
		seen[pkg] = true
		want, ok := imports[pkg]
		if got := strings.Join(imported, " "); !ok || got != want {
			t.Errorf("%s imports %q, the table says %q", pkg, got, want)
		}
	}
	for pkg := range imports {
		if !seen[pkg] {
			t.Errorf("there is no %s", pkg)
		}
	}
}

// TestCGIIsLean keeps out of the CGI program what costs time at its start.
func TestCGIIsLean(t *testing.T) {
	deps := list(t, " ", `{{join .Deps " "}}`, "mirror/cmd/mirror-cgi")
	for _, heavy := range []string{
		"github.com/spf13/cobra", "github.com/vbauerster/mpb/v8", "github.com/prometheus/client_golang/prometheus",
		"mirror/maint", "mirror/snippet", "mirror/internal/fcgi", "mirror/internal/socket", "net/http/pprof", "testing",
	} {
		if slices.Contains(deps, heavy) {
			t.Errorf("mirror-cgi depends on %s", heavy)
		}
	}
}

func ours(pkg string) bool { return pkg == "mirror" || strings.HasPrefix(pkg, "mirror/") }

// list is what go list prints, cut at every sep.
func list(t *testing.T, sep, format, pkg string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", format, pkg).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pkg, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), sep)
}
