package source

import (
	"crypto/tls"
	"net/url"
	"testing"
	"time"

	"mirror"
	"mirror/internal/ftpd"
	"mirror/internal/origin"
)

// long is longer than anything takes.
const long = 20 * time.Second

// overFTP returns the source of base; change, if not nil, changes its options.
func overFTP(t *testing.T, base string, change func(*FTPOptions)) *FTP {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	o := FTPOptions{Connect: long, Reply: long, Idle: long}
	if change != nil {
		change(&o)
	}
	f := NewFTP(u, o)
	t.Cleanup(f.CloseIdleConnections)
	return f
}

// ftpUpstream is the test's own server.
type ftpUpstream struct {
	*FTP
	server *ftpd.Server
	usual  ftpd.Behaviour
}

// startFTP returns the source of a server that has its files below /base.
func startFTP(t *testing.T, b ftpd.Behaviour, options ...ftpd.Option) ftpUpstream {
	s := ftpd.New(t, options...)
	s.Behave(b)
	scheme, change := "ftp", (func(*FTPOptions))(nil)
	if s.CertPool != nil {
		scheme, change = "ftps", func(o *FTPOptions) { o.TLS = &tls.Config{RootCAs: s.CertPool} }
	}
	u := ftpUpstream{overFTP(t, scheme+"://user:secret@"+s.Addr+"/base/", change), s, b}
	u.Set("another", origin.File{})
	return u
}

func (u ftpUpstream) Set(path mirror.Name, f origin.File) { u.server.Set("/base/"+string(path), f) }

func (u ftpUpstream) Break(path mirror.Name, n int64) {
	b := u.usual
	b.Path, b.CutAfter, b.Times = "/base/"+string(path), n, 1
	u.server.Behave(b)
}

// TestFTP holds FTP to the contract of Source, whatever the server can do.
func TestFTP(t *testing.T) {
	for name, test := range map[string]struct {
		b       ftpd.Behaviour
		options []ftpd.Option
	}{
		"plain":    {},
		"IPv6":     {options: []ftpd.Option{ftpd.IP("::1")}},
		"explicit": {options: []ftpd.Option{ftpd.TLS()}},
		"implicit": {options: []ftpd.Option{ftpd.Implicit()}},
		"old": {b: ftpd.Behaviour{
			Lacks: []string{"FEAT", "MLST", "EPSV", "PWD"}, PASVHost: "192,0,2,1", Missing: "Failed to open file.",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testSource(t, func(t *testing.T) upstream { return startFTP(t, test.b, test.options...) })
		})
	}
}
