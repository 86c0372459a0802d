package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFromFlags(t *testing.T) {
	c, err := FromFlags("pub", []string{"/a/=http://one.example/a,http://two.example/", "/=https://one.example", "/c/=ftp://u:p@one.example//pub,rsync://one.example/module,file:///srv/c"}, "127.0.0.1:8080")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "pub"); c.Docroot != want || c.Server.HTTP != "127.0.0.1:8080" {
		t.Errorf("docroot %q, want %q; http %q", c.Docroot, want, c.Server.HTTP)
	}
	if m, rest, _ := c.Match("a/x"); rest != "x" || len(m.Upstream) != 2 || m.MaxAge != defaultMaxAge {
		t.Errorf("a/x: %+v", m)
	}
	if m, rest, _ := c.Match("b/x"); rest != "b/x" || m.Upstream[0].String() != "https://one.example/" {
		t.Errorf("b/x: %+v", m)
	}
	var urls []string
	m, _, _ := c.Match("c/x")
	for _, u := range m.Upstream {
		urls = append(urls, u.String())
	}
	if got := strings.Join(urls, " "); got != "ftp://u:p@one.example//pub/ rsync://one.example/module/ file:///srv/c/" {
		t.Errorf("c/x: %s", got)
	}
	if c.Secrets != nil {
		t.Errorf("without a file, passwords are in %q", c.Secrets)
	}
}

func TestFromFlagsErrors(t *testing.T) {
	const mirror = "/a/=http://one.example/"
	for _, test := range []struct {
		docroot string
		mirrors []string
		http    string
		want    string
	}{
		{"", []string{mirror}, "", "-docroot is missing: name the directory that the web server serves"},
		{"/srv/m", nil, "", "-mirror is missing: write it as -mirror /PREFIX/=URL, once for each prefix"},
		{"/srv/m", []string{mirror}, "8080", `-http = "8080" is no address: write a host and a port, such as "127.0.0.1:8080" or "[::1]:8080"`},
		{"/srv/m", []string{mirror, "http://u:secret@one.example/"}, "", "-mirror number 2 is not understood: write it as -mirror /PREFIX/=URL or -mirror /PREFIX/=URL,URL"},
		{"/srv/m", []string{"http://u:secret@one.example/?a=b"}, "", "-mirror number 1 is not understood: write it as -mirror /PREFIX/=URL or -mirror /PREFIX/=URL,URL"},
		{"/srv/m", []string{"/a/="}, "", `-mirror /a/: upstream is missing: list at least one URL, such as ["http://ftp.example.org/debian/"]`},
		{"/srv/m", []string{"/a/=http://one.example/,sftp://u:secret@one.example/"}, "", `-mirror /a/: upstream number 2 begins with "sftp:": only http, https, ftp, ftps, rsync and file are supported`},
		{"/srv/m", []string{"/a=http://one.example/"}, "", `-mirror /a: prefix "/a" must end with a slash: write "/a/"`},
	} {
		_, err := FromFlags(test.docroot, test.mirrors, test.http)
		if err == nil || err.Error() != test.want {
			t.Errorf("got  %v\nwant %s", err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Error("the error shows a password")
		}
	}
}
