package repo

import (
	"bufio"
	"compress/bzip2"
	"compress/gzip"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// maxDictionary bounds the memory that a packed file can ask for, which could be
// 4 GiB: xz asks for 64 MiB at its highest level, zstd for 8 MiB, and for up to
// 128 MiB (--long) only when it is told to.
const maxDictionary = 64 << 20

// buffer is how much of a file is read at once.
const buffer = 64 << 10

// expand returns what is in r, unpacked where its first bytes say that it is
// packed. done is to be called in the end.
func expand(r io.Reader) (plain io.Reader, done func(), err error) {
	packed := bufio.NewReaderSize(r, buffer)
	magic, _ := packed.Peek(6) // an error comes again when it is read
	done = func() {}
	has := func(prefix string) bool { return len(magic) >= len(prefix) && string(magic[:len(prefix)]) == prefix }
	switch {
	case has("\x1f\x8b"):
		plain, err = gzip.NewReader(packed)
	case has("\xfd7zXZ\x00"):
		plain, err = xz.NewReader(bufio.NewReaderSize(&dictionaries{r: packed}, buffer))
	case has("\x28\xb5\x2f\xfd"):
		var z *zstd.Decoder
		if z, err = zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxDictionary)); err == nil {
			plain, done = z, z.Close
		}
	case has("BZh"):
		plain = bzip2.NewReader(packed)
	default:
		return packed, done, nil
	}
	if err != nil {
		return nil, done, fmt.Errorf("it cannot be unpacked: %w", err)
	}
	return plain, done, nil
}
