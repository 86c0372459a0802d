package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Line is one connection to an HTTP upstream for one request, which may be begun by one
// process and gone on with by another: the request is sent once, and each byte of the
// answer comes once.
//
//	CGI process   dial, request -> header -> body of a small file
//	                               │ no small file, or it takes too long
//	worker                         └> what was read so far, then the rest from the socket
//
// The first process keeps all that it reads. It reads no more than one buffer beyond
// what it needs to see that the file is not small, so there is little to keep.
//
// A Line is used by one goroutine at a time.
type Line struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
	till time.Time // for the first process; zero in the second

	url      string        // that was asked for, once it was
	conn     net.Conn      // nil: there is none yet
	got      []byte        // what was read of it: by this process, or the one before
	toHeader time.Duration // what the header took to come; 0: it has not yet
	used     bool          // by a request of this process
}

const (
	// lineBuffer is how much of an answer is read at a time, in bytes, until its
	// header is known.
	lineBuffer = 16 << 10

	// lineHeader bounds an answer's header, in bytes. Servers stop far below it.
	lineHeader = 1 << 20

	// interims is how many answers of the kind 1xx may come before the answer.
	interims = 5
)

// Line returns a connection that is still to be made, and to be used until till; nil
// where it could not be handed over: what TLS has agreed on cannot.
func (h *HTTP) Line(till time.Time) *Line {
	if h.base.Scheme != "http" {
		return nil
	}
	return &Line{dial: dialer(h.opts), till: till}
}

// Close closes the connection in this process.
func (l *Line) Close() {
	if l != nil && l.conn != nil {
		l.conn.Close()
	}
}

// isFor reports whether the line is good for asking for a URL.
func (l *Line) isFor(url string) bool { return l != nil && (l.conn == nil || l.url == url) }

// over is a client that asks by the line first. Where else a redirect leads, the first
// process does not go.
func (l *Line) over(h *HTTP, url string) *http.Client {
	trip := &lineTrip{l, h, url}
	if !l.till.IsZero() {
		return &http.Client{CheckRedirect: h.checkRedirect, Transport: trip} // the second process asks again
	}
	return &http.Client{CheckRedirect: h.checkRedirect, Transport: twice{trip}}
}

type lineTrip struct {
	*Line
	h      *HTTP
	public string // the URL without credentials
}

// errElsewhere: the answer leads to another connection.
var errElsewhere = errors.New("the upstream redirects")

// RoundTrip implements http.RoundTripper.
func (l *lineTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	first := !l.till.IsZero()
	switch {
	case l.used && first:
		return nil, errElsewhere
	case l.used:
		return l.h.transport.RoundTrip(r)
	}
	l.used = true
	begun := time.Now()
	in := &lineReader{ctx: r.Context(), left: lineHeader}
	if first {
		if err := l.send(r); err != nil {
			return nil, err
		}
		l.url, in.r = l.public, keeping{l.Line}
		context.AfterFunc(in.ctx, func() { l.conn.SetReadDeadline(begun) }) // it may still be handed over
	} else {
		in.r = io.MultiReader(bytes.NewReader(l.got), l.conn)
		if l.h.opts.Header > 0 {
			l.conn.SetReadDeadline(begun.Add(l.h.opts.Header))
		}
		context.AfterFunc(in.ctx, func() { l.conn.Close() })
	}
	resp, err := in.answer(r)
	if err != nil {
		return nil, err
	}
	if !first {
		l.conn.SetReadDeadline(time.Time{})
	}
	if l.toHeader == 0 {
		l.toHeader = time.Since(begun)
	}
	if _, err := resp.Location(); err == nil && resp.StatusCode/100 == 3 {
		if first {
			return nil, errElsewhere
		}
		resp.Body, resp.ContentLength = http.NoBody, 0 // the connection is not used again
		return resp, nil
	}
	resp.Body = struct { // http's own would read it to its end before it closes
		io.Reader
		io.Closer
	}{resp.Body, io.NopCloser(nil)}
	return resp, nil
}

// send dials, and sends the request.
func (l *Line) send(r *http.Request) error {
	ctx, cancel := context.WithDeadline(r.Context(), l.till)
	defer cancel()
	addr := r.URL.Host
	if r.URL.Port() == "" {
		addr = net.JoinHostPort(r.URL.Hostname(), "80")
	}
	conn, err := l.dial(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	conn.SetDeadline(l.till)
	if err := r.Write(conn); err != nil {
		conn.Close()
		return err
	}
	l.conn = conn
	return nil
}

// keeping reads from the connection, and keeps it.
type keeping struct{ *Line }

func (k keeping) Read(p []byte) (int, error) {
	n, err := k.conn.Read(p)
	k.got = append(k.got, p[:n]...)
	return n, err
}

// lineReader bounds the header, and has an error of a connection that was closed because
// nobody waits any more say that.
type lineReader struct {
	ctx  context.Context
	r    io.Reader
	left int
}

// answer reads the header of the answer to a request, and those that come before it. The
// body is not bounded.
func (r *lineReader) answer(to *http.Request) (*http.Response, error) {
	buffered := bufio.NewReaderSize(r, lineBuffer)
	resp, err := http.ReadResponse(buffered, to)
	for i := 0; err == nil && resp.StatusCode < http.StatusOK && resp.StatusCode != http.StatusSwitchingProtocols && i < interims; i++ {
		resp, err = http.ReadResponse(buffered, to)
	}
	r.left = math.MaxInt
	return resp, err
}

var errHeader = fmt.Errorf("its header is longer than %d bytes", lineHeader)

func (r *lineReader) Read(p []byte) (int, error) {
	if r.left <= 0 {
		return 0, errHeader
	}
	n, err := r.r.Read(p)
	if r.left -= n; err != nil && err != io.EOF && r.ctx.Err() != nil {
		err = r.ctx.Err()
	}
	return n, err
}

// Files returns what another process needs to go on: the connection, and a file that
// says what was asked for and has what was read. The caller closes them. There are none
// if nothing was asked.
//
//	URL  nanoseconds to the header\n
//	the answer, as far as it was read
func (l *Line) Files() ([]*os.File, error) {
	if l.conn == nil {
		return nil, nil
	}
	conn, ok := l.conn.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("a %T cannot be handed over", l.conn)
	}
	fd, err := unix.MemfdCreate("answer", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	read := os.NewFile(uintptr(fd), "answer")
	_, err = fmt.Fprintf(read, "%s %d\n%s", l.url, l.toHeader, l.got)
	if err == nil {
		var socket *os.File
		if socket, err = conn.File(); err == nil {
			return []*os.File{socket, read}, nil
		}
	}
	read.Close()
	return nil, err
}

// Inherit makes a Line of what Files returned in another process. It closes the files.
func Inherit(files []*os.File) (*Line, error) {
	for _, f := range files {
		defer f.Close()
	}
	if len(files) != 2 {
		return nil, fmt.Errorf("%d files are no connection", len(files))
	}
	b, err := io.ReadAll(io.NewSectionReader(files[1], 0, math.MaxInt64)) // both have the same offset
	if err != nil {
		return nil, err
	}
	head, got, _ := bytes.Cut(b, []byte("\n"))
	l := &Line{got: got}
	if _, err := fmt.Sscanf(string(head), "%s %d", &l.url, &l.toHeader); err != nil {
		return nil, fmt.Errorf("what was asked for is not said: %w", err)
	}
	if l.conn, err = net.FileConn(files[0]); err != nil {
		return nil, err
	}
	return l, nil
}
