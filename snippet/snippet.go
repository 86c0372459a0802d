// Package snippet writes the configuration of the web server in front: what
// belongs to it of the mirror's own configuration, for each server and each way
// of configuring it. The files of deploy/ are what it writes for the defaults.
package snippet

import (
	"embed"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"text/template"
	"time"

	"mirror/config"
)

//go:embed templates/*.tmpl
var templates embed.FS

// Style is one way of configuring a web server.
type Style struct {
	Server string // "nginx"
	Name   string // "try-files"; "" where there is but one way
	File   string // below deploy/: what Text returns for Default
	About  string // a line for people
	Daemon bool   // it connects to a daemon that is started beside it
}

// Styles are all there are; the first one of a server is the one to take.
var Styles = []Style{
	{"nginx", "try-files", "nginx/try-files.conf", "mirror-fcgi, asked through try_files", true},
	{"nginx", "error-page", "nginx/error-page.conf", "mirror-fcgi, asked through error_page", true},
	{"apache", "proxy-fcgi", "apache/proxy-fcgi.conf", "mirror-fcgi as a service", true},
	{"apache", "fcgid", "apache/fcgid.conf", "mirror-fcgi, started by mod_fcgid", false},
	{"apache", "cgid", "apache/cgid.conf", "mirror-cgi, no daemon", false},
	{"htaccess", "rewrite", "apache/htaccess", "mirror-cgi on shared hosting", false},
	{"htaccess", "errordocument", "apache/htaccess-errordocument", "the same without mod_rewrite", false},
	{"lighttpd", "fastcgi", "lighttpd/fastcgi.conf", "mirror-fcgi as a service", true},
	{"lighttpd", "cgi", "lighttpd/cgi.conf", "mirror-cgi, no daemon", false},
	{"caddy", "", "caddy/Caddyfile", "mirror-fcgi as a service", true},
}

// Default is the configuration that the files of deploy/ are for: any with the
// default patterns, whatever its prefixes.
const Default = `
docroot = "/srv/mirror"
[server]
fastcgi = "unix:/run/mirror/fcgi.sock"
[[mirror]]
prefix = "/"
upstream = ["http://one.example/"]
`

// DefaultFile is where it is taken to be, and DefaultHost whom it is for.
const (
	DefaultFile = "/etc/mirror/mirror.toml"
	DefaultHost = "mirror.example.org"
)

// DefaultSocket is that of deploy/systemd, which a configuration without
// server.fastcgi is meant for.
const DefaultSocket = "/run/mirror/fcgi.sock"

// Text returns the snippet for a configuration. The error says what in it the
// server cannot be told.
func (s Style) Text(conf *config.Config, host string) (string, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9._*-]+$`).MatchString(host) {
		return "", fmt.Errorf("%q is no host name", host)
	}
	if err := s.check(conf); err != nil {
		return "", err
	}
	t := template.New(s.Server + ".tmpl")
	page := s.page(conf, host)
	t.Funcs(template.FuncMap{
		"include": func(name string) (string, error) {
			var b strings.Builder
			err := t.ExecuteTemplate(&b, name, page)
			return b.String(), err
		},
		"indent": indent,
		"path":   quoteIfNeeded,
		"q":      quote,
		"re":     page.writer.literal,
		"bare":   func(text string) string { return text },
		"cond": func(path, name string) string {
			if strings.HasPrefix(path, "%") {
				return path + name
			}
			return quote(path + name)
		},
	})
	if _, err := t.ParseFS(templates, "templates/common.tmpl", "templates/"+s.Server+".tmpl"); err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, page); err != nil {
		return "", err
	}
	return tidy(b.String()), nil
}

// page is what a template may say.
type page struct {
	Server, Style string
	Default       bool // the style is the server's first
	Host          string
	Docroot       string
	Config        string
	Base          string // "" at the top of the site, else "/pub/"
	Top           string // Base without the slash at its end
	Program       string // the URL path of mirror.cgi in the docroot, escaped
	MaxWait       time.Duration
	Patience      int // seconds

	Mutable []string // expressions
	Names   []except // the same for Caddy
	Inner   []string // expressions of what lies in the docroot and is nobody's
	Below   []string // the same without the base

	Socket                                   string // the path; "" for tcp
	Stoppable                                bool
	NginxSocket, LighttpdSocket, CaddySocket string
	ApacheSocket, ApacheHost                 string

	writer writer
}

// except are the paths that one expression matches and another does not.
type except struct{ Expr, Except string }

func (s Style) page(conf *config.Config, host string) *page {
	p := &page{
		Server: s.Server, Style: s.Name, Host: host, Docroot: conf.Docroot, Config: conf.File, Base: conf.Base,
		MaxWait: conf.Timeouts.MaxWait, writer: writer{runes: s.Server == "caddy" || s.Server == "lighttpd", backtracks: s.Server != "caddy"},
	}
	for _, other := range Styles {
		if other.Server == s.Server {
			p.Default = other == s
			break
		}
	}
	if p.Config == "" {
		p.Config = DefaultFile
	}
	p.Program = (&url.URL{Path: conf.Base + "mirror.cgi"}).EscapedPath()
	// The handler has to have given up before.
	p.Patience = max(60, 3*int(conf.Timeouts.MaxWait.Seconds()))
	p.Top = strings.TrimSuffix(conf.Base, "/")
	base := conf.Base
	if base == "/" {
		p.Base = ""
	}
	if s.Server == "caddy" {
		base = "/" // its expressions see what is left of the path
	}
	for _, n := range p.writer.mutable(conf) {
		p.Mutable = append(p.Mutable, p.writer.pcre(base, n))
		p.Names = append(p.Names, p.writer.excepts(base, n)...)
	}
	for _, own := range append([]string{conf.State + "/", conf.File}, conf.Secrets...) {
		if below, ok := strings.CutPrefix(own, conf.Docroot+"/"); ok && own != "" {
			end := `\z`
			if strings.HasSuffix(below, "/") {
				end = ""
			}
			p.Inner = append(p.Inner, "^"+p.writer.literal(base+below)+end)
			p.Below = append(p.Below, "^"+p.writer.literal(below)+end)
		}
	}
	p.listen(conf.Server.FastCGI, s)
	return p
}

// listen says in each server's words where the daemon is.
func (p *page) listen(l config.Listen, s Style) {
	if l.Network == "tcp" {
		host, port, err := net.SplitHostPort(l.Address)
		if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
			host = map[bool]string{true: "127.0.0.1", false: "::1"}[ip.To4() != nil]
		}
		address := net.JoinHostPort(host, port)
		p.NginxSocket, p.CaddySocket, p.ApacheHost = address, address, address
		p.LighttpdSocket = fmt.Sprintf("\t\"host\"               => %q,\n\t\"port\"               => %s,", host, port)
		return
	}
	p.Socket = l.Address
	if p.Socket == "" {
		p.Socket = DefaultSocket
	}
	p.Stoppable = s.Name == "proxy-fcgi"
	p.NginxSocket = quoteIfNeeded("unix:" + p.Socket)
	p.CaddySocket = quoteIfNeeded("unix/" + p.Socket)
	p.ApacheSocket, p.ApacheHost = "unix:"+p.Socket+"|", "mirror"
	p.LighttpdSocket = "\t\"socket\"             => " + quote(p.Socket) + ","
}

// excepts writes n for a server without lookahead: an expression, and one of what
// it does not speak for.
func (w writer) excepts(base string, n names) []except {
	write := func(places []place, inner []string) except {
		e := except{Expr: w.pcre(base, names{places: places, tail: n.tail})}
		var not []string
		if n.not != "" {
			not = append(not, w.pcre(base, names{places: places, tail: n.not}))
		}
		for _, prefix := range inner {
			not = append(not, "^"+w.literal(base+places[0].prefix+prefix))
		}
		if len(not) > 0 {
			e.Except = either(not)
		}
		return e
	}
	var all []except
	var plain []place
	for _, p := range n.places {
		if len(p.inner) == 0 {
			plain = append(plain, p)
		} else {
			all = append(all, write([]place{{prefix: p.prefix}}, p.inner))
		}
	}
	if len(plain) > 0 {
		all = append([]except{write(plain, nil)}, all...)
	}
	return all
}

// unsayable are the characters that mean something in paths to a server however
// they are quoted, besides control characters, quotes and backslashes.
var unsayable = map[string]string{"nginx": "$", "apache": "$%<>*?[]'|", "htaccess": "$%<>*?[]'|", "caddy": "{}`"}

