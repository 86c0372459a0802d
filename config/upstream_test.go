package config

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestUpstreams pins the one form that each upstream gets, and what it is
// reached by.
func TestUpstreams(t *testing.T) {
	for text, want := range map[string]struct{ url, hostPort string }{
		"http://ONE.example":                 {"http://one.example/", "one.example:80"},
		"HTTPS://one.example/a%2Fb":          {"https://one.example/a%2Fb/", "one.example:443"},
		"http://one.example/a%2F":            {"http://one.example/a%2F/", "one.example:80"},
		"http://one.example//a/":             {"http://one.example//a/", "one.example:80"},
		"ftp://one.example":                  {"ftp://one.example/", "one.example:21"},
		"ftp://u:p%2F@One.Example:2121/pub":  {"ftp://u:p%2F@one.example:2121/pub/", "one.example:2121"},
		"ftp://one.example//pub":             {"ftp://one.example//pub/", "one.example:21"},
		"ftp://one.example/%2Fpub":           {"ftp://one.example/%2Fpub/", "one.example:21"},
		"ftp://one.example/%2F":              {"ftp://one.example//", "one.example:21"},
		"ftps://[2001:DB8::1]/pub/":          {"ftps://[2001:db8::1]/pub/", "[2001:db8::1]:990"},
		"rsync://one.example/debian":         {"rsync://one.example/debian/", "one.example:873"},
		"rsync://u:p@one.example:8730/m/a/b": {"rsync://u:p@one.example:8730/m/a/b/", "one.example:8730"},
		"rsync://one.example//m//a%2Fb/":     {"rsync://one.example/m/a/b/", "one.example:873"},
		"file:///srv/copy":                   {"file:///srv/copy/", "file"},
		"file://LocalHost/srv//copy/":        {"file:///srv/copy/", "file"},
		"file:/srv/a%20%2Fb%3F":              {"file:///srv/a%20/b%3F/", "file"},
	} {
		u, err := parseUpstream(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if u.String() != want.url || HostPort(u) != want.hostPort {
			t.Errorf("%s: %s of %s, want %s of %s", text, u, HostPort(u), want.url, want.hostPort)
		}
		if again, err := parseUpstream(u.String()); err != nil || again.String() != want.url {
			t.Errorf("%s: read again it is %s (%v)", u, again, err)
		}
	}
}

// TestFTPRoot pins what tells the server's root from the login's directory: two
// slashes at the start of the decoded path.
func TestFTPRoot(t *testing.T) {
	for text, want := range map[string]string{
		"ftp://one.example/pub":    "/pub/",
		"ftp://one.example//pub":   "//pub/",
		"ftp://one.example/%2fpub": "//pub/",
		"ftp://one.example/%2F":    "//",
		"ftp://one.example//":      "//",
	} {
		if u, err := parseUpstream(text); err != nil || u.Path != want {
			t.Errorf("%s has the path %q (%v), want %q", text, u.Path, err, want)
		}
	}
}

// TestUpstreamErrors meets what can be wrong with an upstream, by scheme; that
// the errors come with their line is TestErrors' business.
func TestUpstreamErrors(t *testing.T) {
	for text, want := range map[string]string{
		"ftp:secret":                     `is not a URL: write it as "ftp://HOST/PATH/", special characters percent-encoded`,
		"FTPS://u:secret@one example/":   `is not a URL: write it as "ftps://HOST/PATH/", special characters percent-encoded`,
		"u:secret@one.example/":          `is not a URL: write it as "http://HOST/PATH/", special characters percent-encoded`,
		"one.example::debian":            `is not a URL: write HOST::MODULE as "rsync://HOST/MODULE/"`,
		"u@one.example::debian/a/":       `is not a URL: write HOST::MODULE as "rsync://HOST/MODULE/"`,
		"rsync:m":                        `is not a URL: write it as "rsync://HOST/MODULE/PATH/", special characters percent-encoded`,
		"rsync:///m/":                    `names no host: write it as "rsync://HOST/MODULE/PATH/"`,
		"rsync://u:secret@one.example":   `names no module: write it as "rsync://HOST/MODULE/PATH/"`,
		"rsync://one.example//":          `names no module: write it as "rsync://HOST/MODULE/PATH/"`,
		"rsync://one.example/m/../n":     `has a "." or ".." in its path: write the path that it leads to`,
		"ftp://one.example/a%0Ab/":       `has a control character in its path, and ftp has no way to send all of them: name a directory above`,
		"ftp://u:secret%0Ax@one.example": `has a control character in its user or password: no protocol takes it`,
		"ftps://one.example:0/":          `has port 0: a port is a number from 1 to 65535`,
		"/srv/copy":                      `has no scheme: write it as "http://HOST/PATH/", for instance, or "file:///PATH/"`,
		"file:srv/copy":                  `is not a URL: write it as "file:///PATH/", special characters percent-encoded`,
		"file://srv/copy":                `names a host, and a file is on this machine: write it with three slashes, "file:///PATH/"`,
		"file://u:secret@localhost/a":    `has a user, and a file needs none: write it as "file:///PATH/"`,
		"file://localhost":               `names no directory: write it as "file:///PATH/"`,
		"file:///srv/%2E%2E/":            `has a "." or ".." in its path: write the path that it leads to`,
		"file:///srv/%00":                `holds a NUL byte: no path does`,
	} {
		_, err := parseUpstream(text)
		if err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Error("the error shows a password")
		}
	}
}

