package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"mirror"
	"mirror/internal/ftp"
)

// FTPOptions is how an FTP upstream is spoken to.
type FTPOptions struct {
	Connect      time.Duration // for each TCP and each TLS handshake
	Queue        time.Duration // for another of our connections to be free, where the server takes no more
	Reply        time.Duration // from a command to its reply
	Idle         time.Duration // without a byte of data
	LowSpeed     int64         // bytes a second; below it for LowSpeedTime the upstream is given up
	LowSpeedTime time.Duration // 0: any speed will do

	TLS *tls.Config // of ftps; nil: the system's roots

	Zone *time.Location // of the times in LIST, which does not say; nil: unknown
}

// FTP is the Source of an ftp or ftps upstream.
//
// Its paths begin in the directory that the login leads to, or, where the
// URL's path begins with two slashes or with /%2F, in the server's root (RFC
// 1738, 3.2.2). The server of an ftps URL may want TLS from the first byte on,
// as is usual on port 990, the default, or after AUTH TLS, as on port 21: which
// is found out, and remembered.
type FTP struct {
	base     *url.URL // its path ends with a slash
	name     string
	opts     FTPOptions
	conn     ftp.Options
	explicit atomic.Bool // the server does not begin with TLS
	pool     ftpPool
}

// NewFTP returns the source of base, whose scheme is ftp or ftps.
func NewFTP(base *url.URL, o FTPOptions) *FTP {
	public := *base
	public.User = nil
	f := &FTP{base: base, name: public.String(), opts: o}
	port := "21"
	if base.Scheme == "ftps" {
		port = "990"
		f.conn.TLS = o.TLS
		if o.TLS == nil {
			f.conn.TLS = &tls.Config{}
		}
	}
	if base.Port() != "" {
		port = base.Port()
	}
	f.conn.Addr = net.JoinHostPort(base.Hostname(), port)
	f.conn.User = base.User.Username()
	f.conn.Password, _ = base.User.Password()
	f.conn.Connect, f.conn.Reply = o.Connect, o.Reply
	f.conn.Data = func(c net.Conn) net.Conn {
		return &pacedConn{Conn: c, wait: o.Idle, lowSpeed: o.LowSpeed, window: o.LowSpeedTime}
	}
	return f
}

func (f *FTP) String() string { return f.name }

// URL implements Source.
func (f *FTP) URL(path mirror.Name) string { return f.name + path.Escape() }

// CloseIdleConnections logs out of all connections that are not in use.
func (f *FTP) CloseIdleConnections() { f.pool.closeAll() }

// Stat implements Source.
func (f *FTP) Stat(ctx context.Context, path mirror.Name) (mirror.Meta, error) {
	s, meta, err := f.begin(ctx, path)
	if err != nil {
		return mirror.Meta{}, f.failure(ctx, path, err)
	}
	f.pool.put(s.c)
	return meta, nil
}

// Fetch implements Source.
func (f *FTP) Fetch(ctx context.Context, r Request) (Result, error) {
	s, meta, err := f.begin(ctx, r.Path)
	if err == nil {
		meta, err = copyPlain(ctx, s, r, meta)
		f.pool.put(s.c)
	}
	if err != nil {
		err = f.failure(ctx, r.Path, err)
	}
	return Result{Meta: meta}, err
}

// Range implements Source.
func (f *FTP) Range(ctx context.Context, path mirror.Name, first, last int64, pin mirror.Meta) (io.ReadCloser, error) {
	s, meta, err := f.begin(ctx, path)
	if err != nil {
		return nil, f.failure(ctx, path, err)
	}
	body, err := openRange(ctx, s, first, last, pin, meta)
	if err != nil {
		f.pool.put(s.c)
		return nil, f.failure(ctx, path, err)
	}
	return &ftpRange{ReadCloser: body, s: s, ctx: ctx}, nil
}

// ftpRange gives its connection back when it is closed.
type ftpRange struct {
	io.ReadCloser
	s      *ftpFile
	ctx    context.Context
	closed bool
}

func (r *ftpRange) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = r.s.f.failure(r.ctx, r.s.path, err)
	}
	return n, err
}

func (r *ftpRange) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	err := r.ReadCloser.Close()
	r.s.f.pool.put(r.s.c)
	return err
}

// ftpFile is a file, and a connection to ask for it.
type ftpFile struct {
	f    *FTP
	c    *ftp.Conn
	path mirror.Name
}

// begin takes a connection and asks what path is. The caller puts the
// connection back, but after an error.
func (f *FTP) begin(ctx context.Context, path mirror.Name) (*ftpFile, mirror.Meta, error) {
	var s *ftpFile
	var meta mirror.Meta
	err := f.with(ctx, func(c *ftp.Conn) (err error) {
		s = &ftpFile{f: f, c: c, path: path}
		meta, err = s.stat(ctx)
		return err
	})
	return s, meta, err
}

