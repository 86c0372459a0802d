package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net/url"
	"strings"
	"testing"

	"mirror"
	"mirror/internal/origin"
)

// TestHTTP2: the framing of HTTP/2 tells a whole body from a broken one, with
// a length or without.
func TestHTTP2(t *testing.T) {
	const size = 3 * mib
	for _, test := range []struct {
		name string
		b    origin.Behaviour
		err  error
	}{
		{"with a length", origin.Behaviour{}, nil},
		{"without", origin.Behaviour{Chunked: true}, nil},
		{"broken once, with a length", origin.Behaviour{CutAfter: mib, Times: 1}, nil},
		{"broken, without", origin.Behaviour{Chunked: true, CutAfter: mib}, mirror.ErrBroken},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := origin.New(t, origin.TLS())
			o.Set("/a", origin.File{Seed: 40, Size: size})
			o.Behave("/a", test.b)
			s := newSite(t, "", o)
			e := s.engineTLS(&tls.Config{RootCAs: o.CertPool})
			got, err := s.get(e, "m/a")
			s.settle(e)
			if !errors.Is(err, test.err) {
				t.Fatalf("%v, want %v", err, test.err)
			}
			if proto := o.Requests()[0].Proto; proto != "HTTP/2.0" {
				t.Errorf("spoken: %s", proto)
			}
			if test.err != nil {
				if files := s.docFiles(); len(files) > 0 {
					t.Errorf("published %v", files)
				}
				return
			}
			if !bytes.Equal(got, origin.Bytes(40, size)) {
				t.Error("other bytes")
			}
			s.wantPublished("m/a", got, origin.Epoch)
		})
	}
}

func TestUntrustedCertificate(t *testing.T) {
	o := origin.New(t, origin.TLS())
	o.Set("/a", origin.File{Seed: 1, Size: 10})
	s := newSite(t, "", o)
	if _, err := s.get(s.engine(), "m/a"); !errors.Is(err, mirror.ErrBroken) || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("%v, want ErrBroken that says why", err)
	}
}

// TestRedirectWithoutBody: a redirect whose body never comes leads on all the same.
func TestRedirectWithoutBody(t *testing.T) {
	for _, brief := range []bool{false, true} {
		for _, path := range []string{"a", "a/"} {
			target := origin.New(t)
			target.Set("/a", origin.File{Seed: 1, Size: 10})
			s := newSite(t, "", origin.New(t), target)
			to := target.URL + "/" + path
			if path == "a/" {
				to = "/a/"
			}
			s.upstreamSays([]string{"HTTP/1.1 302 Found\r\nLocation: " + to + "\r\nContent-Length: 100\r\n\r\n"})
			e := s.engine()
			if brief {
				e = s.handing().Engine
			}
			ctx, cancel := context.WithTimeout(s.ctx(), bound/2) // the upstream holds its connection for longer
			defer cancel()
			f, err := e.Open(ctx, "m/a")
			if err == nil {
				f.Close()
			}
			if path == "a" && err != nil || path == "a/" && !errors.Is(err, mirror.ErrIsDirectory) {
				t.Errorf("brief %v, to %s: %v", brief, path, err)
			}
		}
	}
}

// TestRedirects: where an upstream may lead us.
func TestRedirects(t *testing.T) {
	plain := func(t *testing.T) *origin.Origin { return origin.New(t, origin.IP("127.0.0.9")) }
	for _, test := range []struct {
		name   string
		config string
		target func(*testing.T) *origin.Origin // where the redirect leads
		known  bool                            // the target is a configured upstream too
		tls    bool                            // the first upstream speaks https
		err    string
	}{
		{name: "to another configured upstream", target: plain, known: true},
		{name: "to a private address", target: plain, err: "private address 127.0.0.9; allow it with redirect_to_private"},
		{name: "to a private address, allowed", target: plain, config: "redirect_to_private = true\n"},
		{name: "from https to http", target: plain, tls: true, known: true, err: "from https to http"},
		{name: "from https to http, allowed", target: plain, tls: true, known: true, config: "redirect_to_http = true\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			target := test.target(t)
			target.Set("/elsewhere/a", origin.File{Seed: 41, Size: 1000})
			var options []origin.Option
			if test.tls {
				options = append(options, origin.TLS())
			}
			o := origin.New(t, options...)
			o.Behave("/a", origin.Behaviour{Redirect: target.URL + "/elsewhere/a"})
			upstreams := []*origin.Origin{o}
			if test.known {
				upstreams = append(upstreams, target)
			}
			s := newSite(t, test.config, upstreams...)
			e := s.engineTLS(&tls.Config{RootCAs: o.CertPool})
			got, err := s.get(e, "m/a")
			s.settle(e)
			if test.err == "" {
				if err != nil || !bytes.Equal(got, origin.Bytes(41, 1000)) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("error %v does not say %q", err, test.err)
			}
			if n := target.Count("/elsewhere/a", ""); n != 0 {
				t.Errorf("the target was asked %d times", n)
			}
		})
	}
}

