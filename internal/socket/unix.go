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

// maxPath is what a socket address holds, less its final NUL (unix(7)).
const maxPath = 107

// listenUnix puts a new socket in the place of a stale one. The syscall story,
// for /run/mirror/fcgi.sock:
//
//	flock  /run/mirror                          one daemon at a time does the rest
//	connect /run/mirror/fcgi.sock               refused or not there: the place is free
//	mkdir  /run/mirror/.123456789 0700
//	bind, listen, chown, chmod  .123456789/s    nobody else can reach it yet
//	rename .123456789/s fcgi.sock               one step from the old to the new
//	rmdir, unlock
//
// A bind in place would be reachable before chmod, and a umask would change files
// that other threads create meanwhile.
func listenUnix(path string, mode os.FileMode, group string) (_ net.Listener, err error) {
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("the socket %q should be an absolute path", path)
	}
	gid, err := lookupGroup(group)
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

	private, err := os.MkdirTemp(dir, ".")
	if err != nil {
		return nil, explain(dir, err)
	}
	temp := filepath.Join(private, "s")
	defer os.Remove(private)
	if len(temp) > maxPath || len(path) > maxPath {
		return nil, fmt.Errorf("the socket %s needs a shorter path: a socket address holds %d bytes, and it takes %d to make it",
			path, maxPath, len(temp))
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it would unlink temp
	defer func() {
		if err != nil {
			l.Close()
			os.Remove(temp)
		}
	}()
	if gid >= 0 {
		if err := os.Chown(temp, -1, gid); err != nil {
			return nil, fmt.Errorf("the socket %s cannot be given to the group %s: %w; "+
				"only root, or a member of the group, may do that", path, group, err)
		}
	}
	if err := os.Chmod(temp, mode); err != nil {
		return nil, err
	}
	if err := os.Rename(temp, path); err != nil {
		return nil, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	return &unixListener{UnixListener: l, path: path, info: info}, nil
}

// free makes sure that nobody listens on path and that it may be replaced.
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
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return fmt.Errorf("cannot tell whether somebody listens on %s: %w", path, err)
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

// lookupGroup returns the number of a group, or -1 for none.
func lookupGroup(group string) (int, error) {
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
