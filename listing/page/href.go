package page

import (
	"net/url"
	"strings"
)

// A place is where a link leads, seen from the page it is on.
type place uint8

const (
	elsewhere place = iota // another host, another scheme, another directory, a sort order
	parent                 // the directory above the page
	child                  // an entry of the page's directory
	unusable               // below the page, but no name of a file: "%2F", "a%00b"
)

// A link is where an <a href> leads.
type link struct {
	place place
	name  string // of a child, percent-decoded
	slash bool   // a child whose link ends with a slash
	query bool   // it has a query: an entry only if what is shown says so too
}

// A resolver tells where links lead. It works on bytes, and not with net/url,
// since links need not be well-formed to be links: "100%.txt", spaces, bytes
// that are no UTF-8.
type resolver struct {
	scheme, host string
	page         []string // segments of the page's directory, decoded
	dir          []string // segments that relative links start from (<base href>)
	foreign      bool     // links without a host lead to another one
	same         bool     // page and dir are the same
	prefix       string   // the page's directory as absolute links mostly write it; "": not known
}

func newResolver(base *url.URL) *resolver {
	if base == nil {
		base = &url.URL{Path: "/"}
	}
	path := base.EscapedPath()
	path = path[:strings.LastIndexByte(path, '/')+1]
	if path == "" {
		path = "/"
	}
	r := &resolver{scheme: strings.ToLower(base.Scheme), host: strings.ToLower(base.Host), prefix: path}
	r.page, _ = walk(nil, path)
	r.dir, r.same = r.page, true
	return r
}

// base takes in <base href>: relative links start from there. One below the page
// moves the listing: what it shows lies there.
func (r *resolver) base(href string) {
	r.same, r.prefix = false, ""
	path, ok := r.local(clean(href))
	if !ok {
		r.foreign = true
		return
	}
	path, _, _ = strings.Cut(path, "?")
	r.dir, _ = r.join(path[:strings.LastIndexByte(path, '/')+1])
	if len(r.dir) > len(r.page) && isPrefix(r.dir, r.page) {
		r.page = r.dir
	}
}

// clean is what browsers do first: blanks around a link do not count, line
// ends and tabs within it neither, and the fragment is none of the server's
// business.
func clean(href string) string {
	href, _, _ = strings.Cut(href, "#")
	for href != "" && href[0] <= ' ' {
		href = href[1:]
	}
	for href != "" && href[len(href)-1] <= ' ' {
		href = href[:len(href)-1]
	}
	if strings.IndexByte(href, '\n') >= 0 || strings.IndexByte(href, '\r') >= 0 || strings.IndexByte(href, '\t') >= 0 {
		href = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(href)
	}
	return href
}

// local cuts scheme and host off, if they are the page's own.
func (r *resolver) local(href string) (path string, ok bool) {
	if i := schemeEnd(href); i > 0 {
		scheme := strings.ToLower(href[:i])
		web := scheme == "http" || scheme == "https"
		if scheme != r.scheme && !(web && (r.scheme == "http" || r.scheme == "https")) {
			return "", false
		}
		if href = href[i+1:]; !strings.HasPrefix(href, "//") {
			return "", false
		}
	}
	if !strings.HasPrefix(href, "//") {
		return href, !r.foreign
	}
	host := href[2:]
	if i := strings.IndexAny(host, "/?"); i >= 0 {
		host, path = host[:i], host[i:]
	}
	if path == "" {
		path = "/"
	}
	return path, r.host != "" && samePort(strings.ToLower(host)) == samePort(r.host)
}

// schemeEnd is where the colon after a scheme is, or -1.
func schemeEnd(s string) int {
	for i := range len(s) {
		c := s[i] | 0x20
		switch {
		case s[i] == ':':
			return i
		case 'a' <= c && c <= 'z':
		case i > 0 && ('0' <= s[i] && s[i] <= '9' || s[i] == '+' || s[i] == '-' || s[i] == '.'):
		default:
			return -1
		}
	}
	return -1
}

func samePort(host string) string {
	return strings.TrimSuffix(strings.TrimSuffix(host, ":80"), ":443")
}

// resolve tells where href, with its entities undone, leads.
func (r *resolver) resolve(href string) link {
	path, ok := r.local(clean(href))
	if !ok {
		return link{}
	}
	path, _, query := strings.Cut(path, "?")
	if path == "" || r.scheme == "ftp" && typeCode(path) {
		return link{}
	}
	// A backslash is a slash to browsers.
	if strings.IndexByte(path, '\\') >= 0 {
		path = strings.ReplaceAll(path, `\`, "/")
	}
	rest, below := path, r.same && path[0] != '/'
	if !below && r.prefix != "" {
		rest, below = strings.CutPrefix(path, r.prefix)
	}
	if below && plain(rest) { // nearly all links
		return link{place: child, name: unescape(strings.TrimSuffix(rest, "/")), slash: strings.HasSuffix(rest, "/"), query: query}.checked()
	}
	segments, slash := r.join(path)
	n := len(r.page)
	switch {
	case len(segments) == n-1 && slash && isPrefix(r.page, segments):
		return link{place: parent}
	case len(segments) == n+1 && isPrefix(segments, r.page):
		return link{place: child, name: segments[n], slash: slash, query: query}.checked()
	}
	return link{}
}

// plain: one segment, with or without a slash after it, and nothing to walk.
func plain(rest string) bool {
	i := strings.IndexByte(rest, '/')
	return rest != "" && (i < 0 || i > 0 && i == len(rest)-1) && rest[0] != '.' && rest[0] != '%'
}

// checked makes sure that the name is one.
func (l link) checked() link {
	if l.name == "" || l.name == "." || l.name == ".." {
		return link{}
	}
	if strings.IndexByte(l.name, '/') >= 0 || strings.IndexByte(l.name, 0) >= 0 {
		l.place = unusable
	}
	return l
}

// join walks path from where relative links start, or from the root.
func (r *resolver) join(path string) (segments []string, slash bool) {
	if strings.HasPrefix(path, "/") {
		return walk(nil, path)
	}
	return walk(r.dir, path)
}

// maxSegments bounds the walk: what lies so deep is no child of a page.
const maxSegments = 256

// walk follows path from a directory; segments are decoded. Slash: what it
// leads to is written as a directory.
func walk(from []string, path string) (segments []string, slash bool) {
	segments = append(make([]string, 0, len(from)+2), from...)
	path = strings.TrimPrefix(path, "/")
	slash = true
	for path != "" && len(segments) < maxSegments {
		var segment string
		segment, path, slash = strings.Cut(path, "/")
		switch segment = unescape(segment); segment {
		case ".":
			slash = true
		case "..":
			slash = true
			if len(segments) > 0 {
				segments = segments[:len(segments)-1]
			}
		default:
			segments = append(segments, segment)
		}
	}
	return segments, slash
}

func isPrefix(long, short []string) bool {
	for i := range short {
		if long[i] != short[i] {
			return false
		}
	}
	return true
}

// typeCode: FTP gateways end links with how to fetch the file, not what it is
// called (RFC 1738, 3.2.2).
func typeCode(path string) bool {
	i := strings.LastIndex(path, ";type=")
	return i >= 0 && i+7 == len(path)
}

// unescape undoes percent-encoding; what is none stays as it is.
func unescape(s string) string {
	i := strings.IndexByte(s, '%')
	if i < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	b = append(b, s[:i]...)
	for ; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if hi, lo := hex(s[i+1]), hex(s[i+2]); hi >= 0 && lo >= 0 {
				b = append(b, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
