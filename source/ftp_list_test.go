package source

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mirror"
	"mirror/internal/ftpd"
	"mirror/internal/origin"
	"mirror/listing"
)

// fill puts a directory of every kind of thing that FTP can show into u.
func fill(t *testing.T, u realFTP) {
	t.Helper()
	for i, name := range []mirror.Name{
		"plain", "with space", "ü~1:2-3_all.deb", "latin \xfc", "latin \xff", "-la", "[x]*?{y}", "a#b%20;c=d", "'\"`<>&|^", "UPPER", "2024", "sub/x",
	} {
		u.Set("d/"+name, origin.File{Seed: uint64(i), Size: int64(i) * 1000, ModTime: origin.Epoch.Add(time.Duration(i) * 977 * time.Hour)})
	}
	u.Set("d/recent", origin.File{Size: 7, ModTime: time.Now().Add(-100 * time.Hour)})
	u.Set("d/large", origin.File{})
	for _, err := range []error{
		os.Truncate(u.dir+"/d/large", 5<<30+1), // all of it a hole
		os.Chtimes(u.dir+"/d/large", origin.Epoch, origin.Epoch),
		os.Symlink("plain", u.dir+"/d/link"),
		os.Symlink("../d/sub", u.dir+"/d/to sub"),
		os.Chmod(u.dir+"/d/plain", 0o604),
		os.Chtimes(u.dir+"/d/sub", origin.Epoch, origin.Epoch),
		os.Mkdir(u.dir+"/empty", 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestFTPServersList compares what servers show with what is there.
func TestFTPServersList(t *testing.T) {
	for _, f := range ftpServers {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			u := f.serve(t, "", false).upstream(t, "ftp", nil)
			fill(t, u)
			got, err := u.List(t.Context(), "d", nil)
			if err != nil || !got.Ended || got.Unread > 0 {
				t.Fatalf("%+v, %v", got, err)
			}
			truth, err := NewFile(&url.URL{Scheme: "file", Path: u.dir + "/"}).List(t.Context(), "d", nil)
			if err != nil {
				t.Fatal(err)
			}
			byName := func(a, b listing.Entry) int { return strings.Compare(a.Name, b.Name) }
			slices.SortFunc(truth.Entries, byName)
			slices.SortFunc(got.Entries, byName)
			if len(got.Entries) != len(truth.Entries) {
				t.Errorf("%d entries of %d", len(got.Entries), len(truth.Entries))
			}
			for i := range min(len(got.Entries), len(truth.Entries)) {
				checkEntry(t, got.Entries[i], truth.Entries[i], got.Format == "mlsd")
			}
			if empty, err := u.List(t.Context(), "empty", nil); err != nil || len(empty.Entries) > 0 || !empty.Ended {
				t.Errorf("an empty directory: %+v, %v", empty, err)
			}
			for _, dir := range []mirror.Name{"none", "none/at all", "d/plain", "d/[x]*", "d/plain/x"} {
				if _, err := u.List(t.Context(), dir, nil); !errors.Is(err, mirror.ErrNotFound) {
					t.Errorf("%s: %v", dir, err)
				}
			}
			if _, err := u.List(t.Context(), "d/to sub", nil); err != nil {
				t.Errorf("through a link: %v", err)
			}
			for _, name := range []mirror.Name{"d/sub", "d/to sub", "empty"} {
				newAttempt(t, name, nil).upstreamFails(u, mirror.ErrIsDirectory)
			}
			for _, e := range truth.Entries {
				name := mirror.Name("d").Join(e.Name)
				if e.Size.Known && e.Size.Lo > size || e.Type == listing.Dir {
					continue
				}
				want, err := os.ReadFile(u.dir + "/" + string(name)) // through links, too
				if err == nil {
					newAttempt(t, name, nil).succeeds(u, want)
				}
			}
		})
	}
}

// checkEntry compares what was shown of an entry with what it is.
func checkEntry(t *testing.T, got, is listing.Entry, exact bool) {
	t.Helper()
	ok := got.Name == is.Name && got.Type == is.Type && got.MTime.Holds(is.MTime.Lo)
	if is.Type == listing.File {
		ok = ok && got.Size == is.Size && (got.MTime.Exact() || !exact)
	}
	if is.Type == listing.Symlink {
		ok = ok && got.Target == is.Target
	}
	if got.Mode != 0 {
		ok = ok && got.Mode == is.Mode
	}
	if !ok {
		t.Errorf("shown %+v,\nit is %+v", got, is)
	}
}

// certificate is one for example.com, in PEM with its key, and who trusts it.
func certificate(t *testing.T) (string, *x509.CertPool) {
	t.Helper()
	h := httptest.NewTLSServer(nil)
	h.Close()
	key, err := x509.MarshalPKCS8PrivateKey(h.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(h.Certificate())
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	return string(text) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})), pool
}

// TestFTPSServers: what is asked most, over TLS. vsftpd and proftpd want the
// control connection's session resumed for the data.
func TestFTPSServers(t *testing.T) {
	for _, f := range ftpServers {
		t.Run(f.name, func(t *testing.T) { testFTPS(t, f, false) })
	}
	t.Run("implicit", func(t *testing.T) { testFTPS(t, ftpServers[0], true) })
}

