package source

import (
	"context"
	"strconv"
	"strings"

	"mirror"
	"mirror/listing"
)

// List implements Lister. rsync has no validators for directories: held is of
// no use.
func (r *Rsync) List(ctx context.Context, dir mirror.Name, _ *mirror.Meta) (Listing, error) {
	l := Listing{Meta: mirror.Meta{Size: -1}}
	l.Format = "rsync"
	s, err := r.openDir(ctx, dir, "-dlH", maxDirEntries)
	if err != nil {
		return l, err
	}
	defer s.close()
	l.Ended = s.ended
	for i := range s.list {
		e := &s.list[i]
		switch {
		case e.name == ".":
			l.Meta.ModTime = e.mtime
		case listing.ValidName(e.name):
			l.Entries = append(l.Entries, e.entry(e.name))
		default:
			if l.Unread++; l.Unread == 1 {
				l.FirstUnread = e.name
			}
		}
	}
	s.leave()
	return l, nil
}

// Walk implements Walker.
func (r *Rsync) Walk(ctx context.Context, dir mirror.Name, each func(string, listing.Entry) error) (ended bool, unread int, err error) {
	s, err := r.openDir(ctx, dir, "-rlH", maxTreeEntries)
	if err != nil {
		return false, 0, err
	}
	defer s.close()
	sortList(s.list)
	for i := range s.list {
		e := &s.list[i]
		if e.name == "." {
			continue
		}
		if !validPath(e.name) {
			unread++
			continue
		}
		cut := strings.LastIndexByte(e.name, '/')
		if err := each(e.name[:max(cut, 0)], e.entry(e.name[cut+1:])); err != nil {
			return false, unread, err
		}
	}
	s.leave()
	return s.ended, unread, nil
}

// openDir asks for what is in a directory: a name with a slash at its end, which
// is followed where it is a symbolic link, and of which the list begins with
// ".". The option says how deep.
func (r *Rsync) openDir(ctx context.Context, dir mirror.Name, option string, most int) (*rsyncSession, error) {
	name := strings.TrimSuffix(r.below+string(dir), "/")
	ask := rsyncAsk{options: option, names: []string{name + "/"}, most: most}
	if name == "" {
		ask.names[0] = "."
	}
	s, err := r.open(ctx, ask)
	if err != nil {
		return nil, r.failure(ctx, dir, err)
	}
	if len(s.list) == 0 {
		err = r.failure(ctx, dir, s.about(name))
		s.close()
		return nil, err
	}
	return s, nil
}

// validPath reports whether every segment of path can be the name of an entry.
func validPath(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if !listing.ValidName(segment) {
			return false
		}
	}
	return true
}

// entry is e in the words of the model, as name.
func (e *rsyncEntry) entry(name string) listing.Entry {
	out := listing.Entry{
		Name:  name,
		Type:  listing.Other,
		MTime: listing.Exactly(e.mtime.Unix()),
		Mode:  listing.Perm(uint16(e.mode & 0o7777)),
	}
	switch e.mode & modeType {
	case modeRegular:
		out.Type, out.Size = listing.File, listing.Exactly(e.size)
	case modeDir:
		out.Type = listing.Dir
	case modeSymlink:
		out.Type, out.Target = listing.Symlink, e.target
	}
	if e.link >= 0 {
		out.HardLink = strconv.Itoa(e.link)
	}
	return out
}
