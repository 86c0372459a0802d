package content

import (
	"bytes"
	"fmt"
)

// Check is an io.Writer that accepts the bytes of one file, or of a range of it,
// in order, and nothing else.
type Check struct {
	File
	pos, end int64
}

// NewCheck returns a check of f.
func NewCheck(f File) *Check { return NewRangeCheck(f, 0, f.Size) }

// NewRangeCheck returns a check of f's bytes from one offset to before another.
func NewRangeCheck(f File, from, to int64) *Check { return &Check{File: f, pos: from, end: to} }

// Write compares p with what has to come next.
func (c *Check) Write(p []byte) (int, error) {
	if c.pos+int64(len(p)) > c.end {
		return 0, fmt.Errorf("the body goes on after byte %d", c.end)
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
	if c.pos != c.end {
		return fmt.Errorf("the body ends at byte %d and not at %d", c.pos, c.end)
	}
	return nil
}
