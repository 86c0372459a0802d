package source

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"sync"
	"testing"
)

// cuttingLine is the network between an FTP client and its server: it passes on
// what either says, and cuts a data connection when it is told to.
type cuttingLine struct {
	addr, server string
	running      sync.WaitGroup

	mu   sync.Mutex // guards what follows
	cut  int64      // the next data connection ends after so many bytes; 0: it does not
	open []io.Closer
	over bool
}

// cutting returns a line to server that is there until the test ends.
func cutting(t *testing.T, server string) *cuttingLine {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cuttingLine{addr: listener.Addr().String(), server: server}
	c.keep(listener)
	c.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.running.Go(func() { c.control(conn) })
		}
	})
	t.Cleanup(func() {
		c.mu.Lock()
		c.over = true
		for _, o := range c.open {
			o.Close()
		}
		c.mu.Unlock()
		c.running.Wait()
	})
	return c
}

// keep has o closed at the end, which may have been.
func (c *cuttingLine) keep(o io.Closer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, o)
	if c.over {
		o.Close()
	}
}

func (c *cuttingLine) cutNext(n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = n
}

// control passes on commands and replies, but for the ports of EPSV.
func (c *cuttingLine) control(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", c.server)
	if err != nil {
		return
	}
	c.keep(client)
	c.keep(server)
	c.running.Go(func() {
		io.Copy(server, client)
		server.Close()
	})
	replies := bufio.NewReader(server)
	for {
		line, err := replies.ReadString('\n')
		if err != nil {
			return
		}
		if m := extended.FindStringSubmatch(line); m != nil {
			line = fmt.Sprintf("229 over the line (|||%d|)\r\n", c.data(m[1]))
		}
		if _, err := io.WriteString(client, line); err != nil {
			return
		}
	}
}

var extended = regexp.MustCompile(`^229 .*\(\|\|\|(\d+)\|\)`)

// data returns a port that leads to the server's.
func (c *cuttingLine) data(port string) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0
	}
	c.keep(listener)
	c.running.Go(func() {
		defer listener.Close()
		client, err := listener.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		host, _, _ := net.SplitHostPort(c.server)
		server, err := net.Dial("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return
		}
		defer server.Close()
		c.keep(client)
		c.keep(server)
		c.mu.Lock()
		n := c.cut
		c.cut = 0
		c.mu.Unlock()
		if n > 0 {
			io.CopyN(client, server, n)
			return
		}
		c.running.Go(func() { // the client may leave first
			io.Copy(io.Discard, client)
			server.Close()
		})
		io.Copy(client, server)
	})
	return listener.Addr().(*net.TCPAddr).Port
}
