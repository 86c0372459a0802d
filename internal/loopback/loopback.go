// Package loopback gives out addresses for programs that tests start: each has a
// loopback address of its own, so nobody takes its port between choosing it and
// listening. Two servers at one port are worse than one that fails: the test of
// one would speak with the other.
package loopback

import (
	"fmt"
	"os"
	"sync/atomic"
)

// Port is that of every address.
const Port = 8080

// mostAddresses is how many a process can have: 9 of 24 bits, the others are the
// process's.
const mostAddresses = 1<<9 - 1

var given atomic.Uint32

// Address returns an address that no other call gets, in this process and in
// others that run at the same time. It panics when a process asks for too many.
func Address() (ip, hostPort string) {
	n := given.Add(1)
	if n > mostAddresses {
		panic("loopback: no address is left for this process")
	}
	n |= uint32(os.Getpid()) << 9 // of which 15 bits count
	ip = fmt.Sprintf("127.%d.%d.%d", n>>16&255, n>>8&255, n&255)
	return ip, fmt.Sprintf("%s:%d", ip, Port)
}
