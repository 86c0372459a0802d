package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"mirror/config"
	"mirror/fetch"
	"mirror/maint"
)

// site is what a command works on. Close it.
type site struct {
	maint.Site
}

// openSite opens what the configuration names. What an engine has to warn of
// goes to warn.
func openSite(path string, warn io.Writer) (site, error) {
	conf, err := config.Load(path)
	if err != nil {
		return site{}, err
	}
	if err := rightUser(conf); err != nil {
		return site{}, err
	}
	engine, err := fetch.Open(conf, fetch.Options{Log: slog.New(&warnings{to: warn})})
	if err != nil {
		return site{}, err
	}
	return site{maint.Site{Conf: conf, Engine: engine}}, nil
}

// close ends what still runs: it may go on until ctx is done.
func (s site) close(ctx context.Context) error {
	s.Engine.Close(ctx)
	return s.release()
}

// release closes what an engine, which has ended, worked on.
func (s site) release() error {
	return errors.Join(s.Engine.Index().Close(), s.Engine.Tree().Close())
}

// rightUser refuses what would leave files behind that the mirror's own user
// cannot write to, and says how to run this program as that user.
func rightUser(conf *config.Config) error {
	if fi, err := os.Stat(conf.State); err == nil {
		if fi.Mode()&0o070 == 0o070 {
			return nil // shared with a group
		}
		return refuseUser("the state directory "+conf.State, ownerOf(fi), os.Geteuid())
	} else if !errors.Is(err, fs.ErrNotExist) || os.Geteuid() != 0 {
		return nil // opening it says what is wrong
	}
	// Only root could make it for somebody who cannot use it.
	if fi, err := os.Stat(conf.Docroot); err == nil {
		return refuseUser("the docroot "+conf.Docroot, ownerOf(fi), 0)
	}
	return nil
}

func refuseUser(what string, owner, self int) error {
	if owner == self {
		return nil
	}
	name, sudo := "uid "+strconv.Itoa(owner), "'#"+strconv.Itoa(owner)+"'"
	if u, err := user.LookupId(strconv.Itoa(owner)); err == nil {
		name, sudo = u.Username, u.Username
	}
	return fmt.Errorf("%s belongs to %s, and you are uid %d: run this as that user: sudo -u %s mirrorctl COMMAND", what, name, self, sudo)
}

func ownerOf(fi fs.FileInfo) int { return int(fi.Sys().(*syscall.Stat_t).Uid) }
