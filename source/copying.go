package source

import (
	"context"
	"io"
	"net/http"
	"os"

	"mirror"
)

// copying is one attempt to append a file, of which only size and time tell a version,
// to what is at hand.
//
//	size, time ─> the same version? ─> body ─> the same bytes? ─> Start ─> append
//
// Whether it has changed meanwhile is for the source to ask.
type copying struct {
	Request
	offset int64       // what Part has
	meta   mirror.Meta // as it was before
	fail   failFunc
}

// acceptable looks at what is known of the file before anything of it is transferred.
func (c *copying) acceptable() error {
	switch meta, held, limit := c.meta, c.Held, c.MaxSize; {
	case c.offset > 0 && !c.Have.Continues(meta, c.SameUpstream):
		return c.fail(mirror.ErrChanged, "is another version than the %d bytes at hand", c.offset)
	case c.offset > meta.Size && meta.Size >= 0:
		return c.fail(mirror.ErrChanged, "is shorter than the %d bytes at hand", c.offset)
	case c.offset == 0 && held != nil && held.LastModified != "" && held.LastModified == meta.LastModified && held.Size == meta.Size:
		return ErrNotModified
	case limit > 0 && meta.Size > limit:
		return c.fail(mirror.ErrTooLarge, "has %d bytes, limits.max_size is %d", meta.Size, limit)
	}
	return nil
}

// append has Start name the file to append to, and appends what comes. The body begins
// at from, which is not after offset.
func (c *copying) append(ctx context.Context, body io.Reader, from int64, buffer []byte) (*os.File, error) {
	if err := c.compare(body, from, c.offset, buffer, c.fail); err != nil {
		return nil, err
	}
	var n int
	var err error
	for n < sniffLen && err == nil {
		var k int
		k, err = body.Read(buffer[n:])
		n += k
	}
	if err != nil && err != io.EOF && n == 0 {
		return nil, err
	}
	if c.RefuseHTML && c.offset == 0 && IsHTML(http.DetectContentType(buffer[:n])) {
		return nil, c.fail(mirror.ErrBroken, "is an HTML page, where the name promises something else")
	}
	dst, objects := c.Start(c.meta)
	if objects != nil {
		return nil, &objection{objects}
	}
	has := c.offset
	for {
		has += int64(n)
		if err := c.fits(has); err != nil {
			return nil, err
		}
		if n > 0 {
			if _, err := dst.Write(buffer[:n]); err != nil {
				return nil, storeError(err)
			}
			c.Wrote(n)
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		n, err = body.Read(buffer)
	}
}

// fits looks at the length that the file is about to have.
func (c *copying) fits(n int64) error {
	switch limit := c.MaxSize; {
	case c.meta.Size >= 0 && n > c.meta.Size:
		return c.fail(mirror.ErrChanged, "is longer than the %d bytes that it was said to have", c.meta.Size)
	case limit > 0 && n > limit:
		return c.fail(mirror.ErrTooLarge, "is longer than limits.max_size, %d bytes", limit)
	}
	return nil
}
