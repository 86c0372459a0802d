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
// lower case, with the scheme's own port where u names none.
func HostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// UpstreamHosts returns the "host:port" of every configured upstream. Only
// these may have a private address without more ado.
func (c *Config) UpstreamHosts() map[string]bool {
	hosts := make(map[string]bool)
	for i := range c.Mirrors {
		for _, u := range c.Mirrors[i].Upstream {
			hosts[HostPort(u)] = true
		}
	}
	return hosts
}
