package mirror_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestImportsPointDown holds the packages to the picture in ARCHITECTURE.md.
func TestImportsPointDown(t *testing.T) {
	for pkg, allowed := range map[string][]string{
		"mirror":                  {},
		"mirror/config":           {},
		"mirror/internal/keylock": {},
		"mirror/internal/durable": {},
		"mirror/internal/cgienv":  {},
		"mirror/internal/fcgi":    {"mirror/internal/cgienv"},
		"mirror/internal/cgi":     {"mirror/internal/cgienv"},
		"mirror/internal/socket":  {},
		"mirror/source":           {"mirror"},
		"mirror/store/index":      {},
		"mirror/store":            {"mirror", "mirror/internal/durable", "mirror/internal/keylock"},
		"mirror/fetch":            {"mirror", "mirror/config", "mirror/internal/keylock", "mirror/source", "mirror/store", "mirror/store/index"},
		"mirror/handler":          {"mirror", "mirror/config", "mirror/fetch", "mirror/internal/cgienv"},
	} {
		for _, imported := range list(t, `{{join .Imports "\n"}}`, pkg) {
			if ours(imported) && !slices.Contains(allowed, imported) {
				t.Errorf("%s imports %s", pkg, imported)
			}
		}
	}
}

// TestCGIIsLean keeps out of the CGI program what costs time at its start.
func TestCGIIsLean(t *testing.T) {
	deps := list(t, `{{join .Deps "\n"}}`, "mirror/cmd/mirror-cgi")
	for _, heavy := range []string{
		"github.com/spf13/cobra", "github.com/vbauerster/mpb/v8", "github.com/prometheus/client_golang/prometheus",
		"mirror/maint", "mirror/internal/fcgi", "mirror/internal/socket", "net/http/pprof", "testing",
	} {
		if slices.Contains(deps, heavy) {
			t.Errorf("mirror-cgi depends on %s", heavy)
		}
	}
}

func ours(pkg string) bool { return pkg == "mirror" || strings.HasPrefix(pkg, "mirror/") }

func list(t *testing.T, format, pkg string) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", format, pkg).Output()
	if err != nil {
		t.Fatalf("go list %s: %v", pkg, err)
	}
	return strings.Fields(string(out))
}
