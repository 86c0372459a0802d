package config

import (
	"net"
	"net/url"
	"strings"
)

// Redacted returns a URL for logs, errors and Location headers: without user
// name and password. (The method of url.URL with this name keeps the user.)
func Redacted(u *url.URL) string {
	if u == nil {
		return ""
	}
	public := *u
	public.User = nil
	return public.String()
}

// HostPort returns the "host:port" that a connection for u is made to, in
// lower case, with the scheme's own port where u names none. For a file, which
// takes no connection, it returns "file", so that all of them together count as
// one host.
func HostPort(u *url.URL) string {
	if u.Scheme == "file" {
		return "file"
	}
	port := u.Port()
	if port == "" {
		port = defaultPort(u.Scheme)
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// defaultPort returns what the IANA registered for the scheme.
func defaultPort(scheme string) string {
	switch scheme {
	case "https":
		return "443"
	case "ftp":
		return "21"
	case "ftps":
		return "990"
	case "rsync":
		return "873"
	}
	return "80"
}

// UpstreamHosts returns the "host:port" of every http and https upstream. Only
// these may have a private address without more ado when another upstream
// redirects to them.
func (c *Config) UpstreamHosts() map[string]bool {
	hosts := make(map[string]bool)
	for i := range c.Mirrors {
		for _, u := range c.Mirrors[i].Upstream {
			if isHTTP(u) {
				hosts[HostPort(u)] = true
			}
		}
	}
	return hosts
}

// isHTTP reports whether clients of ours can be sent to u.
func isHTTP(u *url.URL) bool { return u.Scheme == "http" || u.Scheme == "https" }