// TestCredentials: they are sent to their upstream, to nobody that it redirects
// to, and are never told.
func TestCredentials(t *testing.T) {
	target := origin.New(t, origin.IP("127.0.0.9"))
	target.Set("/x", origin.File{Seed: 1, Size: 10})
	o := origin.New(t)
	o.Set("/a", origin.File{Seed: 1, Size: 10})
	o.Behave("/x", origin.Behaviour{Redirect: target.URL + "/x"})
	o.Behave("/b", origin.Behaviour{Status: 500})
	s := newSite(t, "redirect_to_private = true\n", o)
	s.conf.Mirrors[0].Upstream[0].User = url.UserPassword("user", "secret")
	e := s.engine()
	for _, name := range []mirror.Name{"m/a", "m/x"} {
		if _, err := s.get(e, name); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.get(e, "m/b")
	s.settle(e)
	rec, _, _ := e.index.File(s.ctx(), "m/a")
	fail, _, _ := e.index.Failure(s.ctx(), "m/b")
	for what, text := range map[string]string{
		"error": err.Error(), "log": s.log.String(), "record": rec.Upstream, "failure": fail.Cause + fail.Upstream, "redirect": e.URL("m/a"),
	} {
		if strings.Contains(text, "secret") || strings.Contains(text, "user@") || text == "" {
			t.Errorf("%s: %q", what, text)
		}
	}
	if h := o.Requests()[0].Header.Get("Authorization"); h == "" {
		t.Error("the upstream got no credentials")
	}
	if h := target.Requests()[0].Header.Get("Authorization"); h != "" {
		t.Errorf("the redirect's target got %q", h)
	}
	// Another port of the same host is another service.
	port := origin.New(t)
	port.Set("/y", origin.File{Seed: 1, Size: 10})
	o.Behave("/y", origin.Behaviour{Redirect: port.URL + "/y"})
	if _, err := s.get(e, "m/y"); err != nil {
		t.Fatal(err)
	}
	if h := port.Requests()[0].Header.Get("Authorization"); h != "" {
		t.Errorf("another port of the same host got %q", h)
	}
}

// TestWhatIsAsked: the name alone is asked for, escaped, with nothing of the
// client's.
func TestWhatIsAsked(t *testing.T) {
	o := origin.New(t)
	for name, target := range map[mirror.Name]string{
		"a b":       "/a%20b",
		"a+b":       "/a%2Bb",
		"a%20b":     "/a%2520b",
		"a?b#c":     "/a%3Fb%23c",
		"é":         "/%C3%A9",
		"\xff":      "/%FF",
		"a\r\nX: y": "/a%0D%0AX%3A%20y",
		"~a":        "/~a",
	} {
		o.Forget()
		o.Set("/"+string(name), origin.File{Body: []byte("x")})
		s := newSite(t, "", o)
		if _, err := s.get(s.engine(), "m/"+name); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		r := o.Requests()[0]
		if r.Target != target || r.Header.Get("Accept-Encoding") != "identity" || r.Header.Get("Referer") != "" {
			t.Errorf("%q: asked for %s with %v", name, r.Target, r.Header)
		}
	}
}

// TestLongNames: names at the limits of the file system work.
func TestLongNames(t *testing.T) {
	o := origin.New(t)
	long := strings.Repeat("n", 255)
	deep := strings.Repeat("d/", 200) + "f"
	s := newSite(t, "", o)
	e := s.engine()
	for _, name := range []string{long, deep, strings.Repeat("o", 255) + "/" + long} {
		o.Set("/"+name, origin.File{Seed: 1, Size: 100})
		if _, err := s.get(e, mirror.Name("m/"+name)); err != nil {
			t.Error(err)
		}
	}
	s.settle(e)
	if n := len(s.docFiles()); n != 3 {
		t.Errorf("%d files published, want 3", n)
	}
}
