package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
)

// machine is a user of a host, as a netrc file has it.
type machine struct {
	host, user, password string // "" where not given
}

// netrc reads the netrc file at path. Only its first mistake is told, since what
// follows one is as a rule misread.
func (r *resolver) netrc(k key, path string) []machine {
	if r.docroot != "" && isBelow(path, r.docroot) && !strings.Contains(path[len(r.docroot):], "/.") {
		r.fail(k, "%q lies in the docroot, where it would be served: name a file elsewhere, or one whose name starts with a dot", path)
		return nil
	}
	text, err := readNetrc(path)
	if err != nil {
		r.fail(k, "%q %s", path, err)
		return nil
	}
	machines, err := parseNetrc(text)
	if err != nil {
		r.fail(k, "%s:%s", path, err)
	}
	return machines
}

// readNetrc returns what a netrc file holds. The error continues a sentence.
func readNetrc(path string) (string, error) {
	// A FIFO would be waited for without O_NONBLOCK.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", explainNetrc(err)
	}
	defer f.Close()
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() {
		return "", errors.New("is no regular file: name one with credentials")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err != nil {
		return "", explainNetrc(err)
	}
	if len(data) > maxFileSize {
		return "", fmt.Errorf("is larger than %d bytes, so it has other things than credentials: name another", maxFileSize)
	}
	return strings.TrimPrefix(string(data), byteOrderMark), nil
}

// explainNetrc turns a failure to open or read the file into the rest of a
// sentence with a remedy.
func explainNetrc(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("does not exist: write it, or name another")
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("may not be read by uid %d: let its owner be the one that runs this program", os.Geteuid())
	}
	return fmt.Errorf("cannot be read: %w", errors.Unwrap(err)) // without the path, which the sentence has
}

// credentials returns the user of an upstream whose URL has no password: of the
// first machine with its host, and its user where the URL names one.
func credentials(machines []machine, u *url.URL) *url.Userinfo {
	user := u.User.Username()
	i := slices.IndexFunc(machines, func(m machine) bool {
		return strings.EqualFold(m.host, u.Hostname()) && m.user != "" && (user == "" || user == m.user)
	})
	switch {
	case i < 0:
		return u.User
	case machines[i].password == "":
		return url.User(machines[i].user)
	}
	return url.UserPassword(machines[i].user, machines[i].password)
}
