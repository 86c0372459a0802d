package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// resolver checks a document and collects what is wrong with it.
type resolver struct {
	dir      string    // absolute: relative paths are taken from here
	docroot  string    // absolute; "" when it is wrong
	state    string    // absolute; "" when it is wrong
	machines []machine // of the netrc file
	password bool      // an upstream URL has one
	problems []problem
}

// fail notes a problem. The text must not hold an upstream URL as it was
// written, nor anything of the netrc file, which may hold a password.
func (r *resolver) fail(k key, format string, args ...any) {
	r.problems = append(r.problems, problem{k, fmt.Sprintf(format, args...)})
}

// resolve turns a document into a configuration. dir is the absolute directory
// that relative paths are taken from, file the absolute path of the document,
// "" where it is none. The configuration is of use only when there are no
// problems.
func resolve(doc *document, dir, file string) (*Config, []problem) {
	r := &resolver{dir: dir}
	c := &Config{Base: r.base(doc.Base), File: file}
	r.docroot, r.state = r.directories(doc)
	c.Docroot, c.State = r.docroot, r.state
	if doc.Netrc != "" {
		path := r.absolute(doc.Netrc)
		r.machines = r.netrc(key{name: "netrc"}, path)
		c.Secrets = []string{path}
	}
	c.Server = r.server(&doc.Server)
	c.Limits = r.limits(&doc.Limits)
	c.Timeouts = r.timeouts(&doc.Timeouts)
	c.Mirrors = r.mirrors(doc.Mirror)
	if r.password && file != "" {
		c.Secrets = append(c.Secrets, file)
	}
	return c, r.problems
}

// absolute returns a path of the configuration, absolute and cleaned.
func (r *resolver) absolute(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.dir, path)
}

func (r *resolver) directories(doc *document) (docroot, state string) {
	rootKey, stateKey := key{name: "docroot"}, key{name: "state"}
	switch {
	case doc.Docroot == "":
		r.fail(rootKey, "is missing: name the directory that the web server serves")
		return "", ""
	case strings.ContainsRune(doc.Docroot, 0):
		r.fail(rootKey, "holds a NUL byte: no path does")
		return "", ""
	case strings.ContainsRune(doc.State, 0):
		r.fail(stateKey, "holds a NUL byte: no path does")
		return "", ""
	}
	docroot = r.absolute(doc.Docroot)
	if docroot == "/" {
		r.fail(rootKey, `is "/": serve a directory of its own, so that the state directory can lie outside it`)
		return "", ""
	}
	if doc.State == "" {
		return docroot, filepath.Join(filepath.Dir(docroot), "."+filepath.Base(docroot)+"-state")
	}
	state = r.absolute(doc.State)
	switch {
	case state == docroot:
		r.fail(stateKey, "is the docroot itself: name another directory on the same file system, beside the docroot for instance")
	case isBelow(docroot, state):
		r.fail(stateKey, "%q contains the docroot %q: name a directory beside the docroot", state, docroot)
	case isBelow(state, docroot) && !strings.Contains(state[len(docroot):], "/."):
		r.fail(stateKey, "%q lies in the docroot, where it would be served: name a directory beside the docroot, or one whose name starts with a dot", state)
	}
	return docroot, state
}

// isBelow reports whether a cleaned absolute path lies in a directory, which is
// such a path too.
func isBelow(path, dir string) bool {
	rest, ok := strings.CutPrefix(path, dir)
	return ok && (dir == "/" || strings.HasPrefix(rest, "/"))
}

func (r *resolver) base(base string) string {
	if base == "" {
		return defaultBase
	}
	k := key{name: "base"}
	if flaw := flawOfPath(base); flaw != "" {
		r.fail(k, "%q %s", base, flaw)
	}
	return base
}

