package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// mirror checks the table with this index.
func (r *resolver) mirror(index int, t *mirrorTable) Mirror {
	at := func(name string) key { return key{table: mirrorKey, index: index, name: name} }
	upstreams := r.upstreams(at("upstream"), t.Upstream)
	return Mirror{
		Prefix:            r.prefix(at("prefix"), t.Prefix),
		Upstream:          upstreams,
		Index:             r.index(at("index"), t.Index),
		Zone:              r.zone(at("zone"), t.Zone),
		ListingMaxAge:     r.duration(at("listing_max_age"), t.ListingMaxAge, defaultListingMaxAge, 0, maxAgeLimit),
		Links:             r.boolean(at("links"), t.Links, defaultLinks),
		Miss:              r.miss(at("miss"), t.Miss, upstreams),
		Profile:           r.profile(at("profile"), t.Profile),
		Keyring:           r.keyring(t.Keyring),
		Prefetch:          r.boolean(at("prefetch"), t.Prefetch, false),
		Mutable:           r.patterns(at("mutable"), t.Mutable, defaultMutable),
		Immutable:         r.patterns(at("immutable"), t.Immutable, []string{}),
		MutableIn:         r.place(at("mutable_in"), t.MutableIn),
		MaxAge:            r.duration(at("max_age"), t.MaxAge, defaultMaxAge, 0, maxAgeLimit),
		MaxStale:          r.duration(at("max_stale"), t.MaxStale, defaultMaxStale, 0, maxAgeLimit),
		KeepFresh:         r.duration(at("keep_fresh"), t.KeepFresh, defaultKeepFresh, 0, maxAgeLimit),
		NegativeTTL:       r.duration(at("negative_ttl"), t.NegativeTTL, defaultNegativeTTL, 0, maxNegativeTTL),
		KeepDropped:       r.keepDropped(at("keep_dropped"), t.KeepDropped),
		KeepGenerations:   r.count(at("keep_generations"), t.KeepGenerations, defaultKeepGenerations, 1, maxGenerations),
		Connections:       r.count(at("connections"), t.Connections, defaultConnections, 1, maxConnections),
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

func (r *resolver) index(k key, index string) string {
	switch {
	case index == "":
		return ""
	case strings.HasPrefix(index, "/"):
		r.fail(k, "%q starts with a slash: write it from the prefix on, %q", index, strings.TrimLeft(index, "/"))
	case strings.HasSuffix(index, "/"):
		r.fail(k, `%q ends with a slash, and no file does: name the listing itself, such as "ls-lR.gz"`, index)
	default:
		if flaw := flawOfPath("/" + index + "/"); flaw != "" {
			r.fail(k, "%q %s", index, flaw)
		}
	}
	return index
}

func (r *resolver) profile(k key, profile string) string {
	if profile == "" {
		return defaultProfile
	}
	if !slices.Contains(Profiles, profile) {
		r.fail(k, "%q is no format of repositories that is known here: write one of %s", profile, strings.Join(Profiles, ", "))
	}
	return profile
}

func (r *resolver) keyring(path string) string {
	if path == "" {
		return ""
	}
	return r.absolute(path)
}

func (r *resolver) zone(k key, zone string) *time.Location {
	if zone == "" {
		return nil
	}
	location, err := time.LoadLocation(zone)
	// "Local" is the zone of this machine, which upstreams do not know of.
	if err != nil || location == time.Local {
		r.fail(k, `%q is not a time zone that is known here: write a name of the system's database (/usr/share/zoneinfo), such as "Europe/Berlin", or "UTC"`, zone)
		return nil
	}
	return location
}

func (r *resolver) miss(k key, miss string, upstreams []*url.URL) MissMode {
	if miss == "" {
		return defaultMiss
	}
	mode := slices.Index(missModes[:], miss)
	if mode < 0 {
		r.fail(k, `%q is not a way to answer: write "stream", "wait" or "redirect"`, miss)
		return defaultMiss
	}
	if MissMode(mode) == MissRedirect && len(upstreams) > 0 && !slices.ContainsFunc(upstreams, isHTTP) {
		r.fail(k, `"redirect" sends clients to an upstream, and none of these is http or https: write "stream" or "wait"`)
	}
	return MissMode(mode)
}

func (r *resolver) place(k key, place string) Place {
	if place == "" {
		return defaultMutableIn
	}
	at := slices.Index(places[:], place)
	if at < 0 {
		r.fail(k, `%q is no place for files: write "docroot" or "state"`, place)
		return defaultMutableIn
	}
	return Place(at)
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

func (r *resolver) keepDropped(k key, text scalar) time.Duration {
	if text == forever {
		return KeepForever
	}
	if _, err := time.ParseDuration(string(text)); text != "" && err != nil {
		r.fail(k, `= %q is neither a duration nor "forever": write a number with its unit (m, h), such as "720h"`, text)
		return defaultKeepDropped
	}
	return r.duration(k, text, defaultKeepDropped, 0, maxAgeLimit)
}

// forever is the configured text for KeepForever.
const forever = "forever"
