package source

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"mirror"
	"mirror/internal/origin"
	"mirror/internal/server"
)

// ftpServer is a real server, and how it is started: without TLS, or with what a
// file has, a certificate and its key in PEM.
type ftpServer struct {
	name  string
	start func(s *server.Server, pem string, implicit bool)
}

// ftpServing is one that runs.
type ftpServing struct {
	*server.Server
	name  string
	cases int // how many upstreams it has been
}

var ftpServers = []ftpServer{
	{"vsftpd", func(s *server.Server, pem string, implicit bool) {
		more := ""
		if pem != "" {
			more = "ssl_enable=YES\nallow_anon_ssl=YES\nforce_anon_data_ssl=YES\nforce_anon_logins_ssl=YES\n" +
				"require_ssl_reuse=YES\nssl_ciphers=HIGH\nrsa_cert_file=" + pem + "\n"
		}
		if implicit {
			more += "implicit_ssl=YES\n"
		}
		s.Vsftpd(more)
	}},
	{"proftpd", func(s *server.Server, pem string, _ bool) {
		more := ""
		if pem != "" {
			more = "LoadModule mod_tls.c\nTLSEngine on\nTLSRequired on\nTLSProtocol TLSv1.2 TLSv1.3\n" +
				"TLSRSACertificateFile " + pem + "\nTLSRSACertificateKeyFile " + pem + "\n"
		}
		s.Proftpd(more)
	}},
	{"pure-ftpd", func(s *server.Server, pem string, _ bool) {
		if pem != "" {
			s.PureFTPd("-Y", "3", "-2", pem)
		} else {
			s.PureFTPd()
		}
	}},
}

// serve runs the server until the test ends, with TLS if there is a text in PEM.
func (f ftpServer) serve(t *testing.T, pem string, implicit bool) *ftpServing {
	t.Helper()
	s := &ftpServing{Server: server.New(t, t.TempDir()), name: f.name}
	if pem != "" {
		pem = s.Write("pem", pem, 0o600)
	}
	f.start(s.Server, pem, implicit)
	return s
}

// realFTP is an upstream in a directory of its own of a real server.
type realFTP struct {
	*FTP
	t    *testing.T
	dir  string
	tmp  string
	line *cuttingLine
}

// upstream returns the source of a new directory; change is for its options.
func (s *ftpServing) upstream(t *testing.T, scheme string, change func(*FTPOptions)) realFTP {
	s.cases++
	u := realFTP{t: t, dir: filepath.Join(s.Root, fmt.Sprint(s.cases)), tmp: t.TempDir()}
	if err := os.Mkdir(u.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	addr := s.Addr
	if scheme == "ftp" {
		u.line = cutting(t, addr)
		addr = u.line.addr
	}
	base := url.URL{Scheme: scheme, Host: addr, Path: fmt.Sprintf("/%d/", s.cases)}
	if s.name != "vsftpd" { // it knows but anonymous
		base.User = url.UserPassword(server.User, server.Password)
	}
	u.FTP = overFTP(t, base.String(), change)
	return u
}

func (u realFTP) Set(path mirror.Name, f origin.File) { place(u.t, u.dir, u.tmp, path, f) }

func (u realFTP) Break(_ mirror.Name, n int64) { u.line.cutNext(n) }

// place renames a file into dir.
func place(t *testing.T, dir, tmp string, path mirror.Name, f origin.File) {
	t.Helper()
	b, at := f.Body, f.ModTime
	if b == nil {
		b = origin.Bytes(f.Seed, f.Size)
	}
	if at.IsZero() {
		at = origin.Epoch
	}
	was, is := filepath.Join(tmp, "new"), filepath.Join(dir, string(path))
	err := os.WriteFile(was, b, 0o644)
	if err == nil {
		err = os.Chtimes(was, at, at)
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(is), 0o755)
	}
	if err == nil {
		err = os.Rename(was, is)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestFTPServers holds FTP to the contract of Source, against what is out there.
func TestFTPServers(t *testing.T) {
	for _, f := range ftpServers {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := f.serve(t, "", false)
			testSource(t, func(t *testing.T) upstream { return s.upstream(t, "ftp", nil) })
		})
	}
}
