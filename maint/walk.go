package maint

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"mirror"
	"mirror/store"
)

// Skipped counts what a walk left out. Names that begin with a dot are not
// counted: they are the web server's business.
type Skipped struct {
	Links   int // symbolic links, which are never followed
	Special int // sockets, devices and the like
	Unnamed int // names that no request can ask for, such as those with a backslash
}

// walker goes through a part of the docroot, and what is kept aside of it.
type walker struct {
	tree *store.Tree

	// file is called for each regular file. Its error ends the walk.
	file func(mirror.Name) error

	skipped  Skipped
	problems []error // directories that could not be read: they end nothing
}

// readChunk is how many entries of a directory are read at a time, so that
// one with a million files needs little memory.
const readChunk = 1024

// walk visits the directory dir and what is below it. A directory that is not
// there is empty.
func (w *walker) walk(ctx context.Context, dir mirror.Name) error {
	err := w.walkIn(ctx, w.tree.Doc(), dir)
	if aside := w.tree.AsideRoot(); err == nil && aside != nil {
		err = w.walkIn(ctx, aside, dir)
	}
	return err
}

// walkIn is walk in one of the trees.
func (w *walker) walkIn(ctx context.Context, root *os.Root, dir mirror.Name) error {
	// O_DIRECTORY: what stands there may be a FIFO by now, and opening one waits.
	d, err := root.OpenFile(string(pathOf(dir)), os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		w.problems = append(w.problems, fmt.Errorf("%s cannot be read: %w", Quote(dir), reason(err)))
		return nil
	}
	defer d.Close()
	for {
		entries, err := d.ReadDir(readChunk)
		for _, entry := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := w.visit(ctx, root, dir, entry); err != nil {
				return err
			}
		}
		switch {
		case err != nil && err != io.EOF:
			w.problems = append(w.problems, fmt.Errorf("%s cannot be read to its end: %w", Quote(dir), reason(err)))
			return nil
		case len(entries) == 0:
			return nil
		}
	}
}

// pathOf is where name is below the docroot, whose own Name is empty.
func pathOf(name mirror.Name) mirror.Name {
	if name == "" {
		return "."
	}
	return name
}

func (w *walker) visit(ctx context.Context, root *os.Root, dir mirror.Name, entry fs.DirEntry) error {
	base := entry.Name()
	if strings.HasPrefix(base, ".") {
		return nil
	}
	name := dir.Join(base)
	kind := entry.Type()
	switch {
	case kind&fs.ModeSymlink != 0:
		w.skipped.Links++
	case !kind.IsDir() && !kind.IsRegular():
		w.skipped.Special++
	case !askable(name):
		w.skipped.Unnamed++
	case kind.IsDir():
		return w.walkIn(ctx, root, name)
	default:
		return w.file(name)
	}
	return nil
}

// askable reports whether a request can ask for name.
func askable(name mirror.Name) bool {
	target, err := mirror.ParseTarget("/"+name.Escape(), "/")
	return err == nil && target.Name == name
}

// roots are the directories of the prefixes that lie in no other prefix.
func (s Site) roots() []mirror.Name {
	var roots []mirror.Name
	for i := range s.Conf.Mirrors {
		prefix := s.Conf.Mirrors[i].Prefix
		nested := false
		for j := range s.Conf.Mirrors {
			nested = nested || i != j && strings.HasPrefix(prefix, s.Conf.Mirrors[j].Prefix)
		}
		if !nested {
			roots = append(roots, mirror.Name(strings.TrimSuffix(prefix, "/")))
		}
	}
	return roots
}
