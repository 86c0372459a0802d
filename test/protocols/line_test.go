package protocols

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"sync"
	"testing"
)

// line is the network between a mirror and a server: it passes on what both say,
// and does to what the server says what a test tells it. Of FTP that is done to
// data connections only, which lead over the line, too.
type line struct {
	addr, server string
	ftp          bool
	running      sync.WaitGroup
	over         chan struct{} // closed at the end

	mu     sync.Mutex         // guards what follows
	open   map[io.Closer]bool // nil: the line is down
	passed int64              // bytes towards the mirror
	dialed int                // connections of the mirror, but for FTP's data
	stop   *stop              // nil: nothing stops
}

// stop is a point of time in what a line passes on.
type stop struct {
	left    int64         // bytes until then; guarded by the line's mu
	reached chan struct{} // closed when it is reached
	free    chan struct{} // closed when it is over
	once    sync.Once
}

// newLine returns a line from an address to a server, that ends with the test.
func newLine(t *testing.T, addr, server string, ftp bool) *line {
	t.Helper()
	l := &line{addr: addr, server: server, ftp: ftp, over: make(chan struct{})}
	l.up(t)
	t.Cleanup(func() {
		close(l.over)
		l.down()
		l.running.Wait()
	})
	return l
}

// up has the line accept connections.
func (l *line) up(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	l.addr = listener.Addr().String() // its port may have been 0
	l.open = map[io.Closer]bool{listener: true}
	l.mu.Unlock()
	l.running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			l.mu.Lock()
			l.dialed++
			l.mu.Unlock()
			l.running.Go(func() { l.connect(client, l.server, l.ftp) })
		}
	})
}

// down ends every connection, and refuses new ones.
func (l *line) down() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.Close()
	}
	l.open = nil
}

// sever ends the connections of now, those that carry data last: who sees its data
// end finds no connection for its next question that is about to end, too.
func (l *line) sever() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, last := range []bool{false, true} {
		for c, data := range l.open {
			if _, is := c.(net.Conn); is && data == last {
				c.Close()
			}
		}
	}
}

// keep has c, which may carry data, closed when the line goes down; false: it is
// down.
func (l *line) keep(c io.Closer, data bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		c.Close()
		return false
	}
	l.open[c] = data
	return true
}

func (l *line) drop(c io.Closer) {
	c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
}

// hold lets n more bytes pass, and nothing more until it is released.
func (l *line) hold(n int64) *stop {
	s := &stop{left: n, reached: make(chan struct{}), free: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop = s
	return s
}

// release ends what hold began.
func (l *line) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop != nil {
		close(l.stop.free)
		l.stop = nil
	}
}

// count is how many bytes have passed, and how many connections were made.
func (l *line) count() (bytes int64, connections int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.passed, l.dialed
}

// grant says how many of n bytes may pass, and what stops the rest.
func (l *line) grant(n int) (int, *stop) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stop
	if s != nil {
		if int64(n) < s.left {
			s.left -= int64(n)
			s = nil
		} else {
			n, s.left = int(s.left), 0
		}
	}
	l.passed += int64(n)
	return n, s
}

// connect passes on one connection. control: it is one of FTP's.
func (l *line) connect(client net.Conn, to string, control bool) {
	server, err := net.Dial("tcp", to)
	if err != nil {
		client.Close()
		return
	}
	defer l.drop(client)
	defer l.drop(server)
	if !l.keep(client, !control) || !l.keep(server, !control) {
		return
	}
	l.running.Go(func() {
		io.Copy(server, client)
		server.(*net.TCPConn).CloseWrite()
	})
	if control {
		l.replies(client, server)
	} else {
		l.bytes(client, server)
	}
}

// bytes passes on what the server says.
func (l *line) bytes(client, server net.Conn) {
	buffer := make([]byte, 16*kib)
	for {
		n, err := server.Read(buffer)
		for rest := buffer[:n]; len(rest) > 0; {
			k, stop := l.grant(len(rest))
			if _, err := client.Write(rest[:k]); err != nil {
				return
			}
			rest = rest[k:]
			if stop == nil {
				continue
			}
			stop.once.Do(func() { close(stop.reached) })
			select {
			case <-stop.free:
			case <-l.over:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

var extended = regexp.MustCompile(`^229 .*\(\|\|\|(\d+)\|\)`)

// replies passes on what an FTP server says, but for the ports of its data.
func (l *line) replies(client, server net.Conn) {
	replies := bufio.NewReader(server)
	for {
		reply, err := replies.ReadString('\n')
		if err != nil {
			return
		}
		if m := extended.FindStringSubmatch(reply); m != nil {
			reply = fmt.Sprintf("229 over the line (|||%d|)\r\n", l.data(m[1]))
		}
		if _, err := io.WriteString(client, reply); err != nil {
			return
		}
	}
}

// data returns a port that leads to the server's.
func (l *line) data(port string) int {
	ip, _, _ := net.SplitHostPort(l.addr)
	listener, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil || !l.keep(listener, false) {
		return 0
	}
	server, _, _ := net.SplitHostPort(l.server)
	l.running.Go(func() {
		client, err := listener.Accept()
		l.drop(listener)
		if err == nil {
			l.connect(client, net.JoinHostPort(server, port), false)
		}
	})
	return listener.Addr().(*net.TCPAddr).Port
}
