package source

import (
	"context"
	"io"

	"mirror"
)

// plain is a file of an upstream whose protocol tells nothing of a version but
// size and time, and that only when it is asked: FTP and file.
type plain interface {
	// same reports whether the file is still the version that meta describes.
	same(ctx context.Context, meta mirror.Meta) (bool, error)
	// open returns the file's bytes from off on, or, where the upstream cannot
	// begin there, from an earlier offset, which it returns too. The body ends
	// in io.EOF only when the upstream says that it is whole.
	open(ctx context.Context, off int64) (body io.ReadCloser, from int64, err error)
	// fail is an error of the upstream's about the file.
	fail(kind error, format string, args ...any) error
}

// copyPlain does what Source.Fetch promises, of a file that meta describes.
func copyPlain(ctx context.Context, p plain, r Request, meta mirror.Meta) (mirror.Meta, error) {
	c := &copying{Request: r, meta: meta, fail: p.fail}
	var err error
	if c.offset, err = r.atHand(); err != nil {
		return meta, err
	}
	if err := c.acceptable(); err != nil {
		return meta, err
	}
	body, from, err := p.open(ctx, max(0, c.offset-overlap))
	if err != nil {
		return meta, err
	}
	defer body.Close()
	buffer := int64(copyBuffer)
	if meta.Size >= 0 { // most files are small
		buffer = max(sniffLen, min(copyBuffer, meta.Size-from+1))
	}
	dst, err := c.append(ctx, body, from, make([]byte, buffer))
	if err != nil {
		return meta, err
	}
	fi, err := dst.Stat() // the length on disk is the only one that counts
	if err != nil {
		return meta, storeError(err)
	}
	if meta.Size < 0 {
		meta.Size = fi.Size()
	}
	if err := stillSame(ctx, p, meta); err != nil {
		return meta, err
	}
	if fi.Size() != meta.Size {
		return meta, p.fail(mirror.ErrBroken, "ended after %d of %d bytes", fi.Size(), meta.Size)
	}
	return meta, nil
}

// stillSame asks once more: a file that is written while it is sent may be a part of
// one version and a part of another, without a trace.
func stillSame(ctx context.Context, p plain, meta mirror.Meta) error {
	ok, err := p.same(ctx, meta)
	if err == nil && !ok {
		err = p.fail(mirror.ErrChanged, "has changed while it was sent")
	}
	return err
}

// openRange does what Source.Range promises, of a file that meta describes.
func openRange(ctx context.Context, p plain, first, last int64, pin, meta mirror.Meta) (io.ReadCloser, error) {
	if why := offPin(pin, meta, first, last); why != "" {
		return nil, p.fail(mirror.ErrChanged, "%s", why)
	}
	body, from, err := p.open(ctx, first)
	if err != nil {
		return nil, err
	}
	if from != first {
		body.Close()
		return nil, p.fail(mirror.ErrChanged, "cannot be sent from its middle on")
	}
	return &plainRange{ctx: ctx, p: p, meta: meta, body: body, left: last - first + 1}, nil
}

// plainRange is some bytes of a plain file. It gives the last of them only when
// the file has not changed meanwhile.
type plainRange struct {
	ctx  context.Context
	p    plain
	meta mirror.Meta
	body io.ReadCloser
	left int64
}

func (r *plainRange) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.left)])
	if r.left -= int64(n); r.left > 0 {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return n, err
	}
	r.body.Close()
	if err := stillSame(r.ctx, r.p, r.meta); err != nil {
		return 0, err
	}
	return n, nil
}

func (r *plainRange) Close() error { return r.body.Close() }
