package mirror

import (
	"errors"
	"net/url"
	"os"
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseTarget(t *testing.T) {
	for _, test := range []struct {
		target, base string
		want         Target
		err          error
	}{
		{target: "/", want: Target{Dir: true}},
		{target: "/a", want: Target{Name: "a"}},
		{target: "/a/", want: Target{Name: "a", Dir: true}},
		{target: "//a///b//", want: Target{Name: "a/b", Dir: true}},
		{target: "/a?b=c?d", want: Target{Name: "a", Query: "b=c?d"}},
		{target: "/a%3Fb", want: Target{Name: "a?b"}},
		{target: "/a+b%2Bc", want: Target{Name: "a+b+c"}},
		{target: "/a%2520", want: Target{Name: "a%20"}}, // decoded once
		{target: "/%7Eu/x", base: "/~u/", want: Target{Name: "x"}},
		{target: "/~u/x", base: "/~u/", want: Target{Name: "x"}},
		{target: "/~u/", base: "/~u/", want: Target{Dir: true}},
		{target: "/~u", base: "/~u/", want: Target{}}, // relative links would lead out of it
		{target: "/~user/x", base: "/~u/", err: ErrNoMirror},
		{target: "/x", base: "/~u/", err: ErrNoMirror},
		{target: "http://host/a", want: Target{Name: "a"}},
		{target: "HTTPS://host:1/a?q", want: Target{Name: "a", Query: "q"}},
		{target: "http://host", want: Target{Dir: true}},
		{target: "http://host?q/r", want: Target{Dir: true}},
		{target: "ftp://host/a", err: ErrBadName},
		{target: "", err: ErrBadName},
		{target: "*", err: ErrBadName},
		{target: "a", err: ErrBadName},
		{target: "host:443", err: ErrBadName},
		{target: "/..", err: ErrBadName},
		{target: "/a/../b", err: ErrBadName},
		{target: "/./a", err: ErrBadName},
		{target: "/%2e%2E/a", err: ErrBadName},
		{target: "/a%2fb", err: ErrBadName},
		{target: "/a%5Cb", err: ErrBadName},
		{target: `/a\b`, err: ErrBadName},
		{target: "/a%00", err: ErrBadName},
		{target: "/a\x00", err: ErrBadName},
		{target: "/%", err: ErrBadName},
		{target: "/%4", err: ErrBadName},
		{target: "/%zz", err: ErrBadName},
		{target: "/a#b", err: ErrBadName},
		{target: "/.a", err: ErrHidden},
		{target: "/a/.git/config", err: ErrHidden},
		{target: "/..a", err: ErrHidden},
		{target: "/" + strings.Repeat("a", 256), err: ErrBadName},
		{target: "/" + strings.Repeat("a/", 2000), err: ErrBadName},
		{target: "/%FF%fe", want: Target{Name: "\xff\xfe"}}, // names are bytes
		{target: "/a%0d%0ab", want: Target{Name: "a\r\nb"}},
	} {
		base := test.base
		if base == "" {
			base = "/"
		}
		got, err := ParseTarget(test.target, base)
		if !errors.Is(err, test.err) || got != test.want {
			t.Errorf("ParseTarget(%q, %q) = %+v, %v, want %+v, %v", test.target, base, got, err, test.want, test.err)
		}
	}
}

func TestEscape(t *testing.T) {
	for name, want := range map[Name]string{
		"a/b-c_d.e~f":      "a/b-c_d.e~f",
		"a b+c%d?e#f":      "a%20b%2Bc%25d%3Fe%23f",
		"é":                "%C3%A9",
		"a\r\nb":           "a%0D%0Ab",
		"libfoo_1%3a2.deb": "libfoo_1%253a2.deb",
	} {
		if got := name.Escape(); got != want {
			t.Errorf("%q.Escape() = %q, want %q", name, got, want)
		}
	}
}

func TestBaseAndParent(t *testing.T) {
	for _, test := range []struct {
		name, parent Name
		base         string
	}{{"a/b/c", "a/b", "c"}, {"c", "", "c"}, {"", "", ""}} {
		if test.name.Parent() != test.parent || test.name.Base() != test.base {
			t.Errorf("%q: %q, %q", test.name, test.name.Parent(), test.name.Base())
		}
	}
}

// FuzzParseTarget: whatever a client sends, a name that comes out of it stays
// below the docroot, and means itself when it is escaped and read again.
func FuzzParseTarget(f *testing.F) {
	paths, err := os.ReadFile("testdata/badpaths.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(paths)) {
		if !strings.HasPrefix(line, "## ") {
			f.Add("/"+strings.TrimSuffix(line, "\n"), "/")
		}
	}
	f.Add("http://host/a?b", "/~u/m/")
	f.Fuzz(func(t *testing.T, target, base string) {
		got, err := ParseTarget(target, base)
		if err != nil {
			if got != (Target{}) {
				t.Errorf("an error with a target: %+v", got)
			}
			return
		}
		n := string(got.Name)
		if n != "" && (path.Clean("/"+n) != "/"+n || strings.ContainsAny(n, "\x00\\") || strings.HasPrefix(n, ".") || strings.Contains(n, "/.")) {
			t.Errorf("%q gives the name %q", target, n)
		}
		again, err := ParseTarget("/"+got.Name.Escape(), "/")
		if err != nil || again.Name != got.Name {
			t.Errorf("%q, escaped and read again: %q, %v", n, again.Name, err)
		}
		if u, err := url.Parse("/" + got.Name.Escape()); err != nil || u.Path != "/"+n && utf8.ValidString(n) {
			t.Errorf("net/url reads %q as %q, %v", got.Name.Escape(), u, err)
		}
	})
}

// TestAskable holds Askable to ParseTarget: what the one allows, the other takes.
func TestAskable(t *testing.T) {
	for segment, want := range map[string]bool{
		"a": true, "a.deb": true, "a b": true, "%2F": true, "#?&": true, "\xff": true, "a\nb": true, "~": true, "..a": false,
		"": false, ".": false, "..": false, ".htaccess": false, "a\\b": false, "a/b": false, "a\x00": false,
		strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		if got := Askable(segment); got != want {
			t.Errorf("%q: %v, want %v", segment, got, want)
		}
		if want {
			if target, err := ParseTarget("/"+Name(segment).Escape(), "/"); err != nil || target.Name != Name(segment) {
				t.Errorf("%q becomes %q, %v", segment, target.Name, err)
			}
		}
	}
}
