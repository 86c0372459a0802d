// Package socket is where a daemon listens: on an address of its own, on sockets
// that systemd or a web server opened for it; and how it tells systemd that it
// does.
//
// The functions about inherited descriptors change the process (its environment,
// its descriptors) and are for the start of main, before there are other
// goroutines.
package socket

import (
	"net"
	"os"
)

// Listen opens a listener, in the words of net.Listen:
//
//	"unix", "/run/mirror/fcgi.sock"   a unix socket with this mode and group
//	"tcp", "127.0.0.1:9000"           TCP; mode and group do not apply
//
// Both come from package config, which has checked them. group is a name or a
// number; empty leaves the process's own.
//
// A unix socket that nobody listens on any more is replaced. One that is in use,
// and anything that is not a socket, is left alone and is an error. Whoever
// can connect, connects to a socket that has its mode and group already.
func Listen(network, address string, mode os.FileMode, group string) (net.Listener, error) {
	if network == "unix" {
		return listenUnix(address, mode, group)
	}
	return net.Listen(network, address)
}
