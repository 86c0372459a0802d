package ftp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Transfer is the data of one command, as it arrives. Read returns io.EOF only
// after the server has said that this was all (226, 250). One that breaks off
// ends in another error.
type Transfer struct {
	c    *Conn
	ctx  context.Context
	raw  net.Conn // TCP
	data net.Conn // raw, or TLS over it
	stop func() bool
	end  error // what Read returns from now on; nil: it goes on
}

// Retrieve asks for a file's bytes from off on. Until the Transfer is closed,
// the Conn must not be used for anything else.
func (c *Conn) Retrieve(ctx context.Context, path string, off int64) (*Transfer, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	return c.transfer(ctx, off, "RETR", path)
}

// ErrNoRestart: the server sends files only from their first byte on.
var ErrNoRestart = errors.New("the server has no REST")

// transfer makes a data connection for a command and sends that.
//
//	EPSV            229 Entering Extended Passive Mode (|||40001|)
//	(connect to the port)
//	REST 1000       350 Go on
//	RETR /a         150 Here it comes
//	(data)          226 That was it
func (c *Conn) transfer(ctx context.Context, off int64, verb, arg string) (*Transfer, error) {
	port, err := c.passive(ctx)
	if err != nil {
		return nil, err
	}
	raw, err := c.dialData(ctx, port)
	if err != nil {
		c.broken = true // who knows when the server gives up to wait
		return nil, err
	}
	if c.o.Data != nil {
		raw = c.o.Data(raw)
	}
	t := &Transfer{c: c, ctx: ctx, raw: raw, data: raw}
	if err := t.begin(off, verb, arg); err != nil {
		raw.Close()
		return nil, err
	}
	t.stop = context.AfterFunc(ctx, func() { raw.Close() })
	return t, nil
}

func (t *Transfer) begin(off int64, verb, arg string) error {
	if off > 0 {
		r, err := t.c.do(t.ctx, "REST", strconv.FormatInt(off, 10))
		if err != nil {
			return err
		}
		if r.Code != 350 {
			return fmt.Errorf("%w: %w", ErrNoRestart, r)
		}
	}
	r, err := t.c.do(t.ctx, verb, arg)
	if err != nil {
		return err
	}
	if r.Code != 150 && r.Code != 125 {
		return r
	}
	if t.c.tls == nil {
		return nil
	}
	if t.data, err = t.c.handshake(t.ctx, t.raw); err != nil {
		t.c.broken = true
	}
	return err
}

// passive asks for a port to connect to. PASV is for servers without EPSV.
func (c *Conn) passive(ctx context.Context) (port int, err error) {
	if !c.noEPSV {
		r, err := c.do(ctx, "EPSV", "")
		if err != nil {
			return 0, err
		}
		if r.Code == 229 {
			return extendedPort(r.full)
		}
		if !Unsupported(r) {
			return 0, r
		}
		c.noEPSV = true
	}
	r, err := c.expect(ctx, "PASV", "", 227)
	if err != nil {
		return 0, err
	}
	return passivePort(r.full)
}

// extendedPort reads RFC 2428, 3: text (<d><d><d><port><d>), d mostly "|".
func extendedPort(text string) (int, error) {
	if i := strings.IndexByte(text, '('); i >= 0 && len(text) > i+5 {
		d := text[i+1]
		digits, rest, ok := strings.Cut(text[i+4:], string(d))
		port, err := strconv.ParseUint(digits, 10, 16)
		if ok && err == nil && port > 0 && text[i+2] == d && text[i+3] == d && strings.HasPrefix(rest, ")") {
			return int(port), nil
		}
	}
	return 0, errors.New("the server's answer to EPSV names no port")
}

// hostPort is h1,h2,h3,h4,p1,p2 (RFC 959, 4.1.2); what is around it varies.
var hostPort = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:\d{1,3},){4}(\d{1,3}),(\d{1,3})`) })

// passivePort ignores the host: data come from where the replies come from.
func passivePort(text string) (int, error) {
	if m := hostPort().FindStringSubmatch(text); m != nil {
		high, err1 := strconv.ParseUint(m[1], 10, 8)
		low, err2 := strconv.ParseUint(m[2], 10, 8)
		if port := int(high<<8 | low); err1 == nil && err2 == nil && port > 0 {
			return port, nil
		}
	}
	return 0, errors.New("the server's answer to PASV names no port")
}

// dialData connects to a port of the machine at the control connection's end.
func (c *Conn) dialData(ctx context.Context, port int) (net.Conn, error) {
	to := *c.raw.RemoteAddr().(*net.TCPAddr)
	to.Port = port
	return (&net.Dialer{Timeout: c.o.Connect}).DialContext(ctx, "tcp", to.String())
}

func (t *Transfer) Read(p []byte) (int, error) {
	if t.end != nil {
		return 0, t.end
	}
	t.data.SetReadDeadline(deadline(t.c.o.Idle))
	n, err := t.data.Read(p)
	if err == nil {
		return n, nil
	}
	if cause := context.Cause(t.ctx); cause != nil {
		err = cause
	}
	if err == io.EOF {
		err = t.finish()
	} else {
		t.c.broken = true
	}
	if t.end = err; n > 0 {
		err = nil // it comes again
	}
	return n, err
}

// finish hears what the server says of the end of the data: io.EOF when it
// says that they are whole.
func (t *Transfer) finish() error {
	t.data.Close()
	r, err := t.c.do(t.ctx, "", "")
	if err != nil {
		return err
	}
	// vsftpd: "226 Transfer done (but failed to open directory)."
	if r.Code/100 != 2 || strings.Contains(r.Text, "but failed to") {
		r.Command = "the transfer"
		return r
	}
	return io.EOF
}

// abandoning bounds how long a server may take to see that nobody reads any
// more. It is in the way of whoever closes; one that takes longer costs a new
// connection.
const abandoning = time.Second

// Close ends the transfer. One that was not read to its end is given up: the
// server hears of it by the data connection's end, which it answers (mostly
// 426), and the Conn can be used again.
func (t *Transfer) Close() error {
	if !t.stop() && t.end == nil {
		t.c.broken = true
	}
	err := t.raw.Close()
	if t.end == nil && !t.c.broken {
		t.end = net.ErrClosed
		reply := t.c.o.Reply
		t.c.o.Reply = abandoning
		t.c.do(t.ctx, "", "")
		t.c.o.Reply = reply
	}
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return err
}
