// Package origin is an upstream for tests: an HTTP server inside the test
// process that serves files of any size, misbehaves as it is told, and
// remembers what it was asked.
//
//	o := origin.New(t)
//	o.Set("/debian/a.deb", origin.File{Seed: 1, Size: 10 << 20})
//	o.Behave("/debian/a.deb", origin.Behaviour{CutAfter: 1 << 20, Times: 1})
//	... fetch o.URL + "/debian/a.deb" ...
//	if err := origin.Check(body, 1, 10<<20); err != nil { ... }
//	if n := o.Count("/debian/a.deb", "GET"); n != 2 { ... }
//
// Paths are decoded ("/a b"), as in http.Request.URL.Path; the raw request
// target is in Request.Target. Everything may be changed while it runs, from
// any goroutine. Events are ordered by Hold, HoldAfter and Arrived, so that no
// test needs to sleep.
package origin

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// File is one version of one file: Body, or where that is nil the synthetic
// content of Seed and Size.
type File struct {
	Body []byte
	Seed uint64
	Size int64

	// ModTime is the Last-Modified; zero: Epoch.
	ModTime time.Time
	// ETag is sent as it stands, quotes included (`W/"1"` is a weak one).
	// Empty: a strong one made of content and time. NoETag: none.
	ETag string
	// ContentType; empty: by the name, as net/http does.
	ContentType string
}

// NoETag as File.ETag leaves the header out.
const NoETag = "none"

// Epoch is the Last-Modified of files that set none: old enough for every
// cache to trust it as a validator.
var Epoch = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

// Everywhere is the path that stands for all paths in Behave, Count and the
// like. A behaviour for one path replaces the one for Everywhere.
const Everywhere = ""

// Origin is one upstream. Make it with New.
type Origin struct {
	// URL is "http://127.0.0.1:port", without a slash at its end.
	URL string
	// Addr is the "127.0.0.1:port" of URL.
	Addr string
	// CertPool holds the certificate to trust; nil without TLS.
	CertPool *x509.CertPool

	t        testing.TB
	ip       string
	tls      *keyPair
	reserved int // socket that keeps the port while the origin is down

	records  recorder
	handlers sync.WaitGroup
	closed   chan struct{} // closed at the end: frees all that is held

	mu         sync.Mutex // guards what follows
	over       bool       // the test has ended: no handler may begin
	server     *http.Server
	files      map[string]File
	behaviours map[string]*Behaviour
	gates      map[string][]*gate
}

// Option is a choice that cannot be changed while the origin runs.
type Option func(*Origin)

// TLS serves HTTPS and HTTP/2 with a certificate of its own; see CertPool.
func TLS() Option { return func(o *Origin) { o.tls = newKeyPair(o.t, o.ip) } }

// IP listens on another loopback address than 127.0.0.1. It comes before TLS.
func IP(ip string) Option { return func(o *Origin) { o.ip = ip } }

// New starts an origin that stops when the test ends.
func New(t testing.TB, options ...Option) *Origin {
	t.Helper()
	o := &Origin{
		t:          t,
		ip:         "127.0.0.1",
		closed:     make(chan struct{}),
		files:      make(map[string]File),
		behaviours: make(map[string]*Behaviour),
		gates:      make(map[string][]*gate),
	}
	for _, option := range options {
		option(o)
	}
	port, err := o.reserve()
	if err != nil {
		t.Fatalf("origin: reserving a port: %v", err)
	}
	o.Addr = net.JoinHostPort(o.ip, fmt.Sprint(port))
	o.URL = "http://" + o.Addr
	if o.tls != nil {
		o.URL = "https://" + o.Addr
		o.CertPool = o.tls.pool
	}
	o.Up()
	t.Cleanup(func() {
		o.mu.Lock()
		o.over = true
		o.mu.Unlock()
		close(o.closed)
		o.Down()
		o.handlers.Wait()
		syscall.Close(o.reserved)
	})
	return o
}

// reserve binds a port without listening on it, for as long as the origin
// lives: while the origin is down, connections to it are refused, and nobody
// else can take the port.
func (o *Origin) reserve() (port int, err error) {
	o.reserved, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := syscall.SetsockoptInt(o.reserved, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return 0, err
	}
	address := &syscall.SockaddrInet4{}
	copy(address.Addr[:], net.ParseIP(o.ip).To4())
	if err := syscall.Bind(o.reserved, address); err != nil {
		return 0, err
	}
	bound, err := syscall.Getsockname(o.reserved)
	if err != nil {
		return 0, err
	}
	return bound.(*syscall.SockaddrInet4).Port, nil
}

// Down closes the listener and every connection; new ones are refused. Files,
// behaviours and records stay.
func (o *Origin) Down() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.server != nil {
		o.server.Close()
		o.server = nil
	}
}

// Up listens again, on the same port.
func (o *Origin) Up() {
	o.t.Helper()
	listener, err := net.Listen("tcp", o.Addr)
	// A child that is between fork and exec still has the old listener.
	for begun := time.Now(); errors.Is(err, syscall.EADDRINUSE) && time.Since(begun) < 10*time.Second; {
		time.Sleep(time.Millisecond)
		listener, err = net.Listen("tcp", o.Addr)
	}
	if err != nil {
		o.t.Fatalf("origin: %v", err)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(o.serve),
		// Broken connections are this package's trade: nothing to report.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.server = server
	if o.tls == nil {
		go server.Serve(listener)
		return
	}
	server.TLSConfig = o.tls.config()
	go server.ServeTLS(listener, "", "")
}

// Set puts a file, or its next version, at path.
func (o *Origin) Set(path string, f File) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files[path] = f
}

// Body returns what a file contains, and whether there is one.
func (o *Origin) Body(path string) (body []byte, ok bool) {
	f, ok := o.file(path)
	return f.Body, ok
}

// Remove takes the file at path away: 404 from now on.
func (o *Origin) Remove(path string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.files, path)
}

// Behave says what goes wrong at path from the next request on. It replaces
// what was said before; a zero Behaviour is honesty.
func (o *Origin) Behave(path string, b Behaviour) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.behaviours[path] = &b
}

// behaviour is what goes wrong with one request for path, and counts it.
func (o *Origin) behaviour(path string) Behaviour {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := path
	b := o.behaviours[key]
	if b == nil {
		key = Everywhere
		b = o.behaviours[key]
	}
	if b == nil {
		return Behaviour{}
	}
	now := *b
	if b.Times > 0 {
		if b.Times--; b.Times == 0 {
			delete(o.behaviours, key)
		}
	}
	return now
}

// file is the file at path, if there is one.
func (o *Origin) file(path string) (f File, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f, ok = o.files[path]
	return f, ok
}

// children are the names below the directory path, which ends with a slash;
// those of directories end with one too. None: there is no such directory.
func (o *Origin) children(path string) map[string]bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	names := make(map[string]bool)
	for p := range o.files {
		if rest, ok := strings.CutPrefix(p, path); ok && rest != "" {
			if dir, _, deeper := strings.Cut(rest, "/"); deeper {
				rest = dir + "/"
			}
			names[rest] = true
		}
	}
	return names
}
