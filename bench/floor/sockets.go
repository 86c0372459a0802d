package floor

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
)

// serveSockets serves without net/http. It knows GET, and no field of a header.
func (p *proxy) serveSockets(l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			if err := p.answer(c); err != io.EOF {
				fmt.Fprintf(os.Stderr, "floor: %v\n", err)
			}
		}()
	}
}

// answer answers the requests of a connection until its end, io.EOF.
func (p *proxy) answer(c net.Conn) error {
	in := bufio.NewReader(c)
	var out []byte
	for {
		_, path, err := head(in, "")
		if err != nil {
			return err
		}
		err = p.miss(path, func(body []byte) error {
			out = fmt.Appendf(out[:0], "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", len(body))
			out = append(out, body...)
			_, err := c.Write(out)
			return err
		})
		if err != nil {
			return err
		}
	}
}

// head reads a header. It returns the value of a field of it, and the second word of its
// first line.
func head(in *bufio.Reader, field string) (value, second string, err error) {
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return "", "", err
		}
		switch {
		case first:
			if words := strings.Fields(string(line)); len(words) > 1 {
				second = words[1]
			}
		case len(line) == len("\r\n"):
			return value, second, nil
		case field != "" && len(line) > len(field) && string(line[:len(field)]) == field:
			value = strings.TrimSpace(string(line[len(field):]))
		}
	}
}

// sockets asks the origin without net/http, on connections that are kept.
type sockets struct {
	addr string

	mu   sync.Mutex
	idle []*line // guarded by mu
}

type line struct {
	net.Conn
	in  *bufio.Reader
	out []byte
}

// get asks on a connection, and keeps it for the next unless that has failed.
func (s *sockets) get(path string) ([]byte, error) {
	c, err := s.line()
	if err != nil {
		return nil, err
	}
	body, err := c.get(path, s.addr)
	if err != nil {
		c.Close()
		return nil, err
	}
	s.mu.Lock()
	s.idle = append(s.idle, c)
	s.mu.Unlock()
	return body, nil
}

func (c *line) get(path, host string) ([]byte, error) {
	c.out = fmt.Appendf(c.out[:0], "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: floor\r\n\r\n", path, host)
	if _, err := c.Write(c.out); err != nil {
		return nil, err
	}
	value, status, err := head(c.in, "Content-Length:")
	if err != nil {
		return nil, err
	}
	if status != "200" {
		return nil, errors.New("the origin answered " + status)
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return nil, err
	}
	body := make([]byte, n)
	_, err = io.ReadFull(c.in, body)
	return body, err
}

func (s *sockets) line() (*line, error) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return c, nil
	}
	s.mu.Unlock()
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	return &line{Conn: c, in: bufio.NewReaderSize(c, 8<<10)}, nil
}
