package socket

import (
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// firstFD is the first descriptor that systemd passes (sd_listen_fds(3)).
const firstFD = 3

// Inherited returns the listeners that systemd's socket activation passed, in the
// order of the unit's Listen lines (sd_listen_fds(3)): LISTEN_FDS many, from
// descriptor 3, if LISTEN_PID is this process. No listener and no error means
// that there was no activation.
//
// The variables are unset and the descriptors closed on exec, so that no child
// takes them for its own; a second call returns nothing.
func Inherited() ([]net.Listener, error) {
	pid, fds := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS")
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(name)
	}
	if pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	n, err := strconv.Atoi(fds)
	if err != nil || n < 0 {
		return nil, fmt.Errorf("LISTEN_FDS=%q is not a number of sockets", fds)
	}
	var all []net.Listener
	for fd := firstFD; fd < firstFD+n; fd++ {
		l, err := listener(fd, fmt.Sprintf("LISTEN_FDS descriptor %d", fd))
		if err != nil {
			for _, l := range all {
				l.Close()
			}
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// FromStdin returns the listener on descriptor 0, where spawn-fcgi and mod_fcgid
// put it (FastCGI 1.0, section 2.2), and whether there is one. Descriptor 0 becomes
// /dev/null: were it to stay, the socket would go on listening after Close, and its
// clients would wait for nobody.
func FromStdin() (net.Listener, bool) {
	if !listening(0) {
		return nil, false
	}
	l, err := net.FileListener(os.Stdin)
	if err != nil {
		return nil, false // a listening socket of a family that Go does not know
	}
	if null, err := os.Open(os.DevNull); err == nil {
		_ = unix.Dup3(int(null.Fd()), 0, 0) // if it fails, the socket listens until the process ends
		null.Close()
	}
	return l, true
}

// listener makes a net.Listener of a descriptor and takes it over.
func listener(fd int, name string) (net.Listener, error) {
	unix.CloseOnExec(fd)
	if !listening(fd) {
		return nil, fmt.Errorf("the %s is not a listening stream socket: the socket unit needs ListenStream= and Accept=no", name)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close() // net.FileListener has duplicated it, with CLOEXEC
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on the %s: %w", name, err)
	}
	return l, nil
}

// listening reports whether fd is a stream socket that listens.
func listening(fd int) bool {
	accepts, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	return err == nil && accepts == 1
}
