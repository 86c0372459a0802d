package origin

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Synthetic is deterministic content of any size that is computed where it is
// read and never held: byte i depends on seed and i only, so that a reader may
// start anywhere. Two seeds differ in practically every 8-byte word, so a
// splice of two versions is found within 8 bytes of the seam.
func Synthetic(seed uint64, size int64) *io.SectionReader {
	return io.NewSectionReader(words(seed), 0, size)
}

// Bytes is Synthetic in memory, for small files.
func Bytes(seed uint64, size int64) []byte {
	b := make([]byte, size)
	words(seed).fill(b, 0)
	return b
}

// Check reads r to its end and returns nil if it held exactly the synthetic
// content of seed and size; else an error that names the first wrong offset.
func Check(r io.Reader, seed uint64, size int64) error {
	return CheckRange(r, seed, 0, size)
}

// CheckRange is Check for the n bytes that begin at off.
func CheckRange(r io.Reader, seed uint64, off, n int64) error {
	got := make([]byte, 64<<10)
	want := make([]byte, len(got))
	var done int64
	for {
		k, err := io.ReadFull(r, got)
		if int64(k) > n-done {
			return fmt.Errorf("more than the %d bytes expected", n)
		}
		words(seed).fill(want[:k], off+done)
		if !bytes.Equal(got[:k], want[:k]) {
			i := 0
			for got[i] == want[i] {
				i++
			}
			return fmt.Errorf("byte %d differs: %#02x, want %#02x", off+done+int64(i), got[i], want[i])
		}
		done += int64(k)
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			if done != n {
				return fmt.Errorf("ended after %d of %d bytes", done, n)
			}
			return nil
		default:
			return fmt.Errorf("after %d of %d bytes: %w", done, n, err)
		}
	}
}

// words is an endless sequence of 8-byte words, read at any offset.
type words uint64

// ReadAt never fails: the end is set by the SectionReader around it.
func (s words) ReadAt(p []byte, off int64) (int, error) {
	s.fill(p, off)
	return len(p), nil
}

func (s words) fill(p []byte, off int64) {
	var w [8]byte
	if skip := off % 8; skip != 0 {
		binary.LittleEndian.PutUint64(w[:], s.word(off/8))
		n := copy(p, w[skip:])
		p, off = p[n:], off+int64(n)
	}
	i := off / 8
	for ; len(p) >= 8; i++ {
		binary.LittleEndian.PutUint64(p, s.word(i))
		p = p[8:]
	}
	binary.LittleEndian.PutUint64(w[:], s.word(i))
	copy(p, w[:])
}

// word is splitmix64: one multiplication chain a word, which is faster than any
// loopback connection.
func (s words) word(i int64) uint64 {
	x := uint64(s)*0xd1342543de82ef95 + (uint64(i)+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
