package config

import (
	"errors"
	"net/url"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

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
		if u.Scheme == "file" {
			r.apart(k, u)
		} else if _, ok := u.User.Password(); ok {
			r.password = true
		} else {
			u.User = credentials(r.machines, u)
		}
		upstreams = append(upstreams, u)
	}
	return upstreams
}

// apart checks that the directory of a file upstream is not one that we write
// to, which would then be its own upstream.
func (r *resolver) apart(k key, u *url.URL) {
	dir := filepath.Clean(u.Path)
	for _, own := range []struct{ name, path string }{{"docroot", r.docroot}, {"state directory", r.state}} {
		switch {
		case own.path == "": // told already
		case dir == own.path:
			r.fail(k, "number %d (%s) is the %s itself: name the directory that it is a copy of", k.item+1, u, own.name)
		case isBelow(dir, own.path):
			r.fail(k, "number %d (%s) lies in the %s %q: name a directory outside it", k.item+1, u, own.name, own.path)
		case isBelow(own.path, dir):
			r.fail(k, "number %d (%s) contains the %s %q: name a directory beside it", k.item+1, u, own.name, own.path)
		}
	}
}

// parseUpstream reads the URL of an upstream and gives it the form that
// Mirror.Upstream promises. A slash at its end is added where it is missing,
// since it always names a directory. The error continues a sentence and does
// not repeat the text, which may hold a password.
func parseUpstream(text string) (*url.URL, error) {
	if strings.ContainsAny(text, "?#") {
		return nil, errors.New(`holds a "?" or "#": give the URL of a directory, and percent-encode these characters`)
	}
	if strings.Contains(text, "::") && !strings.Contains(text, "://") {
		return nil, errors.New(`is not a URL: write HOST::MODULE as "rsync://HOST/MODULE/"`)
	}
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" {
		scheme, _, _ := strings.Cut(text, ":")
		return nil, errors.New("is not a URL: write it as " + formOf(strings.ToLower(scheme)) + ", special characters percent-encoded")
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		if part == "." || part == ".." {
			return nil, errors.New(`has a "." or ".." in its path: write the path that it leads to`)
		}
	}
	switch u.Scheme {
	case "http", "https", "ftp", "ftps", "rsync":
		err = resolveRemote(u)
	case "file":
		err = resolveFile(u)
	case "":
		err = errors.New(`has no scheme: write it as ` + formOf("http") + `, for instance, or ` + formOf("file"))
	default:
		err = errors.New(`begins with "` + u.Scheme + `:": only http, https, ftp, ftps, rsync and file are supported`)
	}
	return u, err
}

// formOf shows how the URL of an upstream is written; of a scheme that there is
// not, how most are.
func formOf(scheme string) string {
	switch scheme {
	case "https", "ftp", "ftps":
		return `"` + scheme + `://HOST/PATH/"`
	case "rsync":
		return `"rsync://HOST/MODULE/PATH/"`
	case "file":
		return `"file:///PATH/"`
	}
	return `"http://HOST/PATH/"`
}

// resolveRemote checks a URL that names a host. The host gets the lower case in
// which hosts are compared when they are dialled; a path stays as it is, but for
// rsync's, since two slashes in a row have a meaning with FTP.
func resolveRemote(u *url.URL) error {
	if u.Hostname() == "" {
		return errors.New("names no host: write it as " + formOf(u.Scheme))
	}
	if strings.HasSuffix(u.Host, ":") {
		return errors.New("has a colon but no port: leave the colon out")
	}
	if port := u.Port(); port != "" && !isPort(port, 1) {
		return errors.New("has port " + port + ": a port is a number from 1 to 65535")
	}
	password, _ := u.User.Password()
	if strings.ContainsFunc(u.User.Username()+password, isControl) {
		return errors.New("has a control character in its user or password: no protocol takes it")
	}
	if !isHTTP(u) && strings.ContainsFunc(u.Path, isControl) {
		return errors.New("has a control character in its path, and " + u.Scheme + " has no way to send all of them: name a directory above")
	}
	if u.Scheme == "rsync" {
		u.Path, u.RawPath = path.Clean("/"+u.Path), ""
		if u.Path == "/" {
			return errors.New("names no module: write it as " + formOf(u.Scheme))
		}
	}
	if !strings.Contains(u.Host, "%") { // the zone of an address keeps its case
		u.Host = strings.ToLower(u.Host)
	}
	endWithSlash(u)
	return nil
}

// endWithSlash adds the slash at the end of a path. An encoded one is part of a
// name over HTTP, and like any other elsewhere.
func endWithSlash(u *url.URL) {
	switch {
	case strings.HasSuffix(u.EscapedPath(), "/"):
	case strings.HasSuffix(u.Path, "/") && !isHTTP(u):
		u.RawPath = "" // String then writes all slashes as such
	default:
		u.Path += "/"
		if u.RawPath != "" {
			u.RawPath += "/"
		}
	}
}

// resolveFile checks the URL of a directory of this machine (RFC 8089).
func resolveFile(u *url.URL) error {
	switch {
	case u.User != nil:
		return errors.New("has a user, and a file needs none: write it as " + formOf("file"))
	case u.Host != "" && !strings.EqualFold(u.Host, "localhost"):
		return errors.New("names a host, and a file is on this machine: write it with three slashes, " + formOf("file"))
	case u.Path == "":
		return errors.New("names no directory: write it as " + formOf("file"))
	case strings.ContainsRune(u.Path, 0):
		return errors.New("holds a NUL byte: no path does")
	}
	dir := filepath.Clean(u.Path)
	if dir != "/" {
		dir += "/"
	}
	*u = url.URL{Scheme: "file", Path: dir}
	return nil
}
