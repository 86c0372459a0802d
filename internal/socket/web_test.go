package socket

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"mirror/internal/loopback"
)

// connection is one to a listener, from its client's side and from its server's.
func connection(t *testing.T, l net.Listener) (client, server net.Conn) {
	t.Helper()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

// TestUnreceptiveClient: a client that takes nothing loses its connection.
func TestUnreceptiveClient(t *testing.T) {
	_, addr := loopback.Address()
	l, err := listenWeb(addr, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, c := connection(t, l)

	go c.Write([]byte("hello\n"))
	if line, err := bufio.NewReader(client).ReadString('\n'); line != "hello\n" || err != nil {
		t.Fatalf("%q, %v", line, err)
	}
	more := []byte(strings.Repeat("x", 1<<20))
	for err == nil {
		_, err = c.Write(more)
	}
	if !errors.Is(err, syscall.ETIMEDOUT) {
		t.Errorf("the error is %v", err)
	}
}

// TestWebOptions: a connection has what the listener was given.
func TestWebOptions(t *testing.T) {
	_, addr := loopback.Address()
	l, err := ListenWeb(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, c := connection(t, l)
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []struct{ level, option, want int }{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 15},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 15},
		{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 120_000},
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
	} {
		var got int
		var failed error
		if err := raw.Control(func(fd uintptr) { got, failed = unix.GetsockoptInt(int(fd), o.level, o.option) }); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		if got != o.want {
			t.Errorf("option %d of level %d is %d, want %d", o.option, o.level, got, o.want)
		}
	}
}
