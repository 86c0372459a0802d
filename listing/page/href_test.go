package page

import (
	"net/url"
	"testing"
)

func TestResolve(t *testing.T) {
	const page = "http://one.example/pub/a%20b/"
	for _, c := range []struct{ base, href, want string }{
		{page, "x", "x"},
		{page, "x/", "x/"},
		{page, "./x", "x"},
		{page, "x%20y%2541", "x y%41"},
		{page, "100%.txt", "100%.txt"},
		{page, "%zz%4", "%zz%4"},
		{page, "latin1-\xe9", "latin1-\xe9"},
		{page, " x ", "x"},
		{page, "a\nb\tc", "abc"},
		{page, "1:2", "1:2"},
		{page, "x#sha256=0", "x"},
		{page, "x?v=1", "x?"},
		{page, "/pub/a%20b/x", "x"},
		{page, "/pub/a b/x/", "x/"},
		{page, "/pub/%61%20b/x", "x"},
		{page, "/pub/./c/../a%20b/x", "x"},
		{page, "http://one.example/pub/a%20b/x", "x"},
		{page, "https://ONE.example:443/pub/a%20b/x", "x"},
		{page, "//one.example/pub/a%20b/x", "x"},
		{page, "../a%20b/x", "x"},
		{page, "...", "..."},
		{page, "..x", "..x"},
		{page, "%2e", "elsewhere"},
		{page, "%2e%2e", "parent"},
		{page, "..", "parent"},
		{page, "../", "parent"},
		{page, "/pub/", "parent"},
		{page, "/pub", "elsewhere"},
		{page, "", "elsewhere"},
		{page, "#top", "elsewhere"},
		{page, "?C=N;O=D", "elsewhere"},
		{page, ".", "elsewhere"},
		{page, "./", "elsewhere"},
		{page, "/pub/a%20b/", "elsewhere"},
		{page, "x/y", "elsewhere"},
		{page, "x//", "elsewhere"},
		{page, "//", "elsewhere"},
		{page, "/", "elsewhere"},
		{page, "//two.example/pub/a%20b/x", "elsewhere"},
		{page, "http://one.example:81/pub/a%20b/x", "elsewhere"},
		{page, "http:x", "elsewhere"},
		{page, "ftp://one.example/pub/a%20b/x", "elsewhere"},
		{page, "javascript:alert(1)", "elsewhere"},
		{page, "mailto:a@b", "elsewhere"},
		{page, "colon:name.txt", "elsewhere"},
		{page, `..\x`, "elsewhere"},
		{page, `\etc\passwd`, "elsewhere"},
		{page, "x%2fy", "unusable"},
		{page, "..%2f..%2fetc", "unusable"},
		{page, "x%00", "unusable"},
		{page, "%2f", "unusable"},
		{page, "x;type=a", "x;type=a"},
		{"ftp://one.example/pub/", "x;type=a", "elsewhere"},
		{"ftp://one.example/pub/", "x", "x"},
		{"http://one.example", "x", "x"},
		{"http://one.example/", "/x/", "x/"},
		{"http://one.example/pub/index.html", "x", "x"},
		{"http://one.example/pub/index.html", "/pub/x", "x"},
		{"http://one.example/pub/", "%70ub/", "pub/"},
	} {
		base, err := url.Parse(c.base)
		if err != nil {
			t.Fatal(err)
		}
		if got := newResolver(base).resolve(c.href).String(); got != c.want {
			t.Errorf("on %s, %q leads to %s, want %s", c.base, c.href, got, c.want)
		}
	}
}

func (l link) String() string {
	s := [...]string{"elsewhere", "parent", l.name, "unusable"}[l.place]
	if l.slash && l.place == child {
		s += "/"
	}
	if l.query {
		s += "?"
	}
	return s
}

// TestBase: <base href> moves where links start from, and with it, below the
// page, the listing itself.
func TestBase(t *testing.T) {
	page, _ := url.Parse("http://one.example/pub/")
	for _, c := range []struct{ base, href, want string }{
		{"/", "pub/x", "x"},
		{"/", "x", "elsewhere"},
		{"http://one.example/pub/", "x", "x"},
		{"files/", "x", "x"},
		{"files/", "/pub/files/x", "x"},
		{"/pub/files/index.html", "x/", "x/"},
		{"http://two.example/pub/", "x", "elsewhere"},
		{"http://two.example/pub/", "/pub/x", "elsewhere"},
	} {
		r := newResolver(page)
		r.base(c.base)
		if got := r.resolve(c.href).String(); got != c.want {
			t.Errorf("from %s, %q leads to %s, want %s", c.base, c.href, got, c.want)
		}
	}
}
