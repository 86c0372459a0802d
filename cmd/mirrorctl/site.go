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

// withSite runs f on what the configuration file names. What the engine has to
// warn of goes to warn; what f leaves running may go on until ctx is done.
func withSite(ctx context.Context, file string, warn io.Writer, f func(maint.Site) error) error {
	conf, err := config.Load(file)
	if err != nil {
		return err
	}
	if err := rightUser(conf); err != nil {
		return err
	}
	engine, err := fetch.Open(conf, fetch.Options{Log: slog.New(&warnings{to: warn})})
	if err != nil {
		return err
	}
	err = f(maint.Site{Conf: conf, Engine: engine})
	return errors.Join(err, engine.Shut(ctx))
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
