package ftp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mirror/internal/ftpd"
	"mirror/internal/origin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// long is more than any test needs, short what those need that wait for it.
const (
	long  = 20 * time.Second
	short = 200 * time.Millisecond
)

func options(s *ftpd.Server) Options {
	o := Options{Addr: s.Addr, Connect: long, Reply: long, Idle: long}
	if s.CertPool != nil {
		o.TLS = &tls.Config{RootCAs: s.CertPool}
	}
	return o
}

// dial logs in at s; change, if not nil, changes the options.
func dial(t *testing.T, s *ftpd.Server, change func(*Options)) *Conn {
	t.Helper()
	o := options(s)
	if change != nil {
		change(&o)
	}
	c, err := Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Quit() })
	return c
}

var file = origin.File{Seed: 7, Size: 300_001}

// serving is a server with that file at /pub/a.
func serving(t *testing.T, options ...ftpd.Option) *ftpd.Server {
	s := ftpd.New(t, options...)
	s.Set("/pub/a", file)
	return s
}

// retrieves reads /pub/a from off on, and checks what comes.
func retrieves(t *testing.T, c *Conn, off int64) {
	t.Helper()
	body, err := c.Retrieve(t.Context(), "/pub/a", off)
	if err != nil {
		t.Fatal(err)
	}
	if err := origin.CheckRange(body, file.Seed, off, file.Size-off); err != nil {
		t.Error(err)
	}
	if err := body.Close(); err != nil || !c.Usable() {
		t.Errorf("Close: %v; usable: %v", err, c.Usable())
	}
}

