package config

import "testing"

func TestFromURL(t *testing.T) {
	c, err := FromURL("ftp://user:secret@Two.example/pub")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Mirrors[0].Upstream[0].String(); got != "ftp://user:secret@two.example/pub/" {
		t.Errorf("the upstream is %s", got)
	}
	if c.Timeouts.Connect != defaultConnect || c.Limits.Fetches != defaultFetches {
		t.Errorf("the defaults are missing: %+v, %+v", c.Timeouts, c.Limits)
	}
	for text, want := range map[string]string{
		"gopher://secret@one.example/": `the URL begins with "gopher:": only http, https, ftp, ftps, rsync and file are supported`,
		"rsync://one.example/":         `the URL names no module: write it as "rsync://HOST/MODULE/PATH/"`,
		"http://one.example/?a":        `the URL holds a "?" or "#": give the URL of a directory, and percent-encode these characters`,
	} {
		if _, err := FromURL(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
