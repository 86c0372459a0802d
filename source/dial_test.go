package source

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"mirror"
	"mirror/internal/origin"
)

func TestIsPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8":         true,
		"151.101.2.132":   true,
		"2a04:4e42::644":  true,
		"0.0.0.0":         false,
		"0.1.2.3":         false,
		"127.0.0.1":       false,
		"127.9.9.9":       false,
		"::":              false,
		"::1":             false,
		"10.0.0.1":        false,
		"172.15.0.1":      true,
		"172.16.0.1":      false,
		"172.31.255.255":  false,
		"172.32.0.1":      true,
		"192.168.1.1":     false,
		"fc00::1":         false,
		"fd12:3456::1":    false,
		"224.0.0.1":       false,
		"ff02::1":         false,
		"ff0e::1":         false,
		"240.0.0.1":       false,
		"255.255.255.255": false,

		// Link-local and site-local: metadata services and routers.
		"169.254.169.254": false,
		"fe80::1":         false,
		"fe80::1%eth0":    false,
		"fec0::1":         false,

		// Carrier-grade NAT, protocol assignments, benchmarking.
		"100.63.255.255":  true,
		"100.64.0.1":      false,
		"100.127.255.255": false,
		"100.128.0.1":     true,
		"192.0.0.192":     false,
		"198.17.255.255":  true,
		"198.18.0.1":      false,
		"198.19.255.255":  false,

		// An IPv4 address in an IPv6 one decides: mapped, NAT64, 6to4.
		"::ffff:127.0.0.1":       false,
		"::ffff:10.0.0.1":        false,
		"::ffff:169.254.169.254": false,
		"::ffff:8.8.8.8":         true,
		"64:ff9b::127.0.0.1":     false,
		"64:ff9b::192.168.0.1":   false,
		"64:ff9b::8.8.8.8":       true,
		"64:ff9b:1::8.8.8.8":     false, // a network's own NAT64
		"2002:7f00:1::1":         false,
		"2002:c0a8:101::1":       false,
		"2002:808:808::1":        true,

		// Documentation: nobody is there, and nobody private either.
		"192.0.2.1":    true,
		"198.51.100.1": true,
		"203.0.113.1":  true,
		"2001:db8::1":  true,
	} {
		if got := isPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("isPublic(%s) = %v", address, got)
		}
	}
}

// TestRedirectToPrivateName: a name that leads to a private address is found
// out when it is dialled, whatever the redirect looked like.
func TestRedirectToPrivateName(t *testing.T) {
	file := origin.File{Seed: 1, Size: 1000}
	for _, test := range []struct {
		name, host string
		change     func(o *HTTPOptions, target string)
		ok         bool
	}{
		{"a name", "localhost", nil, false},
		{"in capitals", "LOCALHOST", nil, false},
		{"an address", "127.0.0.1", nil, false},
		{"another loopback", "127.0.0.2", nil, false},
		{"mapped", "[::ffff:127.0.0.1]", nil, false},
		{"unspecified", "0.0.0.0", nil, false},
		{"allowed", "localhost", func(o *HTTPOptions, _ string) { o.RedirectToPrivate = true }, true},
		{"an upstream itself", "localhost", func(o *HTTPOptions, target string) { o.Configured[target] = true }, true},
		{"an upstream, in capitals", "LocalHost", func(o *HTTPOptions, target string) { o.Configured[strings.ToLower(target)] = true }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			from, to := origin.New(t), origin.New(t)
			to.Set("/secret", file)
			target := test.host + strings.TrimPrefix(to.Addr, "127.0.0.1")
			from.Behave("/x", origin.Behaviour{Redirect: "http://" + target + "/secret"})
			h := over(t, from.URL+"/", func(o *HTTPOptions) {
				configured(from)(o)
				if test.change != nil {
					test.change(o, target)
				}
			})
			for method, ask := range ways {
				err := ask(t, h, "x", mirror.Meta{Size: file.Size})
				if test.ok {
					if err != nil {
						t.Errorf("%s: %v", method, err)
					}
					continue
				}
				if !errors.Is(err, mirror.ErrBroken) || !strings.Contains(err.Error(), "private address") {
					t.Errorf("%s: error %v, want one about the private address", method, err)
				}
			}
			if n := to.Count(origin.Everywhere, ""); !test.ok && n > 0 {
				t.Errorf("it was asked %d times all the same", n)
			}
		})
	}
}

// TestProxyOfTheEnvironment: under CGI a client names the proxy, with a header
// "Proxy" that becomes HTTP_PROXY.
func TestProxyOfTheEnvironment(t *testing.T) {
	const nobody = "http://127.0.0.1:1" // net/http reads the environment once: always the same
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, nobody)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy", "REQUEST_METHOD"} {
		t.Setenv(name, "")
	}
	up := origin.New(t)
	up.Set("/x", origin.File{Seed: 1, Size: 10})
	// The environment is not heeded for 127.0.0.1; this leads there too.
	target := "0.0.0.0" + strings.TrimPrefix(up.Addr, "127.0.0.1")

	heeding := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer heeding.CloseIdleConnections()
	if _, err := (&http.Client{Transport: heeding}).Get("http://" + target + "/x"); err == nil || !strings.Contains(err.Error(), "proxyconnect") {
		t.Fatalf("the environment says nothing even to those who ask it, so nothing is tested: %v", err)
	}
	h := over(t, "http://"+target+"/", func(o *HTTPOptions) { o.Configured = map[string]bool{target: true} })
	for method, ask := range ways {
		if err := ask(t, h, "x", mirror.Meta{Size: 10}); err != nil {
			t.Errorf("%s: %v", method, err)
		}
	}
}
