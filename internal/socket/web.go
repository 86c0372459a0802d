package socket

import (
	"context"
	"errors"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A client that takes nothing for unreceptive is taken for gone: it holds a file open,
// and memory. One that is slow, but takes something, may take all the time. So it is with
// one to which nothing is sent and which answers no probe: there is one each probeEvery.
const (
	unreceptive = 2 * time.Minute
	probeEvery  = 15 * time.Second
)

// ListenWeb opens the listener of a server that clients connect to directly.
func ListenWeb(address string) (net.Listener, error) { return listenWeb(address, unreceptive) }

// listenWeb sets the options of all connections once, where they inherit them from (tcp(7)):
// net would set those of keepalive with four system calls for each connection.
func listenWeb(address string, unreceptive time.Duration) (net.Listener, error) {
	c := net.ListenConfig{KeepAlive: -1, Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		set := func(fd, level, option int, value int) {
			err = errors.Join(err, unix.SetsockoptInt(fd, level, option, value))
		}
		failed := raw.Control(func(fd uintptr) {
			set(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1)
			set(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(probeEvery.Seconds()))
			set(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(probeEvery.Seconds()))
			set(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unreceptive.Milliseconds()))
		})
		return errors.Join(failed, err)
	}}
	return c.Listen(context.Background(), "tcp", address)
}
