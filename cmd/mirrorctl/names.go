package main

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"mirror"
	"mirror/config"
	"mirror/maint"
)

// argument is a PATH of the command line, understood.
type argument struct {
	name mirror.Name
	dir  bool // it ended with a slash
}

// parseArgument understands what a PATH may be:
//
//	/debian/a%20b              the path of a URL, below base
//	/~user/mirror/debian/a     the same, with the base
//	http://HOST/debian/a       a whole URL
//	/srv/mirror/debian/a b     a file below the docroot
//	debian/a b                 a plain name
func parseArgument(conf *config.Config, arg string) (argument, error) {
	var target mirror.Target
	var err error
	file, isFile := strings.CutPrefix(path.Clean(arg)+"/", conf.Docroot+"/")
	switch {
	case arg == "":
		err = fmt.Errorf("%w: it is empty", mirror.ErrBadName)
	case isFile:
		target, err = plainName(file, strings.HasSuffix(arg, "/"))
	case isUpstream(arg):
		return argument{}, fmt.Errorf("%q is an upstream's: name a path of the mirror; mirrorctl ls lists any", arg)
	case strings.HasPrefix(arg, "/") || strings.Contains(arg, "://"):
		target, err = urlPath(conf, arg)
	default:
		target, err = plainName(arg, strings.HasSuffix(arg, "/"))
	}
	if err != nil {
		return argument{}, fmt.Errorf("%q: %w", arg, err)
	}
	return argument{target.Name, target.Dir || target.Name == ""}, nil
}

// isUpstream reports whether an argument is a URL that no mirror is served at.
func isUpstream(arg string) bool {
	scheme, _, ok := strings.Cut(arg, "://")
	return ok && slices.Contains([]string{"ftp", "ftps", "rsync", "file"}, strings.ToLower(scheme))
}

func plainName(name string, dir bool) (mirror.Target, error) {
	name = strings.Trim(name, "/")
	target, err := mirror.ParseTarget("/"+mirror.Name(name).Escape(), "/")
	target.Dir = dir || name == ""
	return target, err
}

// urlPath reads the path of a URL with the base, as a browser shows it, or
// without. Where both can be meant, the one that a mirror has counts.
func urlPath(conf *config.Config, arg string) (mirror.Target, error) {
	with, err := mirror.ParseTarget(arg, conf.Base)
	if err == nil && isMirrored(conf, with.Name) {
		return with, nil
	}
	if without, err := mirror.ParseTarget(arg, "/"); err == nil && isMirrored(conf, without.Name) {
		return without, nil
	}
	return with, err
}

func isMirrored(conf *config.Config, name mirror.Name) bool {
	_, _, ok := conf.Match(string(name) + "/")
	return ok
}

// files parses paths of files; one that is given twice counts once.
func files(conf *config.Config, args []string) ([]mirror.Name, error) {
	var names []mirror.Name
	seen := make(map[mirror.Name]bool)
	for _, arg := range args {
		a, err := parseArgument(conf, arg)
		if err != nil {
			return nil, err
		}
		if a.dir {
			return nil, fmt.Errorf("%s is a directory: name the files in it, or bring all of it with `mirrorctl sync`", maint.Quote(a.name))
		}
		if !seen[a.name] {
			names = append(names, a.name)
		}
		seen[a.name] = true
	}
	return names, nil
}

// about says which name an error is about, once: some errors begin with it, as a
// file's or as a directory's.
func about(name mirror.Name, err error) error {
	text, quoted := err.Error(), maint.Quote(name)
	for _, same := range []string{quoted, "/" + string(name), "/" + string(name) + "/"} {
		if cause, ok := strings.CutPrefix(text, same+": "); ok {
			return errors.New(quoted + ": " + cause)
		}
	}
	return fmt.Errorf("%s: %w", quoted, err)
}
