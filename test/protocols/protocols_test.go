package protocols

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"mirror/internal/loopback"
	"mirror/internal/server"
)

// protocol is a way to reach the tree, and what it can tell of it.
type protocol struct {
	name   string
	scheme string
	below  string                           // path of the URL
	sealed bool                             // lines see but the control connection, and nothing of it
	start  func(*testing.T, *server.Server) // nil: there is no server
	user   string                           // who is let in; "": anybody

	fileTime time.Duration // of a file's time, what is told
	linked   bool          // listings tell links
	hard     bool          // and which names are of one file
	listTime int64         // seconds that a listing leaves open of a time, at most
	listSize int64         // thousandths that it leaves open of a size, at most
}

var protocols = []*protocol{
	{name: "nginx", scheme: "http", below: "/", start: func(_ *testing.T, s *server.Server) { s.Nginx(s.NginxUsers()) }, user: "user", fileTime: time.Second, listTime: 59},
	{name: "apache", scheme: "http", below: "/", start: func(_ *testing.T, s *server.Server) { s.Apache("Charset=UTF-8", s.ApacheUsers()) }, user: "user", fileTime: time.Second, listTime: 59, listSize: 250},
	{name: "rsync", scheme: "rsync", below: "/m/", start: func(_ *testing.T, s *server.Server) { s.Rsyncd(s.RsyncUsers()) }, user: "user", fileTime: time.Nanosecond, linked: true, hard: true},
	{name: "vsftpd", scheme: "ftp", below: "/", start: func(_ *testing.T, s *server.Server) { s.Vsftpd("") }, fileTime: time.Second, linked: true, listTime: 24*60*60 - 1},
	{name: "proftpd", scheme: "ftp", below: "/", start: func(_ *testing.T, s *server.Server) { s.Proftpd("") }, user: "user", fileTime: time.Second, linked: true, hard: true},
	{name: "pure-ftpd", scheme: "ftp", below: "/", start: func(_ *testing.T, s *server.Server) { s.PureFTPd() }, user: "user", fileTime: time.Second, linked: true, hard: true},
	{name: "ftps", scheme: "ftps", below: "/", start: startFTPS, sealed: true, user: "user", fileTime: time.Second, linked: true, hard: true},
	{name: "file", scheme: "file", fileTime: time.Nanosecond, linked: true, hard: true},
}

func (p *protocol) is(schemes ...string) bool { return slices.Contains(schemes, p.scheme) }

// TestProtocols runs every scenario with every protocol.
func TestProtocols(t *testing.T) {
	t.Parallel()
	for _, p := range protocols {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			from := p.serve(t)
			for _, scenario := range scenarios {
				if scenario.on != nil && !scenario.on(p) {
					continue
				}
				t.Run(scenario.name, func(t *testing.T) {
					t.Parallel()
					scenario.run(t, from.reach(t))
				})
			}
		})
	}
}

// scenarios take an upstream that they have for themselves.
var scenarios = []struct {
	name string
	on   func(*protocol) bool // nil: every protocol
	run  func(*testing.T, *upstream)
}{
	{"files", nil, everyFile},
	{"links", nil, links},
	{"ranges", nil, ranges},
	{"crowd", inTheClear, crowd},
	{"listings", nil, listings},
	{"killed", inTheClear, killed},
	{"cut", overLine, cut},
	{"stalled", overLine, stalled},
	{"down", nil, down},
	{"missing", nil, missing},
	{"wrong password", withUsers, wrongPassword},
	{"changed", inTheClear, changedMeanwhile},
	{"refreshed", nil, refreshed},
	{"tool", nil, tool},
}

// inTheClear: its bytes can be counted and held, or it needs no line.
func inTheClear(p *protocol) bool { return !p.sealed }

// overLine: and they pass over a line.
func overLine(p *protocol) bool { return inTheClear(p) && withUsers(p) }

// withUsers: there is a server.
func withUsers(p *protocol) bool { return p.start != nil }

// served is a protocol whose server runs.
type served struct {
	*protocol
	addr string
}

// serve starts the protocol's server.
func (p *protocol) serve(t *testing.T) *served {
	t.Helper()
	if p.start == nil {
		return &served{protocol: p}
	}
	s := server.New(t, filepath.Join(work, "up"))
	p.start(t, s)
	return &served{p, s.Addr}
}

// upstream is the tree, as one mirror reaches it: over a line, or, for files, by
// way of a link to the tree's directory.
type upstream struct {
	*served
	t     *testing.T
	line  *line       // nil: files
	way   string      // that link
	front func(*site) // that mirrors of it are reached through; nil: mirror-fcgi's own
	url   string      // with the password, where there is one
}

func (s *served) reach(t *testing.T) *upstream {
	t.Helper()
	u := &upstream{served: s, t: t}
	if s.start == nil {
		u.way = filepath.Join(t.TempDir(), "up")
		u.url = "file://" + u.way + "/"
		u.up()
		return u
	}
	if s.sealed { // data connections are made to the address of the control connection
		ip, _, _ := net.SplitHostPort(s.addr)
		u.line = newLine(t, ip+":0", s.addr, false)
	} else {
		_, addr := loopback.Address()
		u.line = newLine(t, addr, s.addr, s.scheme == "ftp")
	}
	u.url = u.as(u.user, server.Password)
	return u
}

// as is the URL for a user, or "", with a password.
func (u *upstream) as(user, password string) string {
	to := url.URL{Scheme: u.scheme, Host: u.line.addr, Path: u.below}
	if user != "" {
		to.User = url.UserPassword(user, password)
	}
	return to.String()
}

// mirror makes a mirror of it; lines are of its table.
func (u *upstream) mirror(t *testing.T, lines ...string) *site {
	t.Helper()
	s := prepare(t, []string{u.url}, lines...)
	if u.front != nil {
		u.front(s)
	} else {
		s.start()
	}
	return s
}

// public is the URL without user and password.
func (u *upstream) public() string {
	to, err := url.Parse(u.url)
	if err != nil {
		u.t.Fatal(err)
	}
	to.User = nil
	return to.String()
}

// down: the server is not there.
func (u *upstream) down() {
	if u.line != nil {
		u.line.down()
	} else if err := os.Remove(u.way); err != nil {
		u.t.Fatal(err)
	}
}

// up ends down.
func (u *upstream) up() {
	if u.line != nil {
		u.line.up(u.t)
	} else if err := os.Symlink(filepath.Join(work, "up"), u.way); err != nil {
		u.t.Fatal(err)
	}
}

// own makes a directory of the tree that only this test changes, and returns its
// path with the name of a file in it.
func (u *upstream) own(name string) string {
	u.t.Helper()
	dir, err := os.MkdirTemp(filepath.Join(work, "up"), "own")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		u.t.Fatal(err)
	}
	return filepath.Base(dir) + "/" + name
}

// place renames a file to its place in the tree.
func (u *upstream) place(n *node) {
	u.t.Helper()
	next := *n
	next.path += ".new"
	root := filepath.Join(work, "up")
	err := next.make(root)
	if err == nil {
		err = os.Rename(filepath.Join(root, next.path), filepath.Join(root, n.path))
	}
	if err != nil {
		u.t.Fatal(err)
	}
}
