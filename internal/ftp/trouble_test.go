package ftp

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"unicode/utf8"

	"mirror/internal/ftpd"
	"mirror/internal/origin"
)

// TestCut: a transfer that is not whole never ends in io.EOF.
func TestCut(t *testing.T) {
	for name, b := range map[string]ftpd.Behaviour{
		"the data":           {CutAfter: 100_000},
		"everything":         {CutAfter: 100_000, Vanish: true},
		"no word at the end": {StallAfter: 100_000},
	} {
		t.Run(name, func(t *testing.T) {
			s := serving(t)
			c := dial(t, s, func(o *Options) { o.Idle = short })
			s.Behave(b)
			body, err := c.Retrieve(t.Context(), "/pub/a", 0)
			if err != nil {
				t.Fatal(err)
			}
			defer body.Close()
			got, err := io.ReadAll(body)
			if err == nil || len(got) != 100_000 {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if _, again := body.Read(make([]byte, 1)); again != err {
				t.Errorf("then it is %v", again)
			}
			var timeout net.Error
			if b.StallAfter > 0 && (!errors.As(err, &timeout) || !timeout.Timeout()) {
				t.Errorf("a stall is %v", err)
			}
			body.Close()
			if want := !b.Vanish && b.StallAfter == 0; c.Usable() != want {
				t.Errorf("usable: %v", c.Usable())
			}
		})
	}
}

// TestCutListing: half a directory is none.
func TestCutListing(t *testing.T) {
	s := serving(t)
	c := dial(t, s, nil)
	s.Behave(ftpd.Behaviour{CutAfter: 10})
	if list, err := c.List(t.Context(), "/pub"); err == nil {
		t.Errorf("%q", list.Data)
	}
}

// TestSilence: every command that is not answered ends in a timeout.
func TestSilence(t *testing.T) {
	for _, verb := range []string{"USER", "PASS", "FEAT", "OPTS", "TYPE", "PWD", "EPSV", "REST", "RETR"} {
		s := serving(t)
		s.Behave(ftpd.Behaviour{Silent: verb})
		o := options(s)
		o.Reply = short
		c, err := Dial(t.Context(), o)
		if err == nil {
			_, err = c.Retrieve(t.Context(), "/pub/a", 1)
			c.Close()
		}
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%s: %v", verb, err)
		}
		s.Hangup()
	}
}

// TestOddReplies: what cannot be understood is an error, and a short one.
func TestOddReplies(t *testing.T) {
	for name, test := range map[string]struct{ verb, answer string }{
		"no FTP":              {"", "SSH-2.0-x"},
		"nothing":             {"", ""},
		"no room":             {"", "421 Too many connections"},
		"later":               {"", "120 in an hour"},
		"an endless line":     {"PWD", "257 " + strings.Repeat("x", maxReply)},
		"endless lines":       {"FEAT", "211-x\r\n" + strings.Repeat(" x\r\n", maxReply/4)},
		"no such type":        {"TYPE", "504 only text"},
		"EPSV without a port": {"EPSV", "229 (||||)"},
		"EPSV, port 0":        {"EPSV", "229 (|||0|)"},
		"EPSV, port 65536":    {"EPSV", "229 (|||65536|)"},
		"EPSV, cut":           {"EPSV", "229 (|||"},
		"EPSV, no room":       {"EPSV", "425 no port is free"},
		"REST":                {"REST", "501 no"},
		"RETR":                {"RETR", "550 \x1b[31mno\x00\xff"},
		"RETR, 421":           {"RETR", "421 timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serving(t)
			s.Behave(ftpd.Behaviour{Answers: map[string]string{test.verb: test.answer}})
			o := options(s)
			o.Reply = short
			c, err := Dial(t.Context(), o)
			if err == nil {
				_, err = c.Retrieve(t.Context(), "/pub/a", 1)
				c.Close()
			}
			if err == nil || len(err.Error()) > 2*maxText || strings.ContainsAny(err.Error(), "\x00\x1b\r\n") || !utf8.ValidString(err.Error()) {
				t.Errorf("error %q", err)
			}
		})
	}
}

