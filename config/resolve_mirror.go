package config

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// mirror checks the table with this index.
func (r *resolver) mirror(index int, t *mirrorTable) Mirror {
	at := func(name string) key { return key{table: mirrorKey, index: index, name: name} }
	return Mirror{
		Prefix:            r.prefix(at("prefix"), t.Prefix),
		Upstream:          r.upstreams(at("upstream"), t.Upstream),
		Miss:              r.miss(at("miss"), t.Miss),
		Mutable:           r.patterns(at("mutable"), t.Mutable, defaultMutable),
		MaxAge:            r.duration(at("max_age"), t.MaxAge, defaultMaxAge, 0, maxAgeLimit),
		MaxStale:          r.duration(at("max_stale"), t.MaxStale, defaultMaxStale, 0, maxAgeLimit),
		NegativeTTL:       r.duration(at("negative_ttl"), t.NegativeTTL, defaultNegativeTTL, 0, maxNegativeTTL),
		RedirectToHTTP:    r.boolean(at("redirect_to_http"), t.RedirectToHTTP, false),
		RedirectToPrivate: r.boolean(at("redirect_to_private"), t.RedirectToPrivate, false),
		RefuseHTML:        r.patterns(at("refuse_html"), t.RefuseHTML, defaultRefuseHTML),
		KeepGoing:         r.boolean(at("keep_going"), t.KeepGoing, defaultKeepGoing),
	}
}

// prefix returns the prefix without its first slash.
func (r *resolver) prefix(k key, prefix string) string {
	if prefix == "" {
		r.fail(k, `is missing: name the part of the docroot that is mirrored, such as "/debian/", or "/" for all of it`)
		return ""
	}
	if flaw := flawOfPath(prefix); flaw != "" {
		r.fail(k, "%q %s", prefix, flaw)
		return ""
	}
	return prefix[1:]
}

func (r *resolver) miss(k key, miss string) MissMode {
	if miss == "" {
		return defaultMiss
	}
	mode := slices.Index(missModes[:], miss)
	if mode < 0 {
		r.fail(k, `%q is not a way to answer: write "stream", "wait" or "redirect"`, miss)
		return defaultMiss
	}
	return MissMode(mode)
}

func (r *resolver) upstreams(k key, texts []string) []*url.URL {
	if len(texts) == 0 {
		r.fail(k, `is missing: list at least one URL, such as ["http://ftp.example.org/debian/"]`)
		return nil
	}
	upstreams := make([]*url.URL, 0, len(texts))
	for i, text := range texts {
		k.item = i
		u, err := parseUpstream(text)
		if err != nil {
			r.fail(k, "number %d %s", i+1, err)
			continue
		}
		same := func(other *url.URL) bool { return Redacted(other) == Redacted(u) }
		if slices.ContainsFunc(upstreams, same) {
			r.fail(k, "number %d (%s) is given twice: leave one out", i+1, Redacted(u))
		}
		upstreams = append(upstreams, u)
	}
	return upstreams
}

// parseUpstream reads the URL of an upstream. A slash at its end is added where
// it is missing, since it always names a directory, and the host gets the lower
// case in which hosts are compared when they are dialled. The error continues a
// sentence and does not repeat the text, which may hold a password.
func parseUpstream(text string) (*url.URL, error) {
	if strings.ContainsAny(text, "?#") {
		return nil, errors.New(`holds a "?" or "#": give the URL of a directory, and percent-encode these characters in a password`)
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		return nil, errors.New(`is not a URL: write it as "http://HOST/PATH/", special characters percent-encoded`)
	}
	switch u.Scheme {
	case "http", "https":
	case "":
		return nil, errors.New(`has no scheme: write it as "http://HOST/PATH/" or "https://HOST/PATH/"`)
	default:
		return nil, errors.New(`begins with "` + u.Scheme + `:": only http and https are supported`)
	}
	if u.Hostname() == "" {
		return nil, errors.New(`names no host: write it as "http://HOST/PATH/"`)
	}
	if strings.HasSuffix(u.Host, ":") {
		return nil, errors.New("has a colon but no port: leave the colon out")
	}
	if port := u.Port(); port != "" && !isPort(port, 1) {
		return nil, errors.New("has port " + port + ": a port is a number from 1 to 65535")
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		if part == "." || part == ".." {
			return nil, errors.New(`has a "." or ".." in its path: write the path that it leads to`)
		}
	}
	if !strings.Contains(u.Host, "%") { // the zone of an address keeps its case
		u.Host = strings.ToLower(u.Host)
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
		if u.RawPath != "" {
			u.RawPath += "/"
		}
	}
	return u, nil
}

// patterns checks a list of patterns. A list that was not given is the default;
// an empty one is empty.
func (r *resolver) patterns(k key, patterns, byDefault []string) []string {
	if patterns == nil {
		return byDefault
	}
	for i, pattern := range patterns {
		k.item = i
		switch {
		case pattern == "":
			r.fail(k, "number %d is empty, and would match nothing: leave it out", i+1)
		case strings.HasPrefix(pattern, "/"):
			r.fail(k, "%q starts with a slash: write it from the prefix on, %q", pattern, pattern[1:])
		case strings.HasSuffix(pattern, "/"):
			r.fail(k, `%q ends with a slash, and no file does: append "*" for all files below`, pattern)
		case strings.ContainsAny(pattern, `[]{}\`):
			r.fail(k, `%q holds one of []{}\, which have no meaning here: only "*" and "?" stand for others`, pattern)
		}
	}
	return patterns
}
