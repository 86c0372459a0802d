// Package ftp is the client's side of the File Transfer Protocol (RFC 959,
// 2228, 2428, 3659, 4217), as far as a mirror needs it: files and directories
// are read, nothing is written.
//
//	c, err := ftp.Dial(ctx, ftp.Options{Addr: "one.example:21"})
//	...
//	size, err := c.Size(ctx, "/pub/a.iso")
//	body, err := c.Retrieve(ctx, "/pub/a.iso", size/2) // from the middle on
//	_, err = io.Copy(w, body)                          // nil: the server said that it is whole
//	err = body.Close()
//	...
//	c.Quit()
//
// A [Conn] is one control connection: for one goroutine and one transfer at a
// time. A context that ends closes its connections, so a Conn is of no use
// afterwards; see [Conn.Usable].
//
// The server is not trusted. Its replies are bounded in length and time, no
// address that it names is ever connected to, and no path can carry a second
// command. What it says in errors comes without control characters, and
// without the user's name and password.
package ftp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Options is how a server is reached.
type Options struct {
	Addr     string // "host:port"
	User     string // "": anonymous
	Password string

	TLS      *tls.Config // nil: in the clear; ServerName may be left out
	Implicit bool        // TLS from the first byte on, instead of by AUTH TLS

	Connect time.Duration // for each TCP and each TLS handshake; 0: no limit, as below
	Reply   time.Duration // from a command to its reply
	Idle    time.Duration // without a byte of data

	// Data, if it is not nil, is put around each data connection. Where it sets
	// deadlines of its own, leave Idle out.
	Data func(net.Conn) net.Conn
}

// ErrPath: a path has bytes that FTP cannot carry.
var ErrPath = errors.New("FTP has no way to ask for a name with a line break, a NUL or a Telnet command in it")

// ReplyError is a server's reply that is not what was hoped for.
type ReplyError struct {
	Command string // its verb, or "" for the greeting
	Code    int    // RFC 959, 4.2
	Text    string // printable, shortened
}

func (e *ReplyError) Error() string {
	if e.Command == "" {
		return fmt.Sprintf("the server greets with %d %s", e.Code, e.Text)
	}
	return fmt.Sprintf("%s is answered %d %s", e.Command, e.Code, e.Text)
}

// Unsupported reports whether err says that the server does not have a command,
// or not in this form.
func Unsupported(err error) bool {
	var e *ReplyError
	return errors.As(err, &e) && slices.Contains([]int{500, 501, 502, 504, 522}, e.Code)
}

// checkPath refuses what would end a command early: CR, LF, and NUL, which some
// servers take for one. The control connection is Telnet's, too, in which 0xFF
// before a byte from 0xF0 on is a command: proftpd obeys, and wants it doubled,
// vsftpd and pure-ftpd have never heard of it.
func checkPath(path string) error {
	if strings.ContainsAny(path, "\r\n\x00") {
		return ErrPath
	}
	for i := range len(path) - 1 {
		if path[i] == 0xff && path[i+1] >= 0xf0 {
			return ErrPath
		}
	}
	return nil
}

// Dial connects, secures the connection where that is asked for, and logs in.
func Dial(ctx context.Context, o Options) (*Conn, error) {
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, err
	}
	raw, err := (&net.Dialer{Timeout: o.Connect}).DialContext(ctx, "tcp", o.Addr)
	if err != nil {
		return nil, err
	}
	c := &Conn{o: o, raw: raw, features: make(map[string]string)}
	if o.TLS != nil {
		c.tls = o.TLS.Clone()
		if c.tls.ServerName == "" {
			c.tls.ServerName = host
		}
		// Servers take it for a proof that a data connection is of the same
		// client that it resumes this connection's session, no other's.
		c.tls.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	c.talkOver(raw)
	if err := c.begin(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// begin is what comes before the first file.
func (c *Conn) begin(ctx context.Context) error {
	if c.o.TLS != nil && c.o.Implicit {
		if err := c.secure(ctx); err != nil {
			return err
		}
	}
	if _, err := c.expect(ctx, "", "", 220); err != nil {
		return err
	}
	if c.o.TLS != nil && !c.o.Implicit {
		if _, err := c.expect(ctx, "AUTH", "TLS", 234); err != nil {
			return err
		}
		if err := c.secure(ctx); err != nil {
			return err
		}
	}
	if err := c.login(ctx); err != nil {
		return err
	}
	if c.tls != nil {
		if _, err := c.expect(ctx, "PBSZ", "0", 200); err != nil {
			return err
		}
		if _, err := c.expect(ctx, "PROT", "P", 200); err != nil {
			return err
		}
	}
	if err := c.askFeatures(ctx); err != nil {
		return err
	}
	if c.has("UTF8") {
		// RFC 2640. Whether it is accepted makes no difference: names are
		// bytes here, and this keeps servers from translating them.
		if _, err := c.do(ctx, "OPTS", "UTF8 ON"); err != nil {
			return err
		}
	}
	if _, err := c.expect(ctx, "TYPE", "I", 200); err != nil {
		return err
	}
	return c.askHome(ctx)
}

func (c *Conn) login(ctx context.Context) error {
	user, password := c.o.User, c.o.Password
	if user == "" {
		user, password = "anonymous", "mirror@"
	}
	if checkPath(user) != nil || checkPath(password) != nil {
		return errors.New("the user's name or password has a line break, a NUL or a Telnet command in it")
	}
	r, err := c.do(ctx, "USER", user)
	if err == nil && r.Code == 331 {
		r, err = c.do(ctx, "PASS", password)
	}
	if err == nil && r.Code != 230 && r.Code != 202 {
		err = r
	}
	return err
}

// askFeatures fills features, of which a server need not have any (RFC 2389).
func (c *Conn) askFeatures(ctx context.Context) error {
	r, err := c.do(ctx, "FEAT", "")
	if err != nil || r.Code != 211 {
		return err
	}
	lines := strings.Split(r.full, "\n")
	for _, line := range lines[1:] {
		if name, arg, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" {
			c.features[strings.ToUpper(name)] = arg
		}
	}
	return nil
}

// has reports whether the server says that it has a feature: "MLST", "SIZE".
func (c *Conn) has(feature string) bool {
	_, ok := c.features[feature]
	return ok
}

// askHome finds the directory of the login: 257 "/home/""x""" and so on.
func (c *Conn) askHome(ctx context.Context) error {
	r, err := c.do(ctx, "PWD", "")
	if err != nil {
		return err
	}
	if _, quoted, ok := strings.Cut(r.full, `"`); ok && r.Code == 257 {
		quoted = strings.ReplaceAll(quoted, `""`, "\x00")
		if dir, _, ok := strings.Cut(quoted, `"`); ok && strings.HasPrefix(dir, "/") {
			c.home = strings.TrimRight(strings.ReplaceAll(dir, "\x00", `"`), "/")
		}
	}
	return nil
}

// Home returns the path of the login's directory, without a slash at its end:
// "" for the server's root. (RFC 1738, 3.2.2: a URL's path begins there.)
func (c *Conn) Home() string { return c.home }
