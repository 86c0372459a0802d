// Package load is the clients of the benchmark. They check every byte, and cost
// little enough that the server remains what is measured: one goroutine a
// client, no copies, no connection pool.
package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"mirror/bench/content"
)

const (
	// readSize is the most that one read takes, in bytes. Larger ones gained
	// nothing, and fifty clients' buffers still fit the processor's cache.
	readSize = 128 << 10
	// silence is how long a server may send nothing: more than any peer lets
	// a client wait for somebody else's download.
	silence = 2 * time.Minute
)

// Timing is how one request went, counted from before its connection is made
// or its header is sent.
type Timing struct {
	First time.Duration // to the first byte of the body
	Last  time.Duration // to the last
}

// Client is one client with one connection, which is kept alive. It is used by
// one goroutine.
type Client struct {
	addr   string // "host:port"
	prefix string // before every path
	conn   net.Conn
	br     *bufio.Reader
	buf    []byte
}

// NewClient returns a client of the server at addr: "host:port", and what there is
// before every path.
func NewClient(addr string) *Client {
	host, prefix, _ := strings.Cut(addr, "/")
	if prefix != "" {
		prefix = "/" + prefix
	}
	return &Client{addr: host, prefix: prefix, buf: make([]byte, readSize)}
}

// Close closes the connection; the next Get makes another.
func (c *Client) Close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// Request is what a client asks for.
type Request struct {
	Path     string
	From, To int64 // of a range, without the byte at To; a To of 0: the whole file
	Enough   int64 // after so many bytes the client leaves; 0: never

	// Wait is how much later than others the client comes that All sends.
	Wait time.Duration
}

// Get gets path and checks its body.
func (c *Client) Get(ctx context.Context, path string) (Timing, error) {
	return c.Do(ctx, Request{Path: path})
}

// Do gets what q says and checks it. A connection that the server has closed
// since the last request is replaced, as every client does.
func (c *Client) Do(ctx context.Context, q Request) (Timing, error) {
	reused := c.conn != nil
	t, err := c.do(ctx, q)
	if reused && errors.Is(err, errNoAnswer) && ctx.Err() == nil {
		t, err = c.do(ctx, q)
	}
	if err != nil {
		c.Close()
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return t, fmt.Errorf("http://%s%s%s: %w", c.addr, c.prefix, q.Path, err)
	}
	return t, nil
}

// errNoAnswer: the connection ended before a byte of the answer.
var errNoAnswer = errors.New("the server closed the connection without an answer")

func (c *Client) do(ctx context.Context, q Request) (t Timing, err error) {
	file, err := content.Of(q.Path)
	if err != nil {
		return t, err
	}
	check, status := content.NewCheck(file), http.StatusOK
	if q.To > 0 {
		check, status = content.NewRangeCheck(file, q.From, q.To), http.StatusPartialContent
	}
	start := time.Now()
	if c.conn == nil {
		if c.conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", c.addr); err != nil {
			return t, err
		}
		c.br = bufio.NewReader(c.conn)
	}
	conn := c.conn
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := conn.SetDeadline(start.Add(silence)); err != nil {
		return t, err
	}
	resp, err := c.ask(q)
	if err != nil {
		c.Close()
		return t, err
	}
	if resp.StatusCode != status {
		return t, fmt.Errorf("the answer is %s", resp.Status)
	}
	t, err = c.body(resp.Body, check, start, q.Enough)
	if resp.Close || q.Enough > 0 {
		c.Close()
	}
	return t, err
}

func (c *Client) ask(q Request) (*http.Response, error) {
	ranged := ""
	if q.To > 0 {
		ranged = fmt.Sprintf("Range: bytes=%d-%d\r\n", q.From, q.To-1)
	}
	if _, err := fmt.Fprintf(c.conn, "GET %s%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\n%s\r\n", c.prefix, q.Path, c.addr, ranged); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	if _, err := c.br.Peek(1); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	return http.ReadResponse(c.br, nil)
}

func (c *Client) body(body io.Reader, check *content.Check, start time.Time, enough int64) (t Timing, err error) {
	var total int64
	for heard := start; ; {
		n, err := body.Read(c.buf)
		now := time.Now()
		if n > 0 && t.First == 0 {
			t.First = now.Sub(start)
		}
		if _, err := check.Write(c.buf[:n]); err != nil {
			return t, err
		}
		total += int64(n)
		switch {
		case enough > 0 && total >= enough:
			t.Last = now.Sub(start)
			return t, nil
		case err == io.EOF:
			t.Last = now.Sub(start)
			return t, check.Whole()
		case err != nil:
			return t, err
		}
		if now.Sub(heard) > silence/4 { // seldom: it costs a timer
			heard = now
			if err := c.conn.SetDeadline(now.Add(silence)); err != nil {
				return t, err
			}
		}
	}
}
