package protocols

import (
	"strings"
	"testing"

	"mirror/internal/server"
)

// tool: mirrorctl does with every protocol what it does with any.
func tool(t *testing.T, u *upstream) {
	s := u.mirror(t)
	from := u.public() + "tree/sizes/64k"
	wantOutput(t, s.ctl("fetch", "/m/tree/sizes/64k"), "/m/tree/sizes/64k: fetched, 64.0 KiB", "from "+from)
	u.wantPublished(t, s, find("tree/sizes/64k"))
	wantOutput(t, s.ctl("why", "/m/tree/sizes/64k"), "64.0 KiB", from, "served from the docroot, by the web server alone")
	wantOutput(t, s.ctl("ls", "/m/tree/sizes/"), " here     64k", " upstream 5m")
	names := []string{"real", "hard", "inside", "down"}
	if u.linked {
		names = append(names, "inside -> real", "down -> ../deep/a/b")
	}
	wantOutput(t, s.ctl("ls", "/m/tree/links/"), names...)
	wantOutput(t, s.ctl("ls", u.url+"tree/links/"), names...)
	s.quiet(server.Password)
}

func wantOutput(t *testing.T, out string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("there is no %q in\n%s", text, out)
		}
	}
	if strings.Contains(out, server.Password) {
		t.Errorf("it tells the password:\n%s", out)
	}
}
