package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"syscall"
	"time"

	"mirror"
)

// File is the Source of a file upstream: a directory of this machine. Links
// that stay inside it are followed, others refused, as are those with an
// absolute target, wherever that is.
type File struct {
	dir  string
	name string
	// reading, where it is not nil, is put between a file and who reads it:
	// tests break disks with it.
	reading func(mirror.Name, io.Reader) io.Reader
}

// NewFile returns the source of base, whose scheme is file.
func NewFile(base *url.URL) *File { return &File{dir: base.Path, name: base.String()} }

func (f *File) String() string { return f.name }

// URL implements Source.
func (f *File) URL(path mirror.Name) string { return f.name + path.Escape() }

// Stat implements Source.
func (f *File) Stat(ctx context.Context, path mirror.Name) (mirror.Meta, error) {
	l, meta, err := f.begin(ctx, path)
	if err != nil {
		return mirror.Meta{}, f.failure(ctx, path, err)
	}
	l.file.Close()
	return meta, nil
}

// Fetch implements Source.
func (f *File) Fetch(ctx context.Context, r Request) (Result, error) {
	l, meta, err := f.begin(ctx, r.Path)
	if err == nil {
		meta, err = copyPlain(ctx, l, r, meta)
		l.file.Close()
	}
	if err != nil {
		err = f.failure(ctx, r.Path, err)
	}
	return Result{Meta: meta}, err
}

// Range implements Source.
func (f *File) Range(ctx context.Context, path mirror.Name, first, last int64, pin mirror.Meta) (io.ReadCloser, error) {
	l, meta, err := f.begin(ctx, path)
	if err != nil {
		return nil, f.failure(ctx, path, err)
	}
	body, err := openRange(ctx, l, first, last, pin, meta)
	if err != nil {
		l.file.Close()
		return nil, f.failure(ctx, path, err)
	}
	return &fileRange{body, l, ctx}, nil
}

// fileRange closes its file when it is closed.
type fileRange struct {
	io.ReadCloser
	l   *localFile
	ctx context.Context
}

func (r *fileRange) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = r.l.f.failure(r.ctx, r.l.path, err)
	}
	return n, err
}

func (r *fileRange) Close() error { return r.l.file.Close() }

// localFile is an open file of the upstream: one version, unless it is written
// to.
type localFile struct {
	f    *File
	path mirror.Name
	file *os.File
}

// begin opens a file. The caller closes it, but after an error.
func (f *File) begin(ctx context.Context, path mirror.Name) (*localFile, mirror.Meta, error) {
	root, err := f.root(path)
	if err != nil {
		return nil, mirror.Meta{}, err
	}
	defer root.Close()
	// A FIFO would wait for a writer.
	file, err := root.OpenFile(string(path), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, mirror.Meta{}, err
	}
	l := &localFile{f: f, path: path, file: file}
	meta, err := l.stat(ctx)
	if err != nil {
		file.Close()
	}
	return l, meta, err
}

// root opens the upstream's directory, each time: it may be a disk that comes
// and goes. While it is gone nothing is known of what is in it.
func (f *File) root(path mirror.Name) (*os.Root, error) {
	root, err := os.OpenRoot(f.dir)
	if err != nil && !outOfFiles(err) {
		return nil, (&localFile{f: f, path: path}).fail(mirror.ErrBroken, "the upstream's directory: %v", err)
	}
	return root, err
}

// same implements plain.
func (l *localFile) same(ctx context.Context, meta mirror.Meta) (bool, error) {
	now, err := l.stat(ctx)
	return now.ModTime.Equal(meta.ModTime) && now.Size == meta.Size, err
}

// stat asks what the file is now.
func (l *localFile) stat(context.Context) (mirror.Meta, error) {
	fi, err := l.file.Stat()
	switch {
	case err != nil:
		return mirror.Meta{}, err
	case fi.IsDir():
		return mirror.Meta{}, l.fail(mirror.ErrIsDirectory, "%v", mirror.ErrIsDirectory)
	case !fi.Mode().IsRegular():
		return mirror.Meta{}, l.fail(mirror.ErrRefused, "is neither a file nor a directory (%s)", fi.Mode())
	}
	at := mirror.FileTime(fi.ModTime())
	return mirror.Meta{Size: fi.Size(), ModTime: at, LastModified: settled(at, time.Now())}, nil
}

// open implements plain.
func (l *localFile) open(_ context.Context, off int64) (io.ReadCloser, int64, error) {
	var r io.Reader = io.NewSectionReader(l.file, off, 1<<62)
	if l.f.reading != nil {
		r = l.f.reading(l.path, r)
	}
	return io.NopCloser(r), off, nil
}

// fail implements plain.
func (l *localFile) fail(kind error, format string, args ...any) error {
	return &Error{Kind: kind, Upstream: l.f.name, Path: l.path, Cause: fmt.Sprintf(format, args...)}
}

// failure gives every error of an attempt its kind.
func (f *File) failure(ctx context.Context, path mirror.Name, err error) error {
	l := &localFile{f: f, path: path}
	if known := withKind(err); known != nil {
		return known
	}
	switch {
	case ctx.Err() != nil:
		return l.fail(context.Cause(ctx), "%v", context.Cause(ctx))
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return l.fail(mirror.ErrNotFound, "%v", err)
	case errors.Is(err, fs.ErrPermission):
		return l.fail(mirror.ErrRefused, "%v", err)
	case outOfFiles(err):
		return l.fail(mirror.ErrBusy, "%v: raise the limit of open files", err)
	}
	return l.fail(mirror.ErrBroken, "%v", err)
}
