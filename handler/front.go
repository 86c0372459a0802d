package handler

import (
	"fmt"
	"strings"

	"mirror/config"
)

// Front is what the web server in front can do, as its snippet declares it in
// the request's environment. It is never guessed from the server's name.
//
//	MIRROR_URI       the raw request target; else REQUEST_URI
//	MIRROR_HANDOVER  accel:/PREFIX | sendfile | local | local-nostatus
//	MIRROR_STREAM    1: keeps Content-Length and passes bytes on as they come
//	MIRROR_ETAG      nginx | apache: what its entity tags are made of
//
// A client cannot set any of them: its headers arrive as HTTP_*.
type Front struct {
	Target   string // the raw request target
	Handover Handover
	Accel    string // the internal location of X-Accel-Redirect, without trailing slash
	Stream   bool
	ETag     ETag
	// Second: the server has come back to us with a request that we had
	// handed over. Whatever is wrong there, redirecting again would loop.
	Second bool
	// Script is the URL path of the CGI program itself, which is no name. It is
	// empty for a daemon, where some servers give the request's path as
	// SCRIPT_NAME.
	Script string
}

// Handover is how a published file is given back to the web server.
type Handover uint8

// The ways of handing over.
const (
	HandoverNone          Handover = iota // it cannot: we write the bytes
	HandoverAccel                         // X-Accel-Redirect to an internal location
	HandoverSendfile                      // X-Sendfile with the file's path
	HandoverLocal                         // CGI local redirect, RFC 3875, 6.2.2
	HandoverLocalNoStatus                 // the same, for servers that want no Status
)

// parseHandover understands the value of MIRROR_HANDOVER.
func parseHandover(v string) (h Handover, accel string, err error) {
	if prefix, ok := strings.CutPrefix(v, "accel:/"); ok {
		return HandoverAccel, "/" + strings.Trim(prefix, "/"), nil
	}
	switch v {
	case "", config.HandoverNone:
		return HandoverNone, "", nil
	case "sendfile":
		return HandoverSendfile, "", nil
	case "local":
		return HandoverLocal, "", nil
	case "local-nostatus":
		return HandoverLocalNoStatus, "", nil
	}
	return HandoverNone, "", fmt.Errorf("MIRROR_HANDOVER is %q: it has to be accel:/PREFIX, sendfile, local, local-nostatus or absent", v)
}

// FrontOf reads a CGI environment. The configuration overrides what the front
// declares.
func FrontOf(env map[string]string, target string, conf config.Server) (Front, error) {
	f := Front{Target: target, Stream: env["MIRROR_STREAM"] == "1"}
	declared := env["MIRROR_HANDOVER"]
	if conf.Handover != "" {
		declared = conf.Handover
	}
	switch conf.Stream {
	case config.StreamAlways:
		f.Stream = true
	case config.StreamNever:
		f.Stream = false
	}
	for key := range env {
		// Apache prefixes what it knew when it redirects internally: our own
		// script in there means that we have answered this request before.
		k, found := strings.CutPrefix(key, "REDIRECT_")
		for found {
			f.Second = f.Second || k == "SCRIPT_NAME"
			k, found = strings.CutPrefix(k, "REDIRECT_")
		}
	}
	f.Second = f.Second || hasMarker(env["QUERY_STRING"])
	var err error
	if f.ETag, err = parseETag(env["MIRROR_ETAG"]); err != nil {
		return f, err
	}
	f.Handover, f.Accel, err = parseHandover(declared)
	return f, err
}

// marker is in the query of every redirect back to us: a request that has it
// is never redirected again. It is one constant, since apt follows a marker
// that changes for ever, and refuses a redirect to the very same URL.
const marker = "_m=1"

func hasMarker(query string) bool {
	for kv := range strings.SplitSeq(query, "&") {
		if kv == marker {
			return true
		}
	}
	return false
}
