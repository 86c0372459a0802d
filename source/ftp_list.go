package source

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"mirror"
	"mirror/internal/ftp"
	"mirror/listing"
	"mirror/listing/lines"
)

// List implements Lister. FTP cannot tell whether a directory is as it was: its
// time changes with its names only, so nothing is ever unmodified.
func (f *FTP) List(ctx context.Context, dir mirror.Name, _ *mirror.Meta) (Listing, error) {
	var l Listing
	err := f.with(ctx, func(c *ftp.Conn) (err error) {
		l, err = (&ftpFile{f: f, c: c, path: dir}).list(ctx)
		if err == nil {
			f.pool.put(c)
		}
		return err
	})
	if err != nil {
		return Listing{}, f.failure(ctx, dir, err)
	}
	return l, nil
}

func (s *ftpFile) list(ctx context.Context) (Listing, error) {
	at := strings.TrimRight(s.f.at(s.c, s.path), "/")
	raw, err := s.c.List(ctx, at)
	if err != nil {
		return Listing{}, s.unlisted(ctx, err)
	}
	parse := lines.ParseList
	if raw.Format == ftp.MLSD {
		parse = lines.ParseMLSD
	}
	l, err := parse(bytes.NewReader(raw.Data), lines.Options{Clock: listing.Clock{Zone: s.f.opts.Zone}})
	if err != nil {
		return Listing{}, s.fail(mirror.ErrBroken, "its listing: %v", err)
	}
	if slices.ContainsFunc(l.Entries, leadsNowhere) {
		if err := s.lead(ctx, at, l.Entries); err != nil {
			return Listing{}, err
		}
	}
	return Listing{Listing: l, Meta: mirror.Meta{Size: -1, ModTime: raw.ModTime}}, nil
}

// leadsNowhere: the listing does not say where the link leads.
func leadsNowhere(e listing.Entry) bool { return e.Type == listing.Symlink && e.Target == "" }

// lead has LIST say where links lead of which MLSD tells only that they are:
// its fact for it never became a standard.
func (s *ftpFile) lead(ctx context.Context, at string, entries []listing.Entry) error {
	data, err := s.c.Long(ctx, at)
	if !s.c.Usable() {
		return err
	}
	l, _ := lines.ParseList(bytes.NewReader(data), lines.Options{Clock: listing.Clock{Zone: s.f.opts.Zone}})
	targets := make(map[string]string)
	for _, e := range l.Entries {
		targets[e.Name] = e.Target
	}
	for i := range entries {
		if leadsNowhere(entries[i]) {
			entries[i].Target = targets[entries[i].Name]
		}
	}
	return nil
}

// unlisted finds out what a server means that does not list a directory. What
// is there and no directory is no directory of that name: it is missing.
func (s *ftpFile) unlisted(ctx context.Context, err error) error {
	var r *ftp.ReplyError
	if s.path == "" || !errors.As(err, &r) || !s.c.Usable() {
		return err
	}
	if s.c.Enter(ctx, s.f.at(s.c, s.path)) == nil {
		return s.fail(replyKind(r), "%v", err)
	}
	err = s.unavailable(ctx, err)
	if errors.Is(err, mirror.ErrRefused) && s.c.Usable() {
		if _, statErr := s.facts(ctx); statErr == nil {
			return s.fail(mirror.ErrNotFound, "is no directory")
		}
	}
	return err
}

var _ = []Lister{(*FTP)(nil), (*File)(nil)}
