package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// backlog is how many connections may wait to be accepted, as in
// deploy/systemd/mirror-fcgi.socket; the kernel lowers it to somaxconn.
const backlog = 4096

// listenUnix puts a new socket in the place of a stale one. The syscall story,
// for /run/mirror/fcgi.sock:
//
//	flock   /run/mirror              one daemon at a time does the rest
//	connect fcgi.sock                refused or not there: the place is free
//	unlink  fcgi.sock
//	bind    fcgi.sock                it is there, and refuses everybody
//	chown, chmod                     by descriptor: nobody can put a link in between
//	listen                           from here on it takes connections
//	unlock
//
// Whoever is early is refused, as by the stale socket before. A process that
// is killed on the way leaves nothing but another stale socket.
func listenUnix(path string, mode os.FileMode, group string) (_ net.Listener, err error) {
	gid, err := LookupGroup(group)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	unlock, err := lockDir(dir)
	if err != nil {
		return nil, explain(dir, err)
	}
	defer unlock()
	if err := free(path); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close() // net.FileListener duplicates it
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return nil, explain(dir, fmt.Errorf("the socket %s cannot be made: %w", path, err))
	}
	var info os.FileInfo
	defer func() {
		if err != nil && info != nil {
			os.Remove(path)
		}
	}()
	info, err = give(path, mode, gid, group)
	if err != nil {
		return nil, err
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	return &unixListener{UnixListener: l.(*net.UnixListener), path: path, info: info}, nil
}

// give gives the socket at path its group, if gid is not -1, and its mode. It
// returns which file that is, nil if it is not a socket any more.
func give(path string, mode os.FileMode, gid int, group string) (os.FileInfo, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return nil, fmt.Errorf("somebody has replaced the socket %s: choose a directory that only this user can write to", path)
	}
	if gid >= 0 {
		if err := unix.Fchownat(fd, "", -1, gid, unix.AT_EMPTY_PATH); err != nil {
			return info, fmt.Errorf("the socket %s cannot be given to the group %s: %w; "+
				"only root, or a member of the group, may do that", path, group, err)
		}
	}
	// fchmod(2) refuses such a descriptor; this leads to the same file.
	if err := os.Chmod(fmt.Sprintf("/proc/self/fd/%d", fd), mode); err != nil {
		return info, fmt.Errorf("the socket %s cannot be given its mode: %w", path, err)
	}
	return info, nil
}

// free makes sure that nobody listens on path, and removes a stale socket.
func free(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is not a socket; it is left alone: remove it, or choose another path", path)
	}
	c, err := net.Dial("unix", path)
	switch {
	case err == nil:
		c.Close()
		return fmt.Errorf("another mirror-fcgi is listening on %s", path)
	case errors.Is(err, syscall.EAGAIN): // it listens, and its backlog is full
		return fmt.Errorf("another mirror-fcgi is listening on %s, and is busy", path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ECONNREFUSED):
		return explain(filepath.Dir(path), os.Remove(path))
	}
	return fmt.Errorf("cannot tell whether somebody listens on %s: %w: if nobody does, remove it", path, err)
}

// unixListener removes its socket on Close, unless another daemon has put its own
// there meanwhile.
type unixListener struct {
	*net.UnixListener
	path string
	info fs.FileInfo
}

func (l *unixListener) Close() error {
	err := l.UnixListener.Close()
	if errors.Is(err, net.ErrClosed) {
		return err // by an earlier Close, which did the rest
	}
	unlock, lockErr := lockDir(filepath.Dir(l.path))
	if lockErr != nil {
		return err // the socket stays, and counts as stale
	}
	defer unlock()
	if now, statErr := os.Lstat(l.path); statErr == nil && os.SameFile(now, l.info) {
		os.Remove(l.path)
	}
	return err
}

// lockPatience is how long two daemons that start together wait for each other.
// systemd-tmpfiles locks directories in the same way while it cleans them.
const lockPatience = 5 * time.Second

// lockDir locks a directory against other calls, in all processes. Nothing stays
// behind: the lock goes with its descriptor.
func lockDir(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for end := time.Now().Add(lockPatience); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { d.Close() }, nil
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR || time.Now().After(end) {
			d.Close()
			return nil, fmt.Errorf("cannot lock the directory %s: %w", dir, err)
		}
	}
}

// explain says what to do about a directory that cannot hold a socket.
func explain(dir string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the socket's directory %s does not exist: create it, or use systemd's RuntimeDirectory=", dir)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("the socket's directory %s is not writable for user %d: "+
			"give it to that user, or use systemd's RuntimeDirectory=", dir, os.Getuid())
	}
	return err
}

// LookupGroup returns the number of the group with this name or number, or -1
// for none ("").
func LookupGroup(group string) (int, error) {
	if group == "" {
		return -1, nil
	}
	if gid, err := strconv.ParseUint(group, 10, 31); err == nil {
		return int(gid), nil
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return 0, fmt.Errorf("the socket's group %q is unknown: create it, or leave it out", group)
	}
	return strconv.Atoi(g.Gid)
}
