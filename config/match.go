package config

import (
	"slices"
	"strings"
)

// Match finds the mirror of a name: relative to the docroot, decoded, without
// a slash at its start, such as "debian/pool/x.deb". The longest prefix wins.
// rest is the part of the name below the prefix. ok is false outside all
// prefixes, also for the prefix without its slash ("debian"). It allocates
// nothing.
func (c *Config) Match(name string) (m *Mirror, rest string, ok bool) {
	for i := range c.Mirrors {
		if rest, ok := strings.CutPrefix(name, c.Mirrors[i].Prefix); ok {
			return &c.Mirrors[i], rest, true
		}
	}
	return nil, "", false
}

// OtherMirror reports whether a name of m's, relative to the docroot and without
// a slash at its end, is, is below or is above the prefix of another mirror that
// lies below m's own. What m's upstream has there is not shown, and is nothing
// that m may put, replace or delete.
func (c *Config) OtherMirror(m *Mirror, name string) bool {
	dir := name + "/"
	if name == "" {
		dir = ""
	}
	for i := range c.Mirrors {
		other := c.Mirrors[i].Prefix
		if len(other) > len(m.Prefix) && strings.HasPrefix(other, m.Prefix) &&
			(strings.HasPrefix(other, dir) || strings.HasPrefix(dir, other)) {
			return true
		}
	}
	return false
}

// IsMutable reports whether the file with this name below the prefix may
// change its content, and must therefore be confirmed from time to time. The
// upstream's own index always may, and so may the pages of a Python index.
func (m *Mirror) IsMutable(rest string) bool {
	return rest != "" && rest == m.Index || (m.IsSimple(rest) || MatchAny(m.Mutable, rest)) && !MatchAny(m.Immutable, rest)
}

// The profiles with which IsSimple knows any page.
const (
	profileAuto = "auto"
	profilePyPI = "pypi"
)

// IsSimple reports whether a name below the prefix is that of a page of a Python
// index: index.html or index.v1_json in simple/ or simple/PROJECT/, at any depth.
func (m *Mirror) IsSimple(rest string) bool {
	dir, ok := strings.CutSuffix(rest, "/index.html")
	if !ok {
		dir, ok = strings.CutSuffix(rest, "/index.v1_json")
	}
	return ok && m.IsSimpleDir(dir)
}

// IsSimpleDir reports whether a directory below the prefix is simple/ or
// simple/PROJECT/, at any depth, in a mirror that may have a Python index.
func (m *Mirror) IsSimpleDir(rest string) bool {
	const simple = "simple"
	if m.Profile != profilePyPI && m.Profile != profileAuto {
		return false
	}
	up, last := "", rest
	if i := strings.LastIndexByte(rest, '/'); i >= 0 {
		up, last = rest[:i], rest[i+1:]
	}
	return last == simple || last != "" && (up == simple || strings.HasSuffix(up, "/"+simple))
}

// IsPython reports whether the mirror is that of a Python index by its
// configuration, and not only because a page says so.
func (m *Mirror) IsPython() bool { return m.Profile == profilePyPI }

// KeepsAside reports whether any mirror may keep files in the state directory.
func (c *Config) KeepsAside() bool {
	return slices.ContainsFunc(c.Mirrors, func(m Mirror) bool {
		return m.MutableIn == InState || m.Profile == profilePyPI || m.Profile == profileAuto
	})
}

// IsAside reports whether the file of this name, relative to the docroot, is
// kept in the state directory. The pages of a Python index always are: a web
// server would take index.html for the page of its directory, for ever, and
// whatever the client accepts.
func (c *Config) IsAside(name string) bool {
	m, rest, ok := c.Match(name)
	return ok && (m.IsSimple(rest) || m.MutableIn == InState && m.IsMutable(rest))
}

// RefusesHTML reports whether an answer of type text/html for this name below
// the prefix is an upstream failure, such as a captive portal's login page.
func (m *Mirror) RefusesHTML(rest string) bool {
	return MatchAny(m.RefuseHTML, rest)
}

// MatchAny reports whether a name below a prefix matches one of the patterns, which
// are written as those of Mirror.Mutable.
func MatchAny(patterns []string, rest string) bool {
	last := lastElement(rest) // once: a list may have a hundred patterns
	for _, pattern := range patterns {
		if matchPattern(pattern, rest, last) {
			return true
		}
	}
	return false
}

func lastElement(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// anyDirectory is the start of a pattern that matches at every depth.
const anyDirectory = "*/"

// matchPattern reports whether a name below a prefix, whose last element is last,
// matches a pattern:
//
//   - A pattern without "/" is compared with the last element of the name:
//     "InRelease" and "*.db" match in every directory.
//   - A pattern with "/" is compared with the whole name: "dists/*/Release".
//   - "*" is any run of characters, "/" and nothing included; "?" is one byte
//     other than "/"; every other character stands for itself.
//   - "*/" at the start also stands for no directory at all: "*/InRelease"
//     matches "InRelease" and "dists/sid/InRelease".
//
// The empty name, which is the prefix itself, matches no pattern. The time is
// at most proportional to the product of both lengths, whatever the pattern.
func matchPattern(pattern, name, last string) bool {
	if name == "" || !mayEnd(pattern, name[len(name)-1]) {
		return false
	}
	if strings.IndexByte(pattern, '/') < 0 {
		return glob(pattern, last)
	}
	if below, ok := strings.CutPrefix(pattern, anyDirectory); ok && glob(below, name) {
		return true
	}
	return glob(pattern, name)
}

// mayEnd reports whether a name that matches a pattern may end in a byte. Most patterns
// end in what few names end in, so that is looked at first.
func mayEnd(pattern string, end byte) bool {
	n := len(pattern)
	return n == 0 || pattern[n-1] == '*' || pattern[n-1] == '?' || pattern[n-1] == end
}

// glob matches the whole of s. On a mismatch it goes back to the last "*" only
// and lets that take one byte more: an earlier one need never take more than
// it did, since the later "*" can take whatever it would leave.
func glob(pattern, s string) bool {
	p, i := 0, 0
	star, resume := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, i
			p++
		case p < len(pattern) && (pattern[p] == s[i] || pattern[p] == '?' && s[i] != '/'):
			p++
			i++
		case star >= 0:
			resume++
			p, i = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
