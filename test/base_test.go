package test

import (
	"net/http"
	"strings"
	"testing"

	"mirror/internal/origin"
)

// TestBase serves the docroot at a path of a site, as for a user of shared hosting.
func TestBase(t *testing.T) {
	for _, f := range fronts {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := prepare(t, f)
			s.base, s.made = "/~user/mirror", true
			s.begin(t)
			missThenHit(t, s)
			waiting(t, s)
			mutable(t, s)
			strangeNames(t, s)
			hiddenNames(t, s)

			s.offer("/debian/dir/a.deb", origin.File{Seed: 31, Size: kib})
			for _, dir := range []string{"", "/debian/dir"} {
				a := s.ask(t, "GET", dir)
				if to := strings.TrimPrefix(a.header.Get("Location"), s.URL); a.status != http.StatusMovedPermanently || to != s.base+dir+"/" {
					t.Errorf("%q, a directory without its slash: %d to %q", dir, a.status, to)
				}
			}
			entityTags(t, s)
			withoutHandler(t, s)
		})
	}
}