func TestHangup(t *testing.T) {
	for _, verb := range []string{"USER", "FEAT", "EPSV", "RETR"} {
		s := serving(t)
		s.Behave(ftpd.Behaviour{Hangup: verb})
		c, err := Dial(t.Context(), options(s))
		if err == nil {
			_, err = c.Retrieve(t.Context(), "/pub/a", 0)
			c.Close()
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

// TestLacks: what a server cannot do is told from what it will not.
func TestLacks(t *testing.T) {
	s := serving(t)
	c := dial(t, s, nil)
	s.Behave(ftpd.Behaviour{Lacks: []string{"SIZE", "MDTM", "REST"}})
	_, err1 := c.Size(t.Context(), "/pub/a")
	_, err2 := c.ModTime(t.Context(), "/pub/a")
	_, err3 := c.Retrieve(t.Context(), "/pub/a", 1)
	if !Unsupported(err1) || !Unsupported(err2) || !errors.Is(err3, ErrNoRestart) {
		t.Errorf("errors: %v, %v, %v", err1, err2, err3)
	}
	s.Behave(ftpd.Behaviour{})
	if _, err := c.Size(t.Context(), "/pub/b"); err == nil || Unsupported(err) {
		t.Errorf("a missing file: %v", err)
	}
	retrieves(t, c, 0)
}

// TestMLSDAfterAll: a server may tell of MLST and not have it.
func TestMLSDAfterAll(t *testing.T) {
	s := serving(t)
	c := dial(t, s, nil)
	s.Behave(ftpd.Behaviour{Lacks: []string{"MLSD"}})
	list, err := c.List(t.Context(), "/pub")
	if err != nil || list.Format != LIST || len(list.Data) == 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestEmpty: an empty directory is one, however a server says so; one that may
// not be read is none.
func TestEmpty(t *testing.T) {
	s := serving(t)
	s.Behave(ftpd.Behaviour{Lacks: []string{"MLST"}, Answers: map[string]string{"NLST": "550 No files found", "LIST": "450 no files found."}})
	c := dial(t, s, nil)
	if names, err := c.Names(t.Context(), "/pub"); len(names) > 0 || err != nil {
		t.Errorf("%q, %v", names, err)
	}
	if list, err := c.List(t.Context(), "/pub"); len(list.Data) > 0 || err != nil {
		t.Errorf("%q, %v", list.Data, err)
	}
	s.Behave(ftpd.Behaviour{Answers: map[string]string{"NLST": "550 Permission denied", "LIST": "226 Transfer done (but failed to open directory)."}})
	_, err1 := c.Names(t.Context(), "/pub")
	_, err2 := c.List(t.Context(), "/pub")
	_, err3 := c.Names(t.Context(), "/none")
	if err1 == nil || err2 == nil || err3 == nil {
		t.Errorf("errors: %v, %v, %v", err1, err2, err3)
	}
}

func TestOwnTime(t *testing.T) {
	for data, want := range map[string]bool{
		"type=file;modify=20200102030405; a\r\nType=cdir;modify=20240102030405; .\r\n": true,
		"type=file;modify=20240102030405; type=cdir;\r\n":                              false,
		"type=cdir;size=1; .\r\n":                                                      false,
		"type=cdir;":                                                                   false,
		"modify=20240102030405;type=cdir;":                                             true,
		"":                                                                             false,
	} {
		if got := ownTime([]byte(data)); got.Equal(origin.Epoch) != want {
			t.Errorf("%q: %v", data, got)
		}
	}
}

func TestHugeListing(t *testing.T) {
	s := serving(t)
	c := dial(t, s, nil)
	s.Behave(ftpd.Behaviour{Listing: strings.Repeat("type=file; x\r\n", maxListing/14+1)})
	_, err := c.List(t.Context(), "/pub")
	if err == nil || !strings.Contains(err.Error(), "64 MiB") {
		t.Errorf("error %v", err)
	}
}

func FuzzReplies(f *testing.F) {
	f.Add("Entering Extended Passive Mode (|||6446|)", "type=cdir;modify=20240102030405; .")
	f.Add("Entering Passive Mode (127,0,0,1,31,144).", "\r\nmodify=;type=cdir;")
	f.Add("(|||", "ype=cdir;")
	f.Fuzz(func(t *testing.T, passive, list string) {
		if port, err := extendedPort(passive); err == nil && (port < 1 || port > 65535) {
			t.Errorf("port %d", port)
		}
		if port, err := passivePort(passive); err == nil && (port < 1 || port > 65535) {
			t.Errorf("port %d", port)
		}
		ownTime([]byte(list))
	})
}
