package config

import (
	"fmt"
	"net/url"
)

// FromURL makes a configuration for asking one upstream, without a docroot: a
// mirror of its own, with the prefix "" and the defaults. Who types a URL sees
// where it leads, so redirects are followed wherever they go. The error does
// not repeat the text, which may hold a password.
func FromURL(text string) (*Config, error) {
	u, err := parseUpstream(text)
	if err != nil {
		return nil, fmt.Errorf("the URL %w", err)
	}
	r := &resolver{}
	return &Config{
		Base:     defaultBase,
		Limits:   r.limits(&limitsTable{}),
		Timeouts: r.timeouts(&timeoutsTable{}),
		Mirrors:  []Mirror{{Upstream: []*url.URL{u}, RedirectToHTTP: true, RedirectToPrivate: true}},
	}, nil
}