func testFTPS(t *testing.T, f ftpServer, implicit bool) {
	t.Parallel()
	text, pool := certificate(t)
	s := f.serve(t, text, implicit)
	u := s.upstream(t, "ftps", func(o *FTPOptions) { o.TLS = &tls.Config{RootCAs: pool, ServerName: "example.com"} })
	whole := origin.Bytes(1, size)
	u.Set("d/a", origin.File{Seed: 1, Size: size})
	for range 2 {
		meta := newAttempt(t, "d/a", nil).succeeds(u, whole)
		a := newAttempt(t, "d/a", whole[:200_000])
		a.Have, a.SameUpstream = meta, true
		a.succeeds(u, whole)
		body, err := u.Range(t.Context(), "d/a", 1000, 5999, meta)
		if err != nil {
			t.Fatal(err)
		}
		if err := origin.CheckRange(body, 1, 1000, 5000); err != nil {
			t.Error(err)
		}
		body.Close()
		list, err := u.List(t.Context(), "d", nil)
		if err != nil || len(list.Entries) != 1 {
			t.Errorf("%+v, %v", list, err)
		}
		newAttempt(t, "d/none", nil).upstreamFails(u, mirror.ErrNotFound)
	}
	if u.explicit.Load() == implicit {
		t.Error("explicit was taken for implicit, or the reverse")
	}
	stranger := s.upstream(t, "ftps", func(o *FTPOptions) { o.TLS = &tls.Config{RootCAs: x509.NewCertPool()} })
	newAttempt(t, "d/a", nil).upstreamFails(stranger, mirror.ErrBroken)
}

// TestUnknownCA: who has a CA of their own is told what to do, whatever the protocol.
func TestUnknownCA(t *testing.T) {
	ftps := ftpd.New(t, ftpd.TLS())
	https := origin.New(t, origin.TLS())
	for name, u := range map[string]Source{
		"ftps":  overFTP(t, "ftps://"+ftps.Addr+"/", func(o *FTPOptions) { o.TLS = &tls.Config{RootCAs: x509.NewCertPool()} }),
		"https": over(t, https.URL+"/", configured(https)),
	} {
		if err := newAttempt(t, "d/a", nil).fails(u, mirror.ErrBroken); !strings.Contains(err.Error(), "SSL_CERT_FILE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFTPList: a listing that did not end is none, a strange line is told of.
func TestFTPList(t *testing.T) {
	s := ftpd.New(t)
	s.Set("/d/a", origin.File{Seed: 1, Size: size})
	s.Set("/d/sub/b", origin.File{})
	u := overFTP(t, "ftp://"+s.Addr+"/", impatient)
	for _, lacks := range [][]string{nil, {"MLST"}} {
		s.Behave(ftpd.Behaviour{Lacks: lacks})
		got, err := u.List(t.Context(), "d", nil)
		if err != nil || !got.Ended || len(got.Entries) != 2 || got.Entries[0].Size != listing.Exactly(size) || got.Entries[1].Type != listing.Dir {
			t.Errorf("%+v, %v", got, err)
		}
		u.CloseIdleConnections() // FEAT is asked once
	}
	s.Behave(ftpd.Behaviour{Listing: "type=cdir;modify=20240102030405; .\r\ntype=file;size=1; x\r\n??\r\ntype=file;size=1; ../y\r\n"})
	got, err := u.List(t.Context(), "d", nil)
	if err != nil || len(got.Entries) != 1 || got.Unread != 2 || !got.Meta.ModTime.Equal(origin.Epoch) {
		t.Errorf("strange lines: %+v, %v", got, err)
	}
	for name, test := range map[string]struct {
		b    ftpd.Behaviour
		dir  mirror.Name
		want error
	}{
		"drops":      {ftpd.Behaviour{CutAfter: 10}, "d", mirror.ErrBroken},
		"vanishes":   {ftpd.Behaviour{CutAfter: 10, Vanish: true}, "d", mirror.ErrBroken},
		"stalls":     {ftpd.Behaviour{StallAfter: 10}, "d", mirror.ErrTimeout},
		"no end":     {ftpd.Behaviour{Listing: strings.Repeat("type=file; a\r\n", 5<<20)}, "d", mirror.ErrBroken},
		"missing":    {ftpd.Behaviour{Missing: "no"}, "none", mirror.ErrNotFound},
		"a file":     {ftpd.Behaviour{Missing: "no"}, "d/a", mirror.ErrNotFound},
		"denied":     {ftpd.Behaviour{Missing: "no", Denied: []string{"/d"}}, "d", mirror.ErrRefused},
		"secret":     {ftpd.Behaviour{Answers: map[string]string{"MLSD": "550 no"}}, "d", mirror.ErrRefused},
		"busy":       {ftpd.Behaviour{Answers: map[string]string{"MLSD": "450 no"}}, "d", mirror.ErrBusy},
		"two lines":  {ftpd.Behaviour{}, "d\r\nDELE a", mirror.ErrBroken},
		"no archive": {ftpd.Behaviour{Missing: "no", Denied: []string{"/"}}, "", mirror.ErrRefused},
	} {
		s.Behave(test.b)
		u := u
		if name == "no end" { // 70 MB take a busy machine their time
			u = overFTP(t, "ftp://"+s.Addr+"/", nil)
		}
		if got, err := u.List(t.Context(), test.dir, nil); !errors.Is(err, test.want) {
			t.Errorf("%s: %+v, %v, want %v", name, got, err, test.want)
		}
	}
}
