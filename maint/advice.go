package maint

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mirror"
	"mirror/config"
	"mirror/repo"
	"mirror/store"
)

// Advice names what works but looks wrong in the configuration and on disk: one
// sentence each, with its remedy.
func (s Site) Advice() []string {
	var list []string
	for _, check := range []func() []string{
		s.closedDocroot, s.openState, s.sharing, s.unwritable, s.socketDirectory, s.passwords, s.local, s.misplaced,
	} {
		list = append(list, check()...)
	}
	return list
}

// CheckKeyrings reads the keyring of each mirror: with one that cannot be read every
// index is refused.
func (s Site) CheckKeyrings() error {
	var all []error
	for i := range s.Conf.Mirrors {
		m := &s.Conf.Mirrors[i]
		if m.Keyring == "" {
			continue
		}
		if _, err := repo.LoadKeyring(m.Keyring); err != nil {
			all = append(all, fmt.Errorf("keyring of %s: %w", Quote(mirror.Name(m.Prefix)), err))
		}
	}
	return errors.Join(all...)
}

// closedDocroot finds what keeps a web server of another user out.
func (s Site) closedDocroot() []string {
	for dir := s.Conf.Docroot; dir != "/"; dir = filepath.Dir(dir) {
		st, ok := stat(dir)
		if !ok || st.Mode&0o001 != 0 {
			continue
		}
		who := fmt.Sprintf("unless it runs as %s", store.UserName(st.Uid))
		if st.Mode&0o010 != 0 {
			who += fmt.Sprintf(" or in the group %s", groupName(st.Gid))
		}
		return []string{fmt.Sprintf("%s is closed to others (mode %04o), so the web server cannot serve the docroot: chmod o+x %s, %s",
			dir, st.Mode&0o7777, dir, who)}
	}
	return nil
}

func (s Site) openState() []string {
	st, ok := stat(s.Conf.State)
	if !ok || st.Mode&0o007 == 0 {
		return nil
	}
	return []string{fmt.Sprintf("the state directory %s is open to others (mode %04o): chmod o-rwx %s", s.Conf.State, st.Mode&0o7777, s.Conf.State)}
}

// sharing looks whether the group that shares the state directory can publish.
func (s Site) sharing() []string {
	state, ok := stat(s.Conf.State)
	if !ok || state.Mode&0o070 != 0o070 {
		return nil
	}
	var list []string
	group := groupName(state.Gid)
	if state.Mode&unix.S_ISGID == 0 {
		list = append(list, fmt.Sprintf("the state directory %s is shared, but new files in it do not get its group: chmod g+s %s", s.Conf.State, s.Conf.State))
	}
	for _, dir := range s.directories() {
		st, ok := stat(dir)
		if ok && (st.Gid != state.Gid || st.Mode&0o030 != 0o030 || st.Mode&unix.S_ISGID == 0) {
			list = append(list, fmt.Sprintf("the state directory is shared with the group %s, which cannot publish in %s: chgrp %s %s && chmod g+rwxs %s", group, dir, group, dir, dir))
		}
	}
	return list
}

// unwritable finds the subtrees in which this user cannot publish.
func (s Site) unwritable() []string {
	var list []string
	for _, dir := range s.directories() {
		if st, ok := stat(dir); ok && unix.Access(dir, unix.W_OK|unix.X_OK) != nil {
			list = append(list, fmt.Sprintf("nothing can be published in %s, which belongs to %s: chown it to %s", dir, store.UserName(st.Uid), store.UserName(uint32(os.Geteuid()))))
		}
	}
	return list
}

// directories are the docroot and those of the prefixes that are there.
func (s Site) directories() []string {
	list := []string{s.Conf.Docroot}
	for i := range s.Conf.Mirrors {
		dir := filepath.Join(s.Conf.Docroot, s.Conf.Mirrors[i].Prefix)
		if fi, err := os.Lstat(dir); err == nil && fi.IsDir() && dir != s.Conf.Docroot {
			list = append(list, dir)
		}
	}
	return list
}

// socketDirectory finds a unix socket that cannot be made as things stand.
func (s Site) socketDirectory() []string {
	server := s.Conf.Server
	if server.FastCGI.Network != "unix" {
		return nil
	}
	dir := filepath.Dir(server.FastCGI.Address)
	if _, ok := stat(dir); !ok {
		return []string{fmt.Sprintf("the socket's directory %s does not exist: create it, or let systemd do so (RuntimeDirectory=)", dir)}
	}
	return nil
}

// passwords finds those that are told to more than need to know.
func (s Site) passwords() []string {
	var list []string
	instead := map[string]string{"http": "https", "ftp": "ftps"}
	for i := range s.Conf.Mirrors {
		for _, u := range s.Conf.Mirrors[i].Upstream {
			_, secret := u.User.Password()
			if other := instead[u.Scheme]; secret && other != "" {
				list = append(list, fmt.Sprintf("the password for %s is sent unencrypted: use %s", config.HostPort(u), other))
			}
		}
	}
	for _, path := range s.Conf.Secrets {
		if fi, err := os.Stat(path); err == nil && fi.Mode()&0o004 != 0 {
			list = append(list, fmt.Sprintf("%s holds a password and can be read by everyone: chmod o-r %s", path, path))
		}
	}
	return list
}

// local finds upstreams on this machine that are not there: a disk may be mounted later.
func (s Site) local() []string {
	var list []string
	for i := range s.Conf.Mirrors {
		for _, u := range s.Conf.Mirrors[i].Upstream {
			if u.Scheme != "file" {
				continue
			}
			if _, err := os.Stat(u.Path); err != nil {
				list = append(list, fmt.Sprintf("the upstream %s is no directory that can be read: %v", u, err))
			}
		}
	}
	return list
}

// misplaced finds the mutable files that the web server still serves by itself.
func (s Site) misplaced() []string {
	names, err := s.Engine.Misplaced(context.Background())
	switch {
	case err != nil:
		return []string{fmt.Sprintf("whether mutable files are left in the docroot cannot be told: %v", err)}
	case len(names) == 0:
		return nil
	}
	return []string{fmt.Sprintf("mutable_in = \"state\", and yet the docroot has mutable files, which the web server serves however old they are, %s for one (%d in all): run mirrorctl reindex to move them, or wait for the next request", Quote(names[0]), len(names))}
}

func stat(path string) (*syscall.Stat_t, bool) {
	fi, err := os.Stat(path)
	if err != nil {
		return nil, false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return st, ok
}

func groupName(gid uint32) string {
	if g, err := user.LookupGroupId(strconv.Itoa(int(gid))); err == nil {
		return g.Name
	}
	return fmt.Sprintf("gid %d", gid)
}