// with takes a connection for do, and puts it back if that fails. Servers end
// connections that are idle, so one that was kept may fail once for nothing.
func (f *FTP) with(ctx context.Context, do func(*ftp.Conn) error) error {
	for {
		c := f.pool.get()
		kept := c != nil
		if !kept {
			var err error
			if c, kept, err = f.another(ctx); err != nil {
				return err
			}
		}
		err := do(c)
		if err == nil {
			return nil
		}
		lost := !c.Usable()
		f.pool.put(c)
		if !kept || !lost || ctx.Err() != nil {
			return err
		}
	}
}

// another logs in, or, where the server has enough of us, waits for a connection
// of ours that is in use: many servers take but a few of one client.
func (f *FTP) another(ctx context.Context) (c *ftp.Conn, kept bool, err error) {
	wait, cancel := context.WithTimeout(ctx, f.opts.Queue)
	defer cancel()
	for {
		f.pool.making(1)
		c, err := f.dial(ctx)
		if err == nil {
			return c, false, nil
		}
		f.pool.making(-1)
		var told *ftp.ReplyError
		if !errors.As(err, &told) || replyKind(told) != mirror.ErrBusy {
			return nil, false, err
		}
		c, free := f.pool.wait(wait)
		if !free {
			return nil, false, err
		}
		if c != nil {
			return c, true, nil
		}
	}
}

// dial logs in.
func (f *FTP) dial(ctx context.Context) (*ftp.Conn, error) {
	o := f.conn
	o.Implicit = o.TLS != nil && !f.explicit.Load()
	c, err := ftp.Dial(ctx, o)
	var inTheClear tls.RecordHeaderError
	if o.Implicit && errors.As(err, &inTheClear) {
		f.explicit.Store(true) // it has sent its greeting, not the server's side of TLS
		o.Implicit = false
		c, err = ftp.Dial(ctx, o)
	}
	return c, err
}

// at returns where path is on the server.
func (f *FTP) at(c *ftp.Conn, path mirror.Name) string {
	if strings.HasPrefix(f.base.Path, "//") {
		return f.base.Path[1:] + string(path)
	}
	return c.Home() + f.base.Path + string(path)
}

// same implements plain. Where the connection was the price of a transfer that
// was given up, it asks over another. The time of a file that was settled tells
// every change of it; of another, its length may tell more.
func (s *ftpFile) same(ctx context.Context, meta mirror.Meta) (bool, error) {
	if !s.c.Usable() {
		c, err := s.f.dial(ctx)
		if err != nil {
			return false, err
		}
		s.c.Close()
		s.c = c
	}
	if meta.LastModified != "" {
		t, err := s.c.ModTime(ctx, s.f.at(s.c, s.path))
		if err != nil {
			return false, s.unavailable(ctx, err)
		}
		return t.Equal(meta.ModTime), nil
	}
	now, err := s.stat(ctx)
	return now.ModTime.Equal(meta.ModTime) && (now.Size < 0 || now.Size == meta.Size), err
}

// stat asks what the file is now.
func (s *ftpFile) stat(ctx context.Context) (mirror.Meta, error) {
	m, err := s.facts(ctx)
	if err != nil {
		return mirror.Meta{}, s.unavailable(ctx, err)
	}
	m.ModTime = mirror.FileTime(m.ModTime)
	m.LastModified = settled(m.ModTime, time.Now())
	return m, nil
}

// facts asks with SIZE and MDTM. (MLST would be one question for two, but what
// proftpd says there of a link is half the link's, half its target's.)
func (s *ftpFile) facts(ctx context.Context) (mirror.Meta, error) {
	at := s.f.at(s.c, s.path)
	var m mirror.Meta
	var err error
	if m.Size, err = s.c.Size(ctx, at); err != nil {
		if !s.skip(err) {
			return m, err
		}
		m.Size = -1
	}
	m.ModTime, err = s.c.ModTime(ctx, at)
	if err != nil && !s.skip(err) && (m.Size < 0 || !s.c.Usable()) {
		return m, err
	}
	if m.Size < 0 && m.ModTime.IsZero() { // not even that it exists is known
		return m, s.look(ctx)
	}
	return m, nil
}

// skip reports whether err only says that the server cannot tell.
func (s *ftpFile) skip(err error) bool {
	var told *ftp.ReplyError
	return s.c.Usable() && (ftp.Unsupported(err) || !errors.As(err, &told) && !errors.Is(err, ftp.ErrPath))
}

// open implements plain.
func (s *ftpFile) open(ctx context.Context, off int64) (io.ReadCloser, int64, error) {
	at := s.f.at(s.c, s.path)
	t, err := s.c.Retrieve(ctx, at, off)
	if errors.Is(err, ftp.ErrNoRestart) {
		off = 0
		t, err = s.c.Retrieve(ctx, at, off)
	}
	if err != nil {
		return nil, 0, s.unavailable(ctx, err)
	}
	return t, off, nil
}

// fail implements plain.
func (s *ftpFile) fail(kind error, format string, args ...any) error {
	return &Error{Kind: kind, Upstream: s.f.name, Path: s.path, Cause: fmt.Sprintf(format, args...)}
}
