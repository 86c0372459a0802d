package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"slices"

	"mirror/config"
	"mirror/source"
)

// upstream is a source and the pool that bounds its fetches.
type upstream struct {
	source.Source
	pool string
	// web: a client can be sent to its URLs.
	web bool
	// linked: its listings tell symbolic links.
	linked bool
}

// connect makes the sources. HTTP upstreams with the same redirect rules share
// a connection pool.
func (e *Engine) connect(t *tls.Config) {
	c := newConnector(e.conf, t)
	all := make(map[string]bool)
	for i := range e.conf.Mirrors {
		m := &e.conf.Mirrors[i]
		for _, u := range m.Upstream {
			up := c.source(m, u)
			up.pool = "upstream " + config.HostPort(u)
			all[up.pool] = true
			e.sources[m] = append(e.sources[m], up)
		}
		// A listing is best had from who tells links and exact times. The sort
		// keeps the order of preference among equals.
		e.listers[m] = slices.Clone(e.sources[m])
		slices.SortStableFunc(e.listers[m], func(a, b upstream) int {
			return cmp.Compare(rank(a), rank(b))
		})
	}
	e.limited = len(all)*e.conf.Limits.PerUpstream > e.conf.Limits.Fetches
	context.AfterFunc(e.ctx, c.close)
}

func rank(u upstream) int {
	if u.linked {
		return 0
	}
	return 1
}

// pools are the connections under the same rules: one for each fetch, and those
// that a fetch may take beside it.
type pools struct{ each, extra *http.Transport }

// redirects are the rules that a connection pool enforces when it dials.
type redirects struct{ http, private bool }

type connector struct {
	conf       *config.Config
	tls        *tls.Config
	configured map[string]bool
	pools      map[redirects]*pools
	idle       []func() // close idle connections
}

func newConnector(conf *config.Config, t *tls.Config) *connector {
	return &connector{conf: conf, tls: t, configured: conf.UpstreamHosts(), pools: make(map[redirects]*pools)}
}

// close closes the connections that nobody uses.
func (c *connector) close() {
	for _, idle := range c.idle {
		idle()
	}
}

func (c *connector) source(m *config.Mirror, u *url.URL) upstream {
	t := c.conf.Timeouts
	switch u.Scheme {
	case "file":
		return upstream{Source: source.NewFile(u), linked: true}
	case "rsync":
		return upstream{Source: source.NewRsync(u, source.RsyncOptions{
			Connect: t.Connect, Header: t.Header, Idle: t.Idle, LowSpeed: t.LowSpeed, LowSpeedTime: t.LowSpeedTime,
		}), linked: true}
	case "ftp", "ftps":
		f := source.NewFTP(u, source.FTPOptions{
			Connect: t.Connect, Reply: t.Header, Idle: t.Idle, LowSpeed: t.LowSpeed, LowSpeedTime: t.LowSpeedTime,
			Queue: c.conf.Limits.QueueTime, TLS: c.tls, Zone: m.Zone,
		})
		c.idle = append(c.idle, f.CloseIdleConnections)
		return upstream{Source: f, linked: true}
	}
	o := source.HTTPOptions{
		Connect: t.Connect, Header: t.Header, Idle: t.Idle, LowSpeed: t.LowSpeed, LowSpeedTime: t.LowSpeedTime,
		RedirectToHTTP: m.RedirectToHTTP, RedirectToPrivate: m.RedirectToPrivate,
		Configured: c.configured, TLS: c.tls, Zone: m.Zone,
	}
	key := redirects{m.RedirectToHTTP, m.RedirectToPrivate}
	if c.pools[key] == nil {
		p := &pools{source.NewTransport(o), source.NewExtraTransport(o)}
		c.pools[key] = p
		c.idle = append(c.idle, p.each.CloseIdleConnections, p.extra.CloseIdleConnections)
	}
	o.Extra = c.pools[key].extra
	return upstream{Source: source.NewHTTP(u, c.pools[key].each, o), web: true}
}