// TestConn is what is asked of every server, in every way to reach it.
func TestConn(t *testing.T) {
	for name, test := range map[string]struct {
		server []ftpd.Option
		client func(*Options)
		b      ftpd.Behaviour
	}{
		"plain":      {},
		"IPv6":       {server: []ftpd.Option{ftpd.IP("::1")}},
		"explicit":   {server: []ftpd.Option{ftpd.TLS()}},
		"implicit":   {server: []ftpd.Option{ftpd.Implicit()}, client: func(o *Options) { o.Implicit = true }},
		"with login": {server: []ftpd.Option{ftpd.Login("u ser", "pass word")}, client: func(o *Options) { o.User, o.Password = "u ser", "pass word" }},
		"bare": {b: ftpd.Behaviour{
			Lacks:   []string{"FEAT", "EPSV", "MLST", "PWD"},
			Answers: map[string]string{"USER": "230 come in"},
		}},
		"wordy": {b: ftpd.Behaviour{Answers: map[string]string{
			"":     "220-Hello\r\n230 this is not the end\r\n221-nor this\r\n\r\n220 but this",
			"FEAT": "211-Features\r\n211-SIZE\r\n UTF8\r\n\tMLST type*;\r\n211 End",
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serving(t, test.server...)
			s.Behave(test.b)
			c := dial(t, s, test.client)
			for range 2 {
				retrieves(t, c, 0)
				retrieves(t, c, 200_000)
				retrieves(t, c, file.Size)
			}
			if n, err := c.Size(t.Context(), "/pub/a"); n != file.Size || err != nil {
				t.Errorf("Size: %d, %v", n, err)
			}
			if at, err := c.ModTime(t.Context(), "/pub/a"); !at.Equal(origin.Epoch) || err != nil {
				t.Errorf("ModTime: %v, %v", at, err)
			}
			if names, err := c.Names(t.Context(), "/pub"); !slices.Equal(names, []string{"a"}) || err != nil {
				t.Errorf("Names: %q, %v", names, err)
			}
			list, err := c.List(t.Context(), "/pub")
			if err != nil || !bytes.Contains(list.Data, []byte(" a\r\n")) {
				t.Errorf("List: %q, %v", list.Data, err)
			}
			if want := map[bool]Format{true: MLSD, false: LIST}[c.has("MLST")]; list.Format != want {
				t.Errorf("the listing is %s, want %s", list.Format, want)
			}
			if long, err := c.Long(t.Context(), "/pub"); err != nil || !bytes.Contains(long, []byte("-rw-r--r--")) {
				t.Errorf("Long: %q, %v", long, err)
			}
			if n := s.Logins(); n > 1 {
				t.Errorf("%d logins", n)
			}
		})
	}
}

// TestOddValues: what is no length and no time is an error, and no more.
func TestOddValues(t *testing.T) {
	s := serving(t)
	c := dial(t, s, nil)
	for _, value := range []string{"", "many", "-1", "1 2", "19999999999999999999", "20241302030405"} {
		s.Behave(ftpd.Behaviour{Answers: map[string]string{"SIZE": "213 " + value, "MDTM": "213 " + value}})
		_, err1 := c.ModTime(t.Context(), "/pub/a")
		_, err2 := c.Size(t.Context(), "/pub/a")
		if err1 == nil || err2 == nil && value != "20241302030405" || !c.Usable() {
			t.Errorf("%q: %v, %v; usable: %v", value, err1, err2, c.Usable())
		}
	}
	s.Behave(ftpd.Behaviour{Answers: map[string]string{"MDTM": "213 20240102030405.250"}})
	if at, err := c.ModTime(t.Context(), "/pub/a"); err != nil || !at.Equal(origin.Epoch.Add(250*time.Millisecond)) {
		t.Errorf("%v, %v", at, err)
	}
}

// TestGivenUp: who has enough closes, and the connection goes on.
func TestGivenUp(t *testing.T) {
	for _, option := range [][]ftpd.Option{nil, {ftpd.TLS()}} {
		s := serving(t, option...)
		big := origin.File{Seed: 8, Size: 64 << 20}
		s.Set("/pub/big", big)
		c := dial(t, s, nil)
		for range 3 {
			body, err := c.Retrieve(t.Context(), "/pub/big", 1000)
			if err != nil {
				t.Fatal(err)
			}
			if err := origin.CheckRange(io.LimitReader(body, 5000), big.Seed, 1000, 5000); err != nil {
				t.Error(err)
			}
			if err := body.Close(); err != nil || !c.Usable() {
				t.Fatalf("Close: %v; usable: %v", err, c.Usable())
			}
			retrieves(t, c, 0)
		}
	}
}

// TestNoInjection: no path makes a second command.
func TestNoInjection(t *testing.T) {
	s := serving(t)
	c := dial(t, s, nil)
	before := len(s.Commands())
	for _, path := range []string{"/a\r\nDELE b", "/a\nDELE b", "/a\rb", "/a\x00b", "/a\xff\xf4b", "/a\xff\xff"} {
		_, err1 := c.Retrieve(t.Context(), path, 0)
		_, err2 := c.Size(t.Context(), path)
		_, err3 := c.ModTime(t.Context(), path)
		_, err4 := c.List(t.Context(), path)
		_, err5 := c.Long(t.Context(), path)
		_, err6 := c.Names(t.Context(), path)
		for i, err := range []error{err1, err2, err3, err4, err5, err6} {
			if !errors.Is(err, ErrPath) {
				t.Errorf("%q, call %d: %v", path, i+1, err)
			}
		}
	}
	if sent := s.Commands()[before:]; len(sent) > 0 {
		t.Errorf("these were sent: %q", sent)
	}
	o := options(s)
	o.User, o.Password = "u", "p\r\nDELE b"
	if c, err := Dial(t.Context(), o); err == nil {
		c.Close()
		t.Error("the password was sent")
	}
}

// TestOtherHost: PASV's host is never connected to.
func TestOtherHost(t *testing.T) {
	victim, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	defer victim.Close()
	s := serving(t)
	c := dial(t, s, nil)
	s.Behave(ftpd.Behaviour{Lacks: []string{"EPSV"}, PASVHost: "127,0,0,2"})
	retrieves(t, c, 0) // from the server itself
	// At the victim's port, the server has nobody who listens.
	s.Behave(ftpd.Behaviour{PASVHost: "127,0,0,2", PASVPort: victim.Addr().(*net.TCPAddr).Port})
	if _, err := c.Retrieve(t.Context(), "/pub/a", 0); err == nil {
		t.Error("data came from nowhere")
	}
	victim.(*net.TCPListener).SetDeadline(time.Now().Add(short))
	if conn, err := victim.Accept(); err == nil {
		conn.Close()
		t.Error("another host was connected to")
	}
}

// TestCredentials: what a server says is told, but for what it was told.
func TestCredentials(t *testing.T) {
	s := serving(t, ftpd.Login("somebody", "right"))
	o := options(s)
	o.User, o.Password = "somebody", "hunter2"
	_, err := Dial(t.Context(), o)
	var e *ReplyError
	if !errors.As(err, &e) || e.Code != 530 || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "somebody") {
		t.Errorf("error %v", err)
	}
}

func TestInTheClearBeforeTLS(t *testing.T) {
	s := serving(t, ftpd.TLS())
	s.Behave(ftpd.Behaviour{Answers: map[string]string{"AUTH": "234 go on\r\n230 and you are logged in"}})
	c, err := Dial(t.Context(), options(s))
	if err == nil {
		c.Close()
		t.Error("a reply in the clear is believed")
	}
	s.Behave(ftpd.Behaviour{Lacks: []string{"AUTH"}})
	c, err = Dial(t.Context(), options(s))
	if err == nil {
		c.Close()
	}
	if !Unsupported(err) || slices.Contains(s.Commands(), "PASS") {
		t.Errorf("without TLS: %v, commands %q", err, s.Commands())
	}
}

func TestCancel(t *testing.T) {
	s := serving(t)
	for _, silent := range []string{"PASS", "EPSV", "RETR"} {
		s.Behave(ftpd.Behaviour{Silent: silent})
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		timer := time.AfterFunc(short, func() { cancel(cause) })
		c, err := Dial(ctx, options(s))
		if err == nil {
			_, err = c.Retrieve(ctx, "/pub/a", 0)
			if c.Usable() {
				t.Error("it is usable")
			}
			c.Close()
		}
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v", silent, err)
		}
		timer.Stop()
	}
}
