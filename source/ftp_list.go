package source

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"mirror"
	"mirror/internal/ftp"
	"mirror/listing"
	"mirror/listing/lines"
)

// List implements Lister. FTP cannot tell whether a directory is as it was: its
// time changes with its names only, so nothing is ever unmodified.
func (f *FTP) List(ctx context.Context, dir mirror.Name, _ *mirror.Meta) (Listing, error) {
	var raw ftp.Listing
	err := f.with(ctx, func(c *ftp.Conn) (err error) {
		if raw, err = c.List(ctx, strings.TrimRight(f.at(c, dir), "/")); err != nil {
			return (&ftpFile{f: f, c: c, path: dir}).unlisted(ctx, err)
		}
		f.pool.put(c)
		return nil
	})
	if err != nil {
		return Listing{}, f.failure(ctx, dir, err)
	}
	parse := lines.ParseList
	if raw.Format == ftp.MLSD {
		parse = lines.ParseMLSD
	}
	l, err := parse(bytes.NewReader(raw.Data), lines.Options{Clock: listing.Clock{Zone: f.opts.Zone}})
	if err != nil {
		return Listing{}, (&ftpFile{f: f, path: dir}).fail(mirror.ErrBroken, "its listing: %v", err)
	}
	return Listing{Listing: l, Meta: mirror.Meta{Size: -1, ModTime: raw.ModTime}}, nil
}

// unlisted finds out what a server means that does not list a directory. What
// is there and no directory is no directory of that name: it is missing.
func (s *ftpFile) unlisted(ctx context.Context, err error) error {
	if s.path == "" {
		return err
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
