// Package content is the files that the benchmark moves: any number of them, of
// any size, without a disk behind them. A file's bytes follow from its path, so
// that the upstream can make them and the client can check all of them, both at
// the speed of memory.
//
//	/1048576/miss/0/7        the path says the size; the rest only tells files apart
//
//	block 0                     block 1                     ...
//	| path hash, offset | noise | path hash, offset | noise |
//	  8 bytes    8 bytes  65520
//
// The stamp makes every block of every file differ, so that bytes of another
// file or of another place in this one are seen. The noise is a window into one
// table that all files share: it stays in the processor's cache and costs
// nothing to make.
//
//	/1000000000/zeros/0/7       nothing but zeros: what a file is when its room has
//	                            been given back, so that it can be larger than the disk
package content

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"strings"
)

const (
	// BlockSize is the distance of the stamps, in bytes.
	BlockSize = 64 << 10
	stampLen  = 16
)

// noise is read at offsets that follow from the path: one block and one block
// of choice.
var noise = func() []byte {
	b := make([]byte, 2*BlockSize)
	var seed [32]byte // any: it only has to be the same in every process
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}()

// File is one synthetic file.
type File struct {
	Size  int64
	id    uint64
	noise []byte // of a whole block; its first stampLen bytes are not used
	zeros bool
}

// zeros is the block of a file without content.
var zeros [BlockSize]byte

// ZerosPath is Path for a file of zeros.
func ZerosPath(size int64, name string) string { return Path(size, zerosPrefix+name) }

const zerosPrefix = "zeros/"

// Path returns the path of a file of size bytes.
func Path(size int64, name string) string { return fmt.Sprintf("/%d/%s", size, name) }

// Of returns the file at path.
func Of(path string) (File, error) {
	digits, name, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	size, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || size < 0 {
		return File{}, fmt.Errorf("the path %q does not begin with a size", path)
	}
	if strings.HasPrefix(name, zerosPrefix) {
		return File{Size: size, noise: zeros[:], zeros: true}, nil
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(path))
	id := h.Sum64()
	at := id % BlockSize
	return File{Size: size, id: id, noise: noise[at : at+BlockSize]}, nil
}

// stamp writes what the block at offset begins with.
func (f *File) stamp(b []byte, offset int64) {
	if f.zeros {
		clear(b[:stampLen])
		return
	}
	binary.BigEndian.PutUint64(b, f.id)
	binary.BigEndian.PutUint64(b[8:], uint64(offset))
}