// TestFileUpstreamIsApart: nothing is its own upstream.
func TestFileUpstreamIsApart(t *testing.T) {
	for dir, want := range map[string]string{
		"/srv/copy":              "",
		"/srv/mirror2":           "",
		"/srv/mirror":            `(file:///srv/mirror/) is the docroot itself: name the directory that it is a copy of`,
		"/srv/mirror/b":          `(file:///srv/mirror/b/) lies in the docroot "/srv/mirror": name a directory outside it`,
		"/srv/.mirror-state/tmp": `(file:///srv/.mirror-state/tmp/) lies in the state directory "/srv/.mirror-state": name a directory outside it`,
		"/srv": `(file:///srv/) contains the docroot "/srv/mirror": name a directory beside it` +
			"\n" + file + `:5: mirror.upstream number 1 (file:///srv/) contains the state directory "/srv/.mirror-state": name a directory beside it`,
		"/": `(file:///) contains the docroot "/srv/mirror": name a directory beside it` +
			"\n" + file + `:5: mirror.upstream number 1 (file:///) contains the state directory "/srv/.mirror-state": name a directory beside it`,
	} {
		_, err := Parse([]byte(head+"\n\n[[mirror]]\n"+upstream("file://"+dir)), file)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", dir, err)
		case want != "" && (err == nil || err.Error() != file+":5: mirror.upstream number 1 "+want):
			t.Errorf("%s\ngot  %v\nwant %s", dir, err, want)
		}
	}
}

// TestUpstreamHosts: only http and https can be redirected to, so only they are
// excused.
func TestUpstreamHosts(t *testing.T) {
	c := parse(t, head+"\n[[mirror]]\nprefix='/'\nupstream=['ftp://10.0.0.1:80/', 'http://10.0.0.2/', 'rsync://10.0.0.3/m', 'https://10.0.0.4', 'file:///srv/copy']")
	hosts := slices.Sorted(maps.Keys(c.UpstreamHosts()))
	if want := []string{"10.0.0.2:80", "10.0.0.4:443"}; !slices.Equal(hosts, want) {
		t.Errorf("got %q, want %q", hosts, want)
	}
}

// TestListings pins the keys that are about directories.
func TestListings(t *testing.T) {
	c := parse(t, head+"\n[[mirror]]\n"+good+"\nindex = 'lists/ls-lR.gz'\nzone = 'Europe/Berlin'\nlisting_max_age = '0s'\nlinks = false")
	m := &c.Mirrors[0]
	if m.Index != "lists/ls-lR.gz" || m.Zone.String() != "Europe/Berlin" || m.ListingMaxAge != 0 || m.Links {
		t.Errorf("all given: %+v", m)
	}
	if m = &parse(t, typical).Mirrors[0]; m.Index != "" || m.Zone != nil || m.ListingMaxAge != defaultListingMaxAge || !m.Links {
		t.Errorf("none given: %+v", m)
	}
}
