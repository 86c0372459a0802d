package source

import (
	"context"
	"io"
	"net/http"
	"os"

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
	fail(kind error, format string, args ...any) *Error
}

// copying is one attempt to append a plain file to what is at hand.
//
//	size, time ─> the same version? ─> body ─> the same bytes? ─> Start ─> append
//	           ─> all of it? ─> size, time: still the same?
type copying struct {
	p      plain
	r      Request
	offset int64       // what Part has
	meta   mirror.Meta // as it was before
	body   io.Reader
	buffer []byte
}

// copyPlain does what Source.Fetch promises, of a file that meta describes.
func copyPlain(ctx context.Context, p plain, r Request, meta mirror.Meta) (mirror.Meta, error) {
	offset, err := r.atHand()
	if err != nil {
		return meta, err
	}
	fail := func(kind error, format string, args ...any) error { return p.fail(kind, format, args...) }
	if err := r.acceptable(meta, offset, fail); err != nil {
		return meta, err
	}
	body, from, err := p.open(ctx, max(0, offset-overlap))
	if err != nil {
		return meta, err
	}
	defer body.Close()
	buffer := int64(copyBuffer)
	if meta.Size >= 0 { // most files are small
		buffer = max(sniffLen, min(copyBuffer, meta.Size-from+1))
	}
	c := &copying{p: p, r: r, offset: offset, meta: meta, body: body, buffer: make([]byte, buffer)}
	same, err := r.compare(body, from, offset, c.buffer)
	if err != nil {
		return meta, err
	}
	if same < offset {
		return meta, p.fail(mirror.ErrChanged, "differs from the bytes at hand near byte %d", same)
	}
	if err := c.append(ctx); err != nil {
		return c.meta, err
	}
	return c.meta, c.same(ctx)
}

// append has Start name the file to append to, and appends what comes.
func (c *copying) append(ctx context.Context) error {
	var n int
	var err error
	for n < sniffLen && err == nil {
		var k int
		k, err = c.body.Read(c.buffer[n:])
		n += k
	}
	if err != nil && err != io.EOF && n == 0 {
		return err
	}
	if c.r.RefuseHTML && c.offset == 0 && IsHTML(http.DetectContentType(c.buffer[:n])) {
		return c.p.fail(mirror.ErrBroken, "is an HTML page, where the name promises something else")
	}
	dst, objects := c.r.Start(c.meta)
	if objects != nil {
		return &objection{objects}
	}
	has := c.offset
	for {
		if err := c.fits(has + int64(n)); err != nil {
			return err
		}
		if n > 0 {
			if _, err := dst.Write(c.buffer[:n]); err != nil {
				return storeError(err)
			}
			has += int64(n)
			c.r.Wrote(n)
		}
		if err != nil {
			break
		}
		if err = context.Cause(ctx); err != nil {
			break
		}
		n, err = c.body.Read(c.buffer)
	}
	if err != io.EOF {
		return err
	}
	return c.whole(ctx, dst)
}

// fits looks at the length that the file is about to have.
func (c *copying) fits(n int64) error {
	switch limit := c.r.MaxSize; {
	case c.meta.Size >= 0 && n > c.meta.Size:
		return c.p.fail(mirror.ErrChanged, "is longer than the %d bytes that it was said to have", c.meta.Size)
	case limit > 0 && n > limit:
		return c.p.fail(mirror.ErrTooLarge, "is longer than limits.max_size, %d bytes", limit)
	}
	return nil
}

// whole looks at the length on disk, the only one that counts.
func (c *copying) whole(ctx context.Context, dst *os.File) error {
	fi, err := dst.Stat()
	if err != nil {
		return storeError(err)
	}
	if c.meta.Size < 0 {
		c.meta.Size = fi.Size()
	}
	if fi.Size() == c.meta.Size {
		return nil
	}
	if err := c.same(ctx); err != nil {
		return err
	}
	return c.p.fail(mirror.ErrBroken, "ended after %d of %d bytes", fi.Size(), c.meta.Size)
}

// same asks once more: a file that is written while it is sent may be a part of
// one version and a part of another, without a trace.
func (c *copying) same(ctx context.Context) error {
	ok, err := c.p.same(ctx, c.meta)
	if err == nil && !ok {
		err = c.p.fail(mirror.ErrChanged, "has changed while it was sent")
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
	return &plainRange{ctx: ctx, c: copying{p: p, meta: meta}, body: body, left: last - first + 1}, nil
}

// plainRange is some bytes of a plain file. It gives the last of them only when
// the file has not changed meanwhile.
type plainRange struct {
	ctx  context.Context
	c    copying
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
	if err := r.c.same(r.ctx); err != nil {
		return 0, err
	}
	return n, nil
}

func (r *plainRange) Close() error { return r.body.Close() }
