package content

import (
	"bytes"
	"fmt"
)

// Check is an io.Writer that accepts the bytes of one file, from its start and
// in order, and nothing else.
type Check struct {
	File
	pos int64
}

// NewCheck returns a check of f.
func NewCheck(f File) *Check { return &Check{File: f} }

// Write compares p with what has to come next.
func (c *Check) Write(p []byte) (int, error) {
	if c.pos+int64(len(p)) > c.Size {
		return 0, fmt.Errorf("the body goes on after its %d bytes", c.Size)
	}
	for rest := p; len(rest) > 0; {
		within := c.pos % BlockSize
		var stamp [stampLen]byte
		want := c.noise[within:]
		if within < stampLen {
			c.stamp(stamp[:], c.pos-within)
			want = stamp[within:]
		}
		n := min(len(want), len(rest))
		if !bytes.Equal(rest[:n], want[:n]) {
			return 0, fmt.Errorf("the body is wrong between the bytes %d and %d", c.pos, c.pos+int64(n))
		}
		c.pos += int64(n)
		rest = rest[n:]
	}
	return len(p), nil
}

// Whole reports, once no more comes, whether all has come.
func (c *Check) Whole() error {
	if c.pos != c.Size {
		return fmt.Errorf("the body ends after %d of %d bytes", c.pos, c.Size)
	}
	return nil
}
