package ftp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"
)

// maxReply bounds a reply of any number of lines, in bytes. The longest that
// are of use, to FEAT, have one or two thousand.
const maxReply = 64 << 10

// maxText is how much of a reply's text an error quotes, in bytes.
const maxText = 200

// Conn is a control connection that is logged in.
type Conn struct {
	o        Options
	raw      net.Conn // TCP
	control  net.Conn // raw, or TLS over it
	in       *bufio.Reader
	budget   *io.LimitedReader // below in: what a reply may still have
	replies  *textproto.Reader // above in
	tls      *tls.Config       // of data connections, too; nil: in the clear
	features map[string]string
	home     string
	noEPSV   bool // the server has only PASV
	broken   bool // no reply can be relied on any more
}

// reply is what a command was answered; as an error, that it was not what was
// hoped for.
type reply struct {
	ReplyError
	full string // the text of all lines as they came, joined by "\n"
}

func (r *reply) Unwrap() error { return &r.ReplyError }

// talkOver makes conn the control connection.
func (c *Conn) talkOver(conn net.Conn) {
	c.control = conn
	c.budget = &io.LimitedReader{R: conn}
	c.in = bufio.NewReader(c.budget)
	c.replies = textproto.NewReader(c.in)
}

// secure begins TLS on the control connection. Nothing may have been sent in
// the clear that would be read as if it had been secured.
func (c *Conn) secure(ctx context.Context) error {
	if c.in.Buffered() > 0 {
		c.broken = true
		return errors.New("the server goes on in the clear where TLS should begin")
	}
	conn, err := c.handshake(ctx, c.raw)
	if err != nil {
		c.broken = true
		return err
	}
	c.talkOver(conn)
	return nil
}

func (c *Conn) handshake(ctx context.Context, raw net.Conn) (net.Conn, error) {
	if c.o.Connect > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.o.Connect)
		defer cancel()
	}
	conn := tls.Client(raw, c.tls)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return conn, nil
}

// deadline is the time after d; never, where that is 0.
func deadline(d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// do sends a command and returns its reply, whatever that says. Without a verb
// it only reads. The argument is one line, which the caller has checked.
func (c *Conn) do(ctx context.Context, verb, arg string) (*reply, error) {
	if c.broken {
		return nil, net.ErrClosed
	}
	stop := context.AfterFunc(ctx, func() { c.raw.Close() })
	r, err := c.exchange(verb, arg)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		c.broken = true
		return nil, err
	}
	if r.Code == 421 { // the server closes the connection
		c.broken = true
		return nil, r
	}
	return r, nil
}

func (c *Conn) exchange(verb, arg string) (*reply, error) {
	c.control.SetDeadline(deadline(c.o.Reply))
	if verb != "" {
		line := verb
		if arg != "" {
			line += " " + arg
		}
		if _, err := io.WriteString(c.control, line+"\r\n"); err != nil {
			return nil, err
		}
	}
	c.budget.N = maxReply
	code, text, err := c.replies.ReadResponse(0)
	if c.budget.N <= 0 && err != nil {
		return nil, fmt.Errorf("the server's reply has more than %d bytes", maxReply)
	}
	var malformed textproto.ProtocolError
	switch {
	case errors.As(err, &malformed):
		return nil, errors.New("the server's reply is not one of FTP")
	case errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	return &reply{ReplyError{verb, code, c.quotable(text)}, text}, nil
}

// expect is do for a command of which any other reply is an error.
func (c *Conn) expect(ctx context.Context, verb, arg string, code int) (*reply, error) {
	r, err := c.do(ctx, verb, arg)
	if err == nil && r.Code != code {
		return nil, r
	}
	return r, err
}

// quotable is what errors may tell of a reply's text: one printable line,
// without the credentials, which servers like to repeat.
func (c *Conn) quotable(text string) string {
	if c.o.User != "" {
		for _, secret := range []string{c.o.Password, c.o.User} {
			if secret != "" {
				text = strings.ReplaceAll(text, secret, "***")
			}
		}
	}
	printable := func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}
	text = strings.Map(printable, strings.ToValidUTF8(text, "?"))
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "..."
	}
	return text
}

// Usable reports whether another command may be sent: nothing has failed but
// what was asked for.
func (c *Conn) Usable() bool { return !c.broken }

// Close closes the connection without a word.
func (c *Conn) Close() error {
	c.broken = true
	return c.raw.Close()
}

// quitting bounds how long Quit waits to say goodbye.
const quitting = time.Second

// Quit takes leave and closes the connection. It does not wait for an answer.
func (c *Conn) Quit() error {
	if !c.broken {
		c.control.SetDeadline(deadline(quitting))
		io.WriteString(c.control, "QUIT\r\n")
	}
	return c.Close()
}
