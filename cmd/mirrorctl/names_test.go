package main

import (
	"strings"
	"testing"

	"mirror"
	"mirror/config"
)

func TestParseArgument(t *testing.T) {
	conf, err := config.Parse([]byte(`
docroot = "/srv/doc root"
base = "/~user/m/"
[[mirror]]
prefix = "/debian/"
upstream = ["http://one.example/"]
`), "/etc/mirror.toml")
	if err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string]argument{
		"/~user/m/debian/a%20b":                {"debian/a b", false},
		"/%7Euser/m/debian/a":                  {"debian/a", false},
		"/debian/a%20b":                        {"debian/a b", false},
		"/debian//pool/":                       {"debian/pool", true},
		"/debian":                              {"debian", false},
		"https://h.example/~user/m/debian/a+b": {"debian/a+b", false},
		"http://h.example/debian/a?q":          {"debian/a", false},
		"/srv/doc root/debian/a b%20":          {"debian/a b%20", false},
		"/srv/doc root/debian/pool/":           {"debian/pool", true},
		"/srv/doc root":                        {"", true},
		"debian/a b%20?#é":                     {"debian/a b%20?#é", false},
		"debian/":                              {"debian", true},
		"/~user/m/":                            {"", true},
	} {
		got, err := parseArgument(conf, arg)
		if err != nil || got != want {
			t.Errorf("%q is %+v, %v; want %+v", arg, got, err, want)
		}
	}
	for arg, word := range map[string]string{
		"":                                   "empty",
		"file:///srv/up/a":                   "is an upstream's",
		"/elsewhere/a":                       "outside /~user/m/",
		"/debian/%2e%2e/a":                   "dot segment",
		`debian\a`:                           "backslash",
		"debian/.git":                        "hidden",
		"debian/\x00":                        "NUL",
		"debian/" + strings.Repeat("x", 256): "longer than 255",
	} {
		if got, err := parseArgument(conf, arg); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q is %+v, %v; want an error with %q", arg, got, err, word)
		}
	}
}

func TestFilesCountOnce(t *testing.T) {
	conf := &config.Config{Docroot: "/srv", Base: "/", Mirrors: []config.Mirror{{Prefix: "m/"}}}
	got, err := files(conf, []string{"/m/a", "m/b", "/srv/m/a"})
	if want := []mirror.Name{"m/a", "m/b"}; err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
