package handler

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"mirror/internal/origin"
)

// BenchmarkDirectory is a directory of 100,000 entries, from the upstream's page
// to ours: fetched, parsed, recorded and written.
func BenchmarkDirectory(b *testing.B) {
	var page strings.Builder
	page.WriteString("<html><head><title>Index of /d/</title></head><body><h1>Index of /d/</h1><hr><pre><a href=\"../\">../</a>\n")
	for i := range 100_000 {
		fmt.Fprintf(&page, "<a href=\"package-%06d_1.2.3-4_amd64.deb\">package-%06d_1.2.3-4_amd64.deb</a>    12-Nov-2024 10:21    %d\n", i, i, 1000+i)
	}
	page.WriteString("</pre><hr></body></html>\n")
	for _, format := range []string{"html", "json"} {
		b.Run(format, func(b *testing.B) {
			r := newRig(b, "---listing_max_age = \"0s\"")
			b.ReportAllocs()
			for i := range b.N {
				path := fmt.Sprintf("/d%d/", i)
				r.o.Set(path, origin.File{Body: []byte(page.String()), ContentType: "text/html"})
				req := httptest.NewRequest("GET", "/", nil)
				w := httptest.NewRecorder()
				r.h.Serve(w, req, Front{Target: "/m" + path + "?format=" + format, Stream: true})
				if w.Code != 200 || !strings.Contains(w.Body.String(), "package-099999_") {
					b.Fatalf("%d", w.Code)
				}
			}
		})
	}
}
