// Package maint is what is done without a client: fetching by hand, telling
// why a name is as it is, and bringing the record into line with the docroot.
//
//	Fetch    brings a file into the docroot, as a request would
//	Why      tells what is known of a name, and what comes next
//	List     tells what is in a directory, and what is here of it
//	Sync     brings a whole directory
//	Refresh  confirms what changes upstream, as a Keeper does by itself
//	Verify   reads what is here, and repairs what is damaged
//	GC       removes what the upstream dropped long ago
//	Reindex  records what stands in the docroot, and forgets what has gone
//	Adopt    makes files of others ours
//	Advice   names what in the configuration and on disk looks wrong
//
// Saved reads a listing that somebody kept, without any mirror.
//
// All of it may run beside a daemon. What is written down of a file is written
// under the file's lock, so that no fetch changes it meanwhile; a file that is
// being fetched is left to that fetch.
package maint

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"mirror"
	"mirror/config"
	"mirror/fetch"
	"mirror/internal/keylock"
)

// Site is what maintenance works on: a configuration, and the engine that was
// opened with it.
type Site struct {
	Conf   *config.Config
	Engine *fetch.Engine
}

// alone takes the lock key, which only one process at a time has; who comes second is told
// that another one of what runs.
func (s Site) alone(key, what string) (*keylock.Lock, error) {
	lock, err := s.Engine.Tree().Locks.TryLock("\x00" + key) // no file is called so
	if errors.Is(err, keylock.ErrHeld) {
		return nil, fmt.Errorf("another %s is running: wait for its end", what)
	}
	return lock, err
}

// Quote returns a name as a path for people and terminals: it is quoted where
// it holds anything but plain ASCII, or could be taken for an escaped URL.
func Quote(name mirror.Name) string {
	path := "/" + string(name)
	odd := func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`"'%\`, c) }
	if strings.ContainsFunc(path, odd) {
		return strconv.Quote(path)
	}
	return path
}

// prefixes lists the configured prefixes, for the errors about names that are
// below none.
func (s Site) prefixes() string {
	list := make([]string, len(s.Conf.Mirrors))
	for i := range s.Conf.Mirrors {
		list[i] = Quote(mirror.Name(s.Conf.Mirrors[i].Prefix))
	}
	return strings.Join(list, ", ")
}

func (s Site) outside(name mirror.Name) error {
	return fmt.Errorf("%s: %w: it is not below %s", Quote(name), mirror.ErrNoMirror, s.prefixes())
}

// below returns how the names below a directory begin. Of one that no mirror has
// anything in it is an error.
func (s Site) below(dir mirror.Name) (string, error) {
	if dir == "" {
		return "", nil
	}
	below := string(dir) + "/"
	if _, _, ok := s.Conf.Match(below); ok {
		return below, nil
	}
	for i := range s.Conf.Mirrors {
		if strings.HasPrefix(s.Conf.Mirrors[i].Prefix, below) {
			return below, nil
		}
	}
	return "", s.outside(dir)
}
