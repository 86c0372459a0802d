// Package cgienv is what CGI and FastCGI share: the meaning of the environment
// that a web server hands to a handler (RFC 3875, "The Common Gateway Interface
// 1.1"), and the answer that goes back to it.
//
// A caller collects the environment, implements [Wire] over its transport and
// calls [Answer]. Everything a handler can observe is decided here once, so a
// handler behaves the same under both protocols.
package cgienv

import "net/http"

// Handler answers one request. env holds the CGI environment or the FastCGI
// parameters as the web server sent them; it may be kept.
//
// w is not safe for concurrent use and must not be used after the handler has
// returned. What it does is told at [Response].
type Handler func(w http.ResponseWriter, r *http.Request, env map[string]string)

// NoStatus is a response header key, internal to this program. A handler that
// sets it, to any value, gets an answer without a Status line; the key itself is
// never sent. lighttpd follows a local redirect only if Status is missing, while
// Apache's ErrorDocument follows it only if Status says 200, so the handler has
// to choose.
const NoStatus = "X-Mirror-No-Status"
