package page

import (
	"bytes"
	"strings"
)

// families are what is known to be on some server's pages and nobody else's.
// They name the format, and decide nothing but how sure a page without sizes and
// times is to be a listing.
var families = []struct{ format, sign string }{
	{"artifactory", "Artifactory/"},
	{"caddy", "caddyserver.com"},
	{"caddy", "?sort=namedirfirst&order=desc"},
	{"rclone", "?sort=namedirfirst&order=asc"},
	{"h5ai", "larsjung.de/h5ai"},
	{"miniserve", "svenstaro/miniserve"},
	{"squid-ftp", "squid-internal-static"},
	{"lighttpd", `summary="Directory Listing"`},
	{"webrick", "WEBrick/"},
	{"mini_httpd", "acme.com/software/mini_httpd"},
	{"thttpd", "acme.com/software/thttpd"},
	{"litespeed", "LiteSpeed Web Server"},
	{"tomcat", "Apache Tomcat/"},
	{"tomcat", "<title>Directory Listing For "},
	{"twisted", "<th>Content encoding</th>"},
	{"python", "<title>Directory listing for /"},
	{"fancyindex", `<table id="list"`},
	{"apache", `href="?C=N;O=`},
	{"apache", `href="?C=N&amp;O=`},
	{"apache", `alt="[PARENTDIR]"`},
	{"apache", "</h1>\n<ul><li><a href=\"/"},
	{"go", "<meta name=\"viewport\" content=\"width=device-width\">\n<pre>"},
	{"iis", "[To Parent Directory]"},
	{"iis", "&lt;dir&gt; <A HREF="},
	{"jetty", "jetty-dir.css"},
	{"pypi-simple", "pypi:repository-version"},
	{"pypi-simple", "<title>Links for "},
	{"pypi-simple", "<title>Simple Index"},
	{"pypi-simple", "<title>Simple index"},
	{"nginx", `<hr><pre><a href="../">../</a>`},
}

// generic is the format of an unknown server's page.
const generic = "generic"

// formatOf names the kind of a page.
func formatOf(body []byte, p *reader) string {
	head := body[:min(len(body), sniffed)]
	tail := body[max(len(head), len(body)-sniffed/4):]
	for _, f := range families {
		if bytes.Contains(head, []byte(f.sign)) || bytes.Contains(tail, []byte(f.sign)) {
			return f.format
		}
	}
	if p.hashes {
		return "pypi-simple"
	}
	return generic
}

// listingTitle: a page whose title begins so is a listing even if it is empty.
func listingTitle(title string) bool {
	title = strings.ToLower(title)
	for _, begin := range []string{"index of", "directory", "listing of", "links for", "simple index", "contents of", "index von", "index de"} {
		if strings.HasPrefix(title, begin) {
			return true
		}
	}
	return false
}
