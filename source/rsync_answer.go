package source

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"hash"
	"io"

	"mirror"
)

// What is asked for after the list, and what comes:
//
//	request = index, 2 bytes 0x8000, sum head
//	answer  = index, 2 bytes, sum head, chunk..., int 0, MD5 of the chunks' bytes
//	chunk   = int n > 0, n bytes
//	sum head = 4 ints: blocks, bytes a block, 0, bytes of the last block: how
//	          much the client has, and the daemon leaves out with --append
//
// The answers come in the order of the requests; a frame of its own says that
// one will not come.
const (
	transferFlag = 0x8000
	xnameFlag    = 0x1000 // 1 or 2 bytes of length and a text follow
	basisFlag    = 0x0800 // 1 byte follows

	blockSize = 128 << 10 // bytes; the longest that daemons take
)

// request asks for the file at index of the sorted list from offset on, which
// is above 0 only where --append was asked for.
func (s *rsyncSession) request(index int, offset int64) {
	s.out.index(index)
	s.out.b = append(s.out.b, byte(transferFlag&0xff), byte(transferFlag>>8))
	s.out.int(int((offset + blockSize - 1) / blockSize))
	s.out.int(blockSize)
	s.out.int(0)
	s.out.int(int(offset % blockSize))
}

// goodbye follows the last request: two phases of retries that nobody needs,
// the end of them, and the two halves of the farewell.
func (s *rsyncSession) goodbye() {
	for range 5 {
		s.out.done()
	}
}

// answer reads up to the first chunk of the file at index, which is the oldest
// request that was not answered.
func (s *rsyncSession) answer(index int) error {
	for s.ahead != index {
		switch {
		case s.unsent[index]:
			return s.about(s.list[index].name)
		case s.ahead >= 0, s.dones > 0:
			return fmt.Errorf("%w: the answer for index %d is left out", errFrame, index)
		}
		i, done := s.in.index() // refusals may come before it
		switch {
		case s.in.err != nil:
			return s.broken()
		case done:
			s.dones++
		default:
			s.ahead = i
		}
	}
	s.ahead = -1
	flags := s.in.uint16()
	if flags&basisFlag != 0 {
		s.in.byte()
	}
	if flags&xnameFlag != 0 {
		n := int(s.in.byte())
		if n&0x80 != 0 {
			n = n&0x7f<<8 | int(s.in.byte())
		}
		s.in.text(n, maxPath)
	}
	for range 4 { // the sum head of the request
		s.in.int()
	}
	return s.broken()
}

// broken is the reader's error, told by what the daemon said before it.
func (s *rsyncSession) broken() error {
	if errors.Is(s.in.err, io.ErrUnexpectedEOF) || errors.Is(s.in.err, io.EOF) {
		return s.ending()
	}
	return s.in.err
}

// farewell reads what follows the last answer, so that the daemon's log has no
// broken connection. What goes wrong here harms no file.
func (s *rsyncSession) farewell() {
	for ; s.dones < 3; s.dones++ {
		s.in.index()
	}
	for range 5 {
		s.in.varlong(3)
	}
	s.in.index()
}

// rsyncData is the bytes of an answer. It ends with io.EOF only after as many as
// the list says, and with their digest right.
type rsyncData struct {
	s     *rsyncSession
	left  int64 // bytes to come
	chunk int64 // of them in this chunk
	sum   hash.Hash
	ended bool // the digest was read: the next answer follows
	err   error
}

func (s *rsyncSession) data(length int64) *rsyncData {
	return &rsyncData{s: s, left: length, sum: md5.New()}
}

func (d *rsyncData) Read(p []byte) (int, error) {
	if d.err == nil && d.chunk == 0 {
		d.err = d.next()
	}
	if d.err != nil || len(p) == 0 {
		return 0, d.err
	}
	n, err := d.s.in.Read(p[:min(int64(len(p)), d.chunk)])
	d.sum.Write(p[:n])
	d.chunk -= int64(n)
	d.left -= int64(n)
	if err != nil {
		d.err = d.s.broken()
	}
	return n, d.err
}

// next reads the head of a chunk, or the end.
func (d *rsyncData) next() error {
	n := int64(d.s.in.int())
	switch {
	case d.s.in.err != nil:
		return d.s.broken()
	case n < 0:
		return fmt.Errorf("%w: a reference to a block of ours", errFrame)
	case n > d.left:
		return faultf(mirror.ErrChanged, "is longer than it was listed")
	case n > 0:
		d.chunk = n
		return nil
	}
	var sum [md5.Size]byte
	d.s.in.bytes(sum[:])
	if d.s.in.err != nil {
		return d.s.broken()
	}
	d.ended = true
	switch {
	case d.left > 0:
		return faultf(mirror.ErrChanged, "is %d bytes shorter than it was listed", d.left)
	case !bytes.Equal(sum[:], d.sum.Sum(nil)):
		return faultf(mirror.ErrChanged, "arrived with another checksum than the upstream's: it cannot be read there, or was altered on its way")
	}
	return io.EOF
}
