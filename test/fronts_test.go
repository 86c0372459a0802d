package test

import "testing"

// handler is how a front reaches our code.
type handler int

const (
	daemon  handler = iota // one mirror-fcgi, started beside the front
	spawned                // mirror-fcgi processes, started by the front
	cgi                    // one mirror-cgi a request
	builtin                // mirror-fcgi is the front
)

// front is a web server in one way of configuring it, and what can be expected of
// it. Whatever it cannot do is said here, and asserted by the suite.
type front struct {
	name    string
	handler handler
	start   func(*testing.T, *site)

	// streams: a miss is delivered while it arrives.
	streams bool
	// redirects: nothing can be handed back to it, so with miss = "wait" the client is
	// sent to ask again. The others do that among themselves.
	redirects bool
	// noHandler is the class of a miss's status (5: 5xx) while no handler can be run;
	// 0 where that takes too long to wait for.
	noHandler int
	// orphan and abandoned are the statuses of an index that is here while the handler
	// is stopped, and after it was killed. Where it is one program a request, both are
	// while that cannot be run. 0: as noHandler.
	orphan, abandoned int
	// tags: a miss has the ETag of the later hit. The others' have none.
	tags bool
	// wrongRoot is the status of what the handler hands over to a front that looks
	// elsewhere for it; 0 where the handler notices, and sends it itself.
	wrongRoot int
	// methods are statuses other than 405.
	methods map[string]int
}

var fronts = []front{
	{name: "builtin", handler: builtin, start: startBuiltin, streams: true, redirects: true, tags: true},
	{name: "nginx-tryfiles", handler: daemon, start: startNginx("nginx/try-files.conf"), streams: true, noHandler: 5, wrongRoot: 500, orphan: 200, abandoned: 200, tags: true},
	{name: "nginx-errorpage", handler: daemon, start: startNginx("nginx/error-page.conf"), streams: true, noHandler: 5, wrongRoot: 500, orphan: 200, abandoned: 200, tags: true},
	{name: "apache-proxy_fcgi", handler: daemon, start: startApache("apache/proxy-fcgi.conf"), streams: true, noHandler: 5, wrongRoot: 404, orphan: 200, abandoned: 503, tags: true},
	{name: "apache-mod_fcgid", handler: spawned, start: startApache("apache/fcgid.conf"), tags: true},
	{name: "apache-cgid-rewrite", handler: cgi, start: startApache("apache/cgid.conf"), streams: true, noHandler: 5, orphan: 500, abandoned: 500, tags: true},
	{name: "apache-htaccess", handler: cgi, start: startHtaccess("apache/htaccess"), streams: true, noHandler: 5, orphan: 500, abandoned: 500, tags: true},
	{name: "apache-htaccess-errordocument", handler: cgi, start: startHtaccess("apache/htaccess-errordocument"), streams: true, noHandler: 4, orphan: 403, abandoned: 403, tags: true,
		methods: map[string]int{"POST": 403, "PUT": 403, "DELETE": 403, "PATCH": 403, "OPTIONS": 403, "PROPFIND": 403}},
	{name: "lighttpd-fastcgi", handler: daemon, start: startLighttpd("lighttpd/fastcgi.conf"), streams: true, noHandler: 5, wrongRoot: 404, orphan: 503, abandoned: 503},
	{name: "lighttpd-cgi", handler: cgi, start: startLighttpd("lighttpd/cgi.conf"), streams: true, noHandler: 5, wrongRoot: 404, orphan: 500, abandoned: 500},
	{name: "caddy", handler: daemon, start: startCaddy, streams: true, redirects: true, noHandler: 5, orphan: 200, abandoned: 200},
}
