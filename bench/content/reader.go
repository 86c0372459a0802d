package content

import (
	"io"
	"io/fs"
)

// maxBlocks bounds the buffer of a Reader: 256 KiB a write is where the system
// calls stop to count, and it still fits the processor's cache.
const maxBlocks = 4

// Reader makes a file's bytes. It is used by one goroutine.
type Reader struct {
	File
	pos    int64
	blocks []byte // whole blocks with their noise in place; the stamps change
}

// NewReader returns a reader at the start of f.
func NewReader(f File) *Reader { return &Reader{File: f} }

// Next returns the bytes from the current position on, at most limit of them,
// and moves on. They are valid until the next call. At the end there are none.
//
// It copies no noise but once for each block of its buffer, which grows with
// the file: a small file costs a small buffer.
func (r *Reader) Next(limit int64) []byte {
	limit = min(limit, r.Size-r.pos)
	if limit <= 0 {
		return nil
	}
	within := r.pos % BlockSize
	need := int((within + limit + BlockSize - 1) / BlockSize)
	have := len(r.blocks) / BlockSize
	if need > have && have < maxBlocks {
		r.grow(min(need, maxBlocks, 2*have+1))
		have = len(r.blocks) / BlockSize
	}
	n := min(need, have)
	for i := range n {
		r.stamp(r.blocks[i*BlockSize:], r.pos-within+int64(i)*BlockSize)
	}
	out := r.blocks[within:min(int64(n)*BlockSize, within+limit)]
	r.pos += int64(len(out))
	return out
}

func (r *Reader) grow(blocks int) {
	r.blocks = make([]byte, 0, blocks*BlockSize)
	for range blocks {
		r.blocks = append(r.blocks, r.noise...)
	}
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	b := r.Next(int64(len(p)))
	if len(b) == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return copy(p, b), nil
}

// Seek implements io.Seeker.
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.Size
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	r.pos = offset
	return offset, nil
}
