package mirror

import (
	"fmt"
	"strings"
)

// Name is a file's path relative to the docroot: decoded bytes, segments
// joined by "/", no leading or trailing slash, no empty, dot or hidden
// segment, no NUL and no backslash. The zero Name is the docroot itself.
//
// A Name is safe to use below an os.Root and as a key; it is not safe to print
// into a header or URL: use [Name.Escape].
type Name string

// Target is a request target (RFC 9112, 3.2) that has been understood.
type Target struct {
	Name  Name
	Dir   bool   // the path ended with a slash
	Query string // raw, without "?"; never part of a name
}

const (
	// maxSegment is NAME_MAX of every file system that we run on, in bytes.
	maxSegment = 255
	// maxName leaves room below PATH_MAX (4096 bytes) for the docroot.
	maxName = 3500
)

// ParseTarget turns a raw request target into a Target below base, the URL
// path at which the docroot is served ("/", "/~user/mirror/"). It decodes
// exactly once and accepts origin-form and absolute-form.
//
// Refused with ErrBadName: malformed escapes, NUL, "\", "%2F", "." and ".."
// segments, "#", and names that no file system takes. Refused with ErrHidden:
// segments that begin with a dot. Refused with ErrNoMirror: paths outside base.
func ParseTarget(target, base string) (Target, error) {
	path, query, _ := strings.Cut(originForm(target), "?")
	if !strings.HasPrefix(path, "/") {
		return Target{}, fmt.Errorf("%w: it does not begin with a slash", ErrBadName)
	}
	var hidden bool
	segments := make([]string, 0, 16)
	for raw := range strings.SplitSeq(path, "/") {
		if raw == "" {
			continue // slashes are merged, as every web server does
		}
		s, err := decodeSegment(raw)
		if err != nil {
			return Target{}, err
		}
		hidden = hidden || s[0] == '.'
		segments = append(segments, s)
	}
	joined := strings.Join(segments, "/")
	rest, ok := cutBase(joined, base)
	switch {
	case !ok:
		return Target{}, fmt.Errorf("%w: it is outside %s", ErrNoMirror, base)
	case hidden:
		return Target{}, ErrHidden
	case len(rest) > maxName:
		return Target{}, fmt.Errorf("%w: it is longer than %d bytes", ErrBadName, maxName)
	}
	return Target{Name: Name(rest), Dir: strings.HasSuffix(path, "/"), Query: query}, nil
}

// Askable reports whether an upstream's name for an entry of a directory can be
// part of a Name, and so be asked for: names that begin with a dot, or that no
// request can have, are not.
func Askable(segment string) bool {
	return segment != "" && segment[0] != '.' && len(segment) <= maxSegment && !strings.ContainsAny(segment, "/\\\x00")
}

// originForm strips scheme and authority from an absolute-form target. Only
// the path is used: which host was named is the web server's decision.
func originForm(target string) string {
	if strings.HasPrefix(target, "/") {
		return target
	}
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || (!strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https")) {
		return target
	}
	if i := strings.IndexAny(rest, "/?"); i >= 0 && rest[i] == '/' {
		return rest[i:]
	}
	return "/"
}

// decodeSegment decodes one segment. Most have nothing to decode.
func decodeSegment(raw string) (s string, err error) {
	if s = raw; strings.ContainsAny(raw, special) {
		if s, err = unescape(raw); err != nil {
			return "", err
		}
	}
	switch {
	case s == "." || s == "..":
		return "", fmt.Errorf("%w: it has a dot segment", ErrBadName)
	case len(s) > maxSegment:
		return "", fmt.Errorf("%w: a segment is longer than %d bytes", ErrBadName, maxSegment)
	default:
		return s, nil
	}
}

// special are the bytes that unescape decodes or refuses: what has none of them stays
// as it is.
const special = "%#/\\\x00"

// unescape decodes percent escapes (RFC 3986, 2.1), and refuses what no name has.
func unescape(raw string) (string, error) {
	b := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '#' {
			return "", fmt.Errorf("%w: it has a fragment", ErrBadName)
		}
		if c == '%' {
			if i+2 >= len(raw) || unhex(raw[i+1]) < 0 || unhex(raw[i+2]) < 0 {
				return "", fmt.Errorf("%w: malformed percent escape", ErrBadName)
			}
			c = byte(unhex(raw[i+1])<<4 | unhex(raw[i+2]))
			i += 2
		}
		if c == 0 || c == '/' || c == '\\' {
			return "", fmt.Errorf("%w: a segment has a NUL, a slash or a backslash", ErrBadName)
		}
		b = append(b, c)
	}
	return string(b), nil
}

// cutBase strips base, which begins and ends with a slash, from a joined path.
func cutBase(joined, base string) (string, bool) {
	base = strings.Trim(base, "/")
	if base == "" {
		return joined, true
	}
	if joined == base {
		return "", true
	}
	return strings.CutPrefix(joined, base+"/")
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

const upperhex = "0123456789ABCDEF"

// Escape returns the name as a URL path without its leading slash. Everything
// but unreserved characters and "/" is escaped: "+" too, which some object
// stores read as a space, so that a name means the same to every server.
func (n Name) Escape() string {
	var b strings.Builder
	b.Grow(len(n) + 8)
	for i := 0; i < len(n); i++ {
		c := n[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '-' || c == '.' || c == '_' || c == '~' || c == '/' {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperhex[c>>4])
		b.WriteByte(upperhex[c&15])
	}
	return b.String()
}

// Join returns the name of what is called base in the directory n, which may be
// the docroot.
func (n Name) Join(base string) Name {
	if n == "" {
		return Name(base)
	}
	return n + "/" + Name(base)
}

// Base returns the last segment.
func (n Name) Base() string {
	return string(n[strings.LastIndexByte(string(n), '/')+1:])
}

// Parent returns the directory that the name is in; the docroot is its own.
func (n Name) Parent() Name {
	return n[:max(0, strings.LastIndexByte(string(n), '/'))]
}
