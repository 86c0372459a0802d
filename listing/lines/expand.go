package lines

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/bits"

	"github.com/ulikunitz/xz"
)

// maxDictionary bounds the memory of an xz file, which may ask for 4 GiB; the
// highest level of xz asks for 64 MiB.
const maxDictionary = 128 << 20

// expand returns what is in r, unpacked where it is packed. How much that may
// be is bounded by who reads it.
func expand(r io.Reader) (io.Reader, error) {
	packed := bufio.NewReaderSize(r, 64<<10)
	magic, _ := packed.Peek(6) // an error comes again when it is read
	switch {
	case len(magic) >= 2 && string(magic[:2]) == "\x1f\x8b":
		z, err := gzip.NewReader(packed)
		if err != nil {
			return nil, fmt.Errorf("the gzip file is damaged: %w", err)
		}
		return z, nil
	case string(magic) == "\xfd7zXZ\x00":
		if err := checkDictionary(packed); err != nil {
			return nil, err
		}
		z, err := xz.NewReader(packed)
		if err != nil {
			return nil, fmt.Errorf("the xz file is damaged: %w", err)
		}
		return z, nil
	}
	return packed, nil
}

// checkDictionary looks at the size of the dictionary in the first block's header:
//
//	12 bytes   header of the stream
//	 1         length of this header in words
//	 1         flags: 0x40, 0x80: a packed, an unpacked size follow
//	 0-18      these sizes, seven bits a byte
//	 3         filter LZMA2 (0x21), one byte of properties (1): size of the dictionary
func checkDictionary(packed *bufio.Reader) error {
	head, _ := packed.Peek(12 + 2 + 18 + 3)
	if len(head) < 12+2+3 {
		return nil // too short for data
	}
	flags, rest := head[13], head[14:]
	for range bits.OnesCount8(flags & 0xc0) {
		for len(rest) > 0 && rest[0]&0x80 != 0 {
			rest = rest[1:]
		}
		rest = rest[min(1, len(rest)):]
	}
	if len(rest) < 3 || rest[0] != 0x21 || rest[1] != 1 || rest[2] > 40 {
		return errors.New("the xz file has filters other than LZMA2")
	}
	// 4 KiB, 6 KiB, 8 KiB, 12 KiB, ...
	if size := int64(2|rest[2]&1) << (rest[2]/2 + 11); size > maxDictionary {
		return fmt.Errorf("the xz file asks for %d MiB of memory, more than %d", size>>20, maxDictionary>>20)
	}
	return nil
}