// flawOfPath says what keeps a text from being a URL path of a directory,
// decoded, that starts and ends with "/" and has one form only, or returns "".
// Names that start with a dot are refused since they are never served.
func flawOfPath(path string) string {
	switch {
	case !strings.HasPrefix(path, "/"):
		return fmt.Sprintf("must start with a slash: write %q", "/"+path)
	case !strings.HasSuffix(path, "/"):
		return fmt.Sprintf("must end with a slash: write %q", path+"/")
	case strings.Contains(path, "//"):
		return "has two slashes in a row: write one"
	case strings.Contains(path, "/."):
		return `has a part that starts with a dot ("..", "." and hidden names are never served): leave it out`
	case strings.ContainsAny(path, `\?#`) || strings.ContainsFunc(path, isControl):
		return `holds a backslash, "?", "#" or a control character: none of them can be part of it`
	case hasEscape(path):
		return "is percent-encoded: write the characters themselves"
	}
	return ""
}

func isControl(c rune) bool { return c < ' ' || c == 0x7f }

// hasEscape reports whether a text holds "%" and two hexadecimal digits.
func hasEscape(s string) bool {
	const hex = "0123456789abcdefABCDEF"
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '%' && strings.IndexByte(hex, s[i+1]) >= 0 && strings.IndexByte(hex, s[i+2]) >= 0 {
			return true
		}
	}
	return false
}

func (r *resolver) limits(t *limitsTable) Limits {
	at := func(name string) key { return key{table: "limits", name: name} }
	l := Limits{
		Fetches:   r.count(at("fetches"), t.Fetches, defaultFetches, 1, maxFetches),
		Relays:    r.count(at("relays"), t.Relays, defaultRelays, 0, maxFetches),
		MaxSize:   r.size(at("max_size"), t.MaxSize, defaultMaxSize),
		QueueTime: r.duration(at("queue_time"), t.QueueTime, defaultQueueTime, 0, maxQueueTime),
	}
	// Whoever lowers the one limit has lowered the other, too.
	perUpstream := min(defaultPerUpstream, l.Fetches)
	l.PerUpstream = r.count(at("per_upstream"), t.PerUpstream, perUpstream, 1, maxFetches)
	if l.PerUpstream > l.Fetches {
		r.fail(at("per_upstream"), "is %d, more than the %d fetches in all: lower it, or raise fetches", l.PerUpstream, l.Fetches)
	}
	return l
}

func (r *resolver) timeouts(t *timeoutsTable) Timeouts {
	at := func(name string) key { return key{table: "timeouts", name: name} }
	return Timeouts{
		Connect:      r.duration(at("connect"), t.Connect, defaultConnect, minTimeout, maxConnect),
		Header:       r.duration(at("header"), t.Header, defaultHeader, minTimeout, maxTimeout),
		Idle:         r.duration(at("idle"), t.Idle, defaultIdle, minTimeout, maxTimeout),
		LowSpeed:     r.size(at("low_speed"), t.LowSpeed, defaultLowSpeed),
		LowSpeedTime: r.duration(at("low_speed_time"), t.LowSpeedTime, defaultLowSpeedTime, minLowSpeedRun, maxTimeout),
		MaxWait:      r.duration(at("max_wait"), t.MaxWait, defaultMaxWait, minMaxWait, maxMaxWait),
	}
}

func (r *resolver) mirrors(tables []mirrorTable) []Mirror {
	if len(tables) == 0 {
		r.fail(key{table: mirrorKey}, "is missing: add a [[mirror]] with a prefix and an upstream")
		return nil
	}
	mirrors := make([]Mirror, len(tables))
	seen := make(map[string]bool, len(tables))
	for i := range tables {
		mirrors[i] = r.mirror(i, &tables[i])
		if prefix := tables[i].Prefix; prefix != "" && seen[prefix] {
			r.fail(key{table: mirrorKey, index: i, name: "prefix"}, "%q is given twice: list all its upstreams in one [[mirror]]", prefix)
		}
		seen[tables[i].Prefix] = true
	}
	slices.SortFunc(mirrors, func(a, b Mirror) int {
		if byLength := cmp.Compare(len(b.Prefix), len(a.Prefix)); byLength != 0 {
			return byLength
		}
		return cmp.Compare(a.Prefix, b.Prefix)
	})
	return mirrors
}
