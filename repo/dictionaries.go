package repo

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// dictionaries reads an xz file for its decoder, and fails before the decoder
// comes to a block whose dictionary is too large: the decoder allocates whatever
// any block asks for, and does so for each, however short it is. What it knows of the format is what it takes to find the
// blocks (https://tukaani.org/xz/xz-file-format.txt):
//
//	stream = header block... index footer, zeros
//	header   12 bytes: magic, flags (00, kind of check), CRC
//	block  = head chunk... zeros to a multiple of 4, check
//	head     length of the head in words - 1 (never 0), flags, sizes, filters, CRC
//	chunk  = 00                     the end
//	         01|02   s s  data      s+1 bytes as they are
//	         80..ff  u u p p [x]    p+1 bytes packed; x from c0 on; they become
//	                                u+1 bytes, whose highest bits are in 80..ff
//	index  = 00, number n, 2n numbers, zeros to a multiple of 4, CRC
//	footer   12 bytes
//
// A number has seven bits a byte, the last of which is below 80.
type dictionaries struct {
	r    io.Reader
	step func(*dictionaries, byte) error // takes the next byte
	left int                             // bytes to be stepped over before
	head []byte                          // what came of a header
	size int                             // of that header
	pos  int                             // in a block or index, for its zeros
	chk  int                             // length of the check behind each block

	allocated int64 // dictionaries of all blocks so far
	unpacked  int64 // what all chunks so far become

	number  uint64 // of the index, as far as it has come
	shift   int
	numbers uint64 // that are to come; the first one tells
	first   bool
}

// maxAllocated is how much memory blocks may take one after the other, besides
// four times what comes out of them. xz makes blocks of three dictionaries.
const maxAllocated = 1 << 30

var errDamaged = errors.New("it is damaged")

func (d *dictionaries) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if d.step == nil {
		d.step = (*dictionaries).streamHead
	}
	for rest := p[:n]; len(rest) > 0; {
		if over := min(d.left, len(rest)); over > 0 {
			d.left -= over
			rest = rest[over:]
			continue
		}
		if err := d.step(d, rest[0]); err != nil {
			return 0, err
		}
		rest = rest[1:]
	}
	return n, err
}

// then goes on with another kind of bytes, after over that do not matter.
func (d *dictionaries) then(over int, step func(*dictionaries, byte) error) {
	d.head, d.left, d.step = d.head[:0], over, step
	d.pos += over
}

func (d *dictionaries) streamHead(b byte) error {
	if b == 0 && len(d.head) == 0 {
		return nil // between streams
	}
	if d.head = append(d.head, b); len(d.head) < 12 {
		return nil
	}
	if string(d.head[:7]) != "\xfd7zXZ\x00\x00" {
		return errDamaged
	}
	// The kinds: none; three of 4 bytes, of 8, of 16, of 32, of 64.
	d.chk = 0
	if kind := d.head[7] & 0x0f; kind > 0 {
		d.chk = 4 << ((kind - 1) / 3)
	}
	d.then(0, (*dictionaries).blockHead)
	return nil
}

func (d *dictionaries) blockHead(b byte) error {
	if len(d.head) == 0 {
		if b == 0 {
			d.pos, d.first, d.numbers = 1, true, 1
			d.then(0, (*dictionaries).index)
			return nil
		}
		d.size = 4 * (int(b) + 1)
	}
	if d.head = append(d.head, b); len(d.head) < d.size {
		return nil
	}
	size, err := dictionary(d.head)
	if err != nil {
		return err
	}
	if d.allocated += size; d.allocated > maxAllocated+4*d.unpacked {
		return errors.New("its blocks are much shorter than their dictionaries")
	}
	d.pos = 0
	d.then(0, (*dictionaries).chunk)
	return nil
}

// dictionary is the size of the dictionary in a block's head:
//
//	1         length of the head
//	1         flags: 0x40, 0x80: a packed, an unpacked size follow; 3: filters - 1
//	0-18      these sizes
//	3         filter LZMA2 (0x21), one byte of properties (1): size of the dictionary
func dictionary(head []byte) (int64, error) {
	flags, rest := head[1], head[2:]
	for range bits.OnesCount8(flags & 0xc0) {
		for len(rest) > 0 && rest[0]&0x80 != 0 {
			rest = rest[1:]
		}
		rest = rest[min(1, len(rest)):]
	}
	if flags&3 != 0 || len(rest) < 3 || rest[0] != 0x21 || rest[1] != 1 || rest[2] > 40 {
		return 0, errors.New("it has filters other than LZMA2")
	}
	size := int64(2|rest[2]&1) << (rest[2]/2 + 11) // 4 KiB, 6 KiB, 8 KiB, 12 KiB, ...
	if size > maxDictionary {
		return 0, fmt.Errorf("it asks for %d MiB of memory, more than %d", size>>20, maxDictionary>>20)
	}
	return size, nil
}

func (d *dictionaries) chunk(b byte) error {
	d.pos++
	if len(d.head) == 0 {
		switch {
		case b == 0:
			d.then((4-d.pos%4)%4+d.chk, (*dictionaries).blockHead)
			return nil
		case b <= 2:
			d.size = 3
		case b >= 0xc0:
			d.size = 6
		case b >= 0x80:
			d.size = 5
		default:
			return errDamaged
		}
	}
	if d.head = append(d.head, b); len(d.head) == d.size {
		length := d.head[1:3]
		d.unpacked += int64(length[0])<<8 + int64(length[1]) + 1
		if d.size > 3 {
			d.unpacked += int64(d.head[0]&0x1f) << 16
			length = d.head[3:5]
		}
		d.then(int(length[0])<<8+int(length[1])+1, (*dictionaries).chunk)
	}
	return nil
}

func (d *dictionaries) index(b byte) error {
	d.pos++
	if d.shift > 56 {
		return errDamaged
	}
	d.number |= uint64(b&0x7f) << d.shift
	d.shift += 7
	if b&0x80 != 0 {
		return nil
	}
	d.numbers--
	if d.first {
		d.first, d.numbers = false, 2*d.number
	}
	d.number, d.shift = 0, 0
	if d.numbers == 0 {
		d.then((4-d.pos%4)%4+4+12, (*dictionaries).streamHead)
	}
	return nil
}