func (s Style) check(conf *config.Config) error {
	type text struct{ key, value string }
	texts := []text{{"base", conf.Base}}
	if s.Server != "htaccess" {
		texts = append(texts, text{"docroot", conf.Docroot}, text{"the configuration file", conf.File}, text{"server.fastcgi", conf.Server.FastCGI.Address})
	}
	odd := unsayable[s.Server]
	for _, t := range texts {
		bad := odd
		switch {
		case t.key == "server.fastcgi" && conf.Server.FastCGI.Network == "tcp":
			continue
		case t.key == "the configuration file" && s.Name == "fcgid":
			bad += " "
		}
		if i := strings.IndexFunc(t.value, func(c rune) bool {
			return c < ' ' || c == 0x7f || c == '"' || c == '\\' || strings.ContainsRune(bad, c)
		}); i >= 0 {
			return fmt.Errorf("%s is %q, and %s cannot be told a path with %q: choose another", t.key, t.value, s.Server, t.value[i:i+1])
		}
	}
	return nil
}

var plain = regexp.MustCompile(`^[A-Za-z0-9._/+:@~*-]+$`)

func quoteIfNeeded(text string) string {
	if plain.MatchString(text) {
		return text
	}
	return quote(text)
}

func quote(text string) string { return `"` + text + `"` }

// indent puts n tabs before each line.
func indent(n int, text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = strings.Repeat("\t", n) + line
		}
	}
	return strings.Join(lines, "\n")
}

// tidy leaves one blank line where there are more, and none at the beginning and
// end of a block.
func tidy(text string) string {
	text = regexp.MustCompile(`\n{3,}`).ReplaceAllString(text, "\n\n")
	text = regexp.MustCompile(`([{(])\n\n`).ReplaceAllString(text, "$1\n")
	text = regexp.MustCompile(`\n\n(\t*[})])`).ReplaceAllString(text, "\n$1")
	return strings.TrimSpace(text) + "\n"
}

// Find returns the style of a server with this name; the first one if name is
// empty.
func Find(server, name string) (Style, error) {
	var names []string
	for _, s := range Styles {
		if s.Server != server {
			continue
		}
		if name == "" || s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	if names == nil {
		return Style{}, fmt.Errorf("there is no snippet for %q: see mirrorctl snippet", server)
	}
	if names[0] == "" {
		return Style{}, fmt.Errorf("for %s there is one snippet only, and no style %q", server, name)
	}
	return Style{}, fmt.Errorf("for %s there is no style %q: it is one of %s", server, name, strings.Join(names, ", "))
}
