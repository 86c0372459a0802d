package source

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"mirror"
	"mirror/internal/ftp"
)

// The words by which servers tell why. 550 alone means "file unavailable (e.g.,
// file not found, no access)" (RFC 959, 4.2.1).
var (
	missingWords = []string{"no such file", "not found", "does not exist", "doesn't exist", "cannot find", "can't find"}
	refusedWords = []string{"permission", "denied", "not allowed", "not permitted", "forbidden", "privilege"}
	busyWords    = []string{"too many", "maximum", "limit", "busy", "try again", "connections"}
)

// says reports whether a reply has one of the words. The path that it may
// repeat is not the server's word.
func says(r *ftp.ReplyError, path mirror.Name, words []string) bool {
	text := r.Text
	if path != "" {
		text = strings.ReplaceAll(text, string(path), "")
		text = strings.ReplaceAll(text, path.Base(), "")
	}
	text = strings.ToLower(text)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// unavailable finds out what a server means that does not give a file. Where it
// only says that it will not, a second look tells the directory, the file that
// may not be read and the one that is not there from each other.
func (s *ftpFile) unavailable(ctx context.Context, err error) error {
	var r *ftp.ReplyError
	if !errors.As(err, &r) || r.Code != 550 || !s.c.Usable() {
		return err
	}
	switch {
	case says(r, s.path, missingWords):
		return s.fail(mirror.ErrNotFound, "%v", err)
	case s.c.Enter(ctx, s.f.at(s.c, s.path)) == nil:
		return s.fail(mirror.ErrIsDirectory, "%v", mirror.ErrIsDirectory)
	case says(r, s.path, refusedWords):
		return s.fail(mirror.ErrRefused, "%v", err)
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	return s.fail(mirror.ErrRefused, "%v, though it is there", err)
}

// look searches the listings above a name for it: nil means that it is there.
// That something is missing has to be seen in a directory that can be read.
func (s *ftpFile) look(ctx context.Context) error {
	for path := s.path; path != ""; {
		dir := path.Parent()
		names, err := s.c.Names(ctx, s.f.at(s.c, dir))
		var r *ftp.ReplyError
		switch {
		case err == nil && !slices.Contains(names, path.Base()):
			return s.fail(mirror.ErrNotFound, "is not in the listing of its directory")
		case err == nil && path == s.path:
			return nil
		case err == nil:
			above := &ftpFile{f: s.f, c: s.c, path: path}
			if _, err := above.facts(ctx); err == nil {
				return s.fail(mirror.ErrNotFound, "/%s is no directory", path.Escape())
			}
			return s.fail(mirror.ErrRefused, "its directory /%s cannot be read", path.Escape())
		case !s.c.Usable() || !errors.As(err, &r):
			return err
		}
		path = dir
	}
	return s.fail(mirror.ErrBroken, "the upstream's own directory cannot be listed")
}

// failure gives every error of an attempt its kind.
func (f *FTP) failure(ctx context.Context, path mirror.Name, err error) error {
	s := &ftpFile{f: f, path: path}
	if known := withKind(err); known != nil {
		return known
	}
	var r *ftp.ReplyError
	var timeout net.Error
	switch {
	case ctx.Err() != nil: // given up by whoever asked, for a reason of its own
		cause := context.Cause(ctx)
		return s.fail(cause, "%v", cause)
	case errors.As(err, &r):
		return s.fail(replyKind(r), "%v", err)
	case errors.Is(err, ftp.ErrPath):
		return s.fail(mirror.ErrBroken, "%v", err)
	case outOfFiles(err):
		return s.fail(mirror.ErrBusy, "cannot be asked for: %v: raise the limit of open files", err)
	case errors.Is(err, mirror.ErrTimeout):
		return s.fail(mirror.ErrTimeout, "%v", err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return s.fail(mirror.ErrTimeout, "no answer in time (%v)", err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return s.fail(mirror.ErrBroken, "the connection ended before the file did")
	}
	return s.fail(mirror.ErrBroken, "%s", trusted(err))
}

// replyKind is the meaning of every reply that is not about a file.
func replyKind(r *ftp.ReplyError) error {
	switch r.Code {
	case 421, 450:
		return mirror.ErrBusy
	case 430, 530, 532, 534:
		if says(r, "", busyWords) {
			return mirror.ErrBusy
		}
		return mirror.ErrRefused
	case 550, 553:
		return mirror.ErrRefused
	}
	return mirror.ErrBroken
}
