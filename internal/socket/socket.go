// Package socket is where a daemon listens: on an address of its own, on sockets
// that systemd or a web server opened for it; and how it tells systemd that it
// does.
//
// The functions about inherited descriptors change the process (its environment,
// its descriptors) and are for the start of main, before there are other
// goroutines.
package socket

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// Listen opens the listener that spec names:
//
//	unix:/run/mirror/fcgi.sock   a unix socket with this mode and group
//	tcp:127.0.0.1:9000           TCP; mode and group do not apply
//
// group is a name or a number; empty leaves the process's own. FastCGI has no
// authentication, so who may connect is who may ask: a TCP address has to name its
// host, and 0.0.0.0 or :: only if that is meant.
//
// A unix socket that nobody listens on any more is replaced. One that is in use,
// and anything that is not a socket, is left alone and is an error. Whoever
// can connect, connects to a socket that has its mode and group already.
func Listen(spec string, mode os.FileMode, group string) (net.Listener, error) {
	network, address, _ := strings.Cut(spec, ":")
	switch network {
	case "unix":
		return listenUnix(address, mode, group)
	case "tcp":
		if host, _, err := net.SplitHostPort(address); err != nil {
			return nil, fmt.Errorf("the address %q is not host:port: %w", address, err)
		} else if host == "" {
			return nil, fmt.Errorf("the address %q names no host: write 127.0.0.1%s, or 0.0.0.0%s if everybody may ask",
				address, address, address)
		}
		return net.Listen("tcp", address)
	}
	return nil, fmt.Errorf("cannot listen on %q: it should be unix:/path or tcp:host:port", spec)
}
