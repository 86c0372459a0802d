package cgienv

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
)

// Request makes a request of a CGI environment (RFC 3875, section 4.1). Where
// each part comes from:
//
//	Method       REDIRECT_REQUEST_METHOD, else REQUEST_METHOD
//	RequestURI   MIRROR_URI, else REQUEST_URI: the raw target
//	Host         HTTP_HOST
//	Header       HTTP_*, CONTENT_TYPE, CONTENT_LENGTH
//	Proto        SERVER_PROTOCOL, else HTTP/1.1
//	RemoteAddr   REMOTE_ADDR and REMOTE_PORT
//
// Apache's ErrorDocument turns HEAD and POST into GET and keeps the client's
// method in REDIRECT_REQUEST_METHOD; without it a HEAD would start a download.
//
// RequestURI is kept byte for byte and is not parsed: junk (%zz), absolute-form
// and //x arrive as the client wrote them, and refusing them is the caller's
// work. URL is only a placeholder, "/", and Body is always empty.
//
// The error says what a valid request lacks: a method or a target. A bad header
// never fails the request; it is left out.
//
// A client cannot set anything here but headers. It chooses the names of its
// headers only, and RFC 3875 (section 4.1.18) makes the server put HTTP_ in
// front of each of them; the two exceptions, CONTENT_TYPE and CONTENT_LENGTH, are
// nothing but headers either. A client's "Mirror-Uri: /x" therefore arrives as
// HTTP_MIRROR_URI, which no line below mistakes for MIRROR_URI.
func Request(env map[string]string) (*http.Request, error) {
	method := env["REDIRECT_REQUEST_METHOD"]
	if method == "" {
		method = env["REQUEST_METHOD"]
	}
	if method == "" {
		return nil, errors.New("the web server passed no REQUEST_METHOD")
	}
	if !isToken(method) {
		return nil, fmt.Errorf("the request method %.40q is not an HTTP token", method)
	}
	target := env["MIRROR_URI"]
	if target == "" {
		target = env["REQUEST_URI"]
	}
	if target == "" {
		return nil, errors.New("the web server passed neither MIRROR_URI nor REQUEST_URI")
	}

	r := &http.Request{
		Method:     method,
		URL:        &url.URL{Path: "/"},
		Header:     headers(env),
		Body:       http.NoBody,
		RequestURI: target,
		RemoteAddr: remoteAddr(env["REMOTE_ADDR"], env["REMOTE_PORT"]),
	}
	r.Host = r.Header.Get("Host")
	r.Header.Del("Host") // where net/http keeps it: in Host alone

	var ok bool
	r.Proto = env["SERVER_PROTOCOL"]
	r.ProtoMajor, r.ProtoMinor, ok = http.ParseHTTPVersion(r.Proto)
	if !ok { // absent, or "INCLUDED" for a server-side include
		r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	}
	return r, nil
}

// headers collects the request's header fields. Names that are no tokens and
// values that could break a line when they are repeated are left out.
func headers(env map[string]string) http.Header {
	h := make(http.Header)
	for name, value := range env {
		field, ok := strings.CutPrefix(name, "HTTP_")
		if !ok || field == "PROXY" {
			// HTTP_PROXY is both the client's "Proxy:" header and, by custom, the
			// address of an outgoing proxy ("httpoxy", CVE-2016-5385).
			continue
		}
		set(h, strings.ReplaceAll(field, "_", "-"), value)
	}
	// Last, so that they win over an HTTP_CONTENT_TYPE of nginx.
	for name, field := range map[string]string{"CONTENT_TYPE": "Content-Type", "CONTENT_LENGTH": "Content-Length"} {
		if value := env[name]; value != "" {
			set(h, field, value)
		}
	}
	return h
}

// set stores a field unless its name or its value is unfit.
func set(h http.Header, name, value string) {
	if isToken(name) && !strings.ContainsAny(value, "\r\n\x00") {
		h[textproto.CanonicalMIMEHeaderKey(name)] = []string{textproto.TrimString(value)}
	}
}

// isToken reports whether s is a token, which method and field names have to be
// (RFC 9110, section 5.6.2). net/http has such a function but does not export it,
// and x/net/http/httpguts would link its Unicode tables a second time, which a
// CGI process would pay for on every request.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if !alnum && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// remoteAddr joins address and port the way net/http does. What is not an IP
// address ("unix:", from nginx behind a unix socket) has no port to join.
func remoteAddr(addr, port string) string {
	if _, err := netip.ParseAddr(addr); err != nil {
		return addr
	}
	if port == "" {
		port = "0"
	}
	return net.JoinHostPort(addr, port)
}
