// Package ftpd is an FTP upstream for tests: a server inside the test process
// that misbehaves as it is told and remembers what it was asked.
//
//	s := ftpd.New(t)
//	s.Set("/pub/a.deb", origin.File{Seed: 1, Size: 10 << 20})
//	s.Behave(ftpd.Behaviour{Lacks: []string{"MLST", "EPSV"}, CutAfter: 1 << 20, Times: 1})
//	... fetch "ftp://" + s.Addr + "/pub/a.deb" ...
//	for _, line := range s.Commands() { ... }
//
// Directories are there when a file is below them. Everything may be changed
// while it runs, from any goroutine.
package ftpd

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"mirror/internal/origin"
)

// Server is one upstream. Make it with New.
type Server struct {
	Addr     string         // "127.0.0.1:port"
	CertPool *x509.CertPool // holds the certificate to trust; nil without TLS

	ip             string
	tls            *tls.Config
	implicit       bool
	user, password string // "": anybody
	listener       net.Listener
	sessions       sync.WaitGroup

	mu        sync.Mutex // guards what follows
	over      bool       // the test has ended
	conns     map[net.Conn]bool
	files     map[string]origin.File
	behaviour Behaviour
	commands  []string
	logins    int
}

// Option is a choice that cannot be changed while the server runs.
type Option func(*Server)

// TLS wants AUTH TLS before the login, and data connections that resume the
// control connection's session.
func TLS() Option {
	return func(s *Server) {
		h := httptest.NewTLSServer(nil) // it has a certificate for 127.0.0.1 and ::1
		h.Close()
		s.tls = &tls.Config{Certificates: h.TLS.Certificates}
		s.CertPool = x509.NewCertPool()
		s.CertPool.AddCert(h.Certificate())
	}
}

// Implicit is TLS from the first byte on.
func Implicit() Option {
	return func(s *Server) {
		TLS()(s)
		s.implicit = true
	}
}

// IP listens on another loopback address than 127.0.0.1.
func IP(ip string) Option { return func(s *Server) { s.ip = ip } }

// Login lets in only this user.
func Login(user, password string) Option {
	return func(s *Server) { s.user, s.password = user, password }
}

// New starts a server that stops when the test ends.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	s := &Server{ip: "127.0.0.1", conns: make(map[net.Conn]bool), files: make(map[string]origin.File)}
	for _, option := range options {
		option(s)
	}
	var err error
	if s.listener, err = net.Listen("tcp", net.JoinHostPort(s.ip, "0")); err != nil {
		t.Fatalf("ftpd: %v", err)
	}
	s.Addr = s.listener.Addr().String()
	s.sessions.Go(s.accept)
	t.Cleanup(func() {
		s.mu.Lock()
		s.over = true
		s.mu.Unlock()
		s.listener.Close()
		s.Hangup()
		s.sessions.Wait()
	})
	return s
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.sessions.Go(func() {
			defer conn.Close()
			if s.track(conn) {
				defer s.forget(conn)
				newSession(s, conn).serve()
			}
		})
	}
}

// track remembers a connection for Hangup; false: it is too late for it.
func (s *Server) track(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.conns[c] = true
	}
	return !s.over
}

func (s *Server) forget(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// Hangup closes all connections, without a word.
func (s *Server) Hangup() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.Close()
	}
}

// Set puts a file, or its next version, at path.
func (s *Server) Set(path string, f origin.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = f
}

// Behave says what goes wrong from the next command on. It replaces what was
// said before; a zero Behaviour is honesty.
func (s *Server) Behave(b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviour = b
}

// Commands are the lines that clients have sent, in order; of PASS the verb.
func (s *Server) Commands() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.commands)
}

// Logins is how many sessions got past PASS.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// now is the behaviour of this moment.
func (s *Server) now() Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behaviour
}

// transfer is the behaviour of one transfer of path, and counts it.
func (s *Server) transfer(path string) Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.behaviour
	if now.Path != "" && now.Path != path {
		return Behaviour{}
	}
	if s.behaviour.Times > 0 {
		if s.behaviour.Times--; s.behaviour.Times == 0 {
			s.behaviour = Behaviour{}
		}
	}
	return now
}

func (s *Server) file(path string) (f origin.File, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok = s.files[path]
	if f.ModTime.IsZero() {
		f.ModTime = origin.Epoch
	}
	if f.Body != nil {
		f.Size = int64(len(f.Body))
	}
	return f, ok
}

// children are the names in the directory path; those of directories end with
// a slash. None: there is no such directory.
func (s *Server) children(path string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	path = strings.TrimRight(path, "/") + "/"
	names := make(map[string]bool)
	for p := range s.files {
		if rest, ok := strings.CutPrefix(p, path); ok {
			if dir, _, deeper := strings.Cut(rest, "/"); deeper {
				rest = dir + "/"
			}
			names[rest] = true
		}
	}
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return sorted
}
