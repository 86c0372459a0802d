package source

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// The daemon's half of a connection is frames: data, and messages in between.
//
//	frame   = length (3 bytes, little endian), 7 + kind (1 byte), length bytes
//	int     = 4 bytes, little endian
//	varint  = 1 to 5 bytes: as many follow as there are leading ones in the
//	          first (at most 6), whose other bits are the highest of the number;
//	          the rest is little endian
//	varlong = the same where least-1 bytes more follow in any case
//	index   = 1 byte 0: "done"; 1 byte n < 0xfe: n more than the last index;
//	          0xfe and 2 bytes, big endian: that much more; 0xfe, 1 byte h with
//	          its highest bit set, 3 bytes: the index, low bytes little endian,
//	          h the highest
//
// Kinds of frames.
const (
	frameData      = 0
	frameErrorXfer = 1 // text: one file has an error
	frameInfo      = 2 // text
	frameError     = 3 // text
	frameWarning   = 4 // text
	frameIOError   = 22
	frameTimeout   = 33 // the daemon says after which silence it gives up
	frameNoop      = 42
	frameErrorExit = 86  // the daemon ends, with this status
	frameNoSend    = 102 // the file of this index will not come
)

// maxText is the longest message that is read, in bytes; rsync's own have up to
// 5 KiB.
const maxText = 16 << 10

var errFrame = errors.New("what arrived is not the rsync protocol")

// rsyncReader reads the data of frames. Its first error sticks, and is asked
// for once after several reads: until then they return zeros.
type rsyncReader struct {
	br    *bufio.Reader
	left  int // bytes of data before the next frame
	last  int // index before the next one
	heard func(kind byte, text []byte) error
	err   error
}

func newRsyncReader(r *bufio.Reader, heard func(byte, []byte) error) *rsyncReader {
	return &rsyncReader{br: r, last: -1, heard: heard}
}

func (r *rsyncReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// frame goes on to the next data, and hands over the messages before it.
func (r *rsyncReader) frame() error {
	for r.left == 0 {
		var head [4]byte
		if _, err := io.ReadFull(r.br, head[:]); err != nil {
			return err
		}
		n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		switch kind := head[3] - 7; kind {
		case frameData:
			r.left = n
		default:
			if n > maxText {
				return fmt.Errorf("%w: a message of %d bytes", errFrame, n)
			}
			text := make([]byte, n)
			if _, err := io.ReadFull(r.br, text); err != nil {
				return early(err)
			}
			if err := r.heard(kind, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// Read implements io.Reader over the data of all frames.
func (r *rsyncReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	if err := r.frame(); err != nil {
		r.fail(err)
		return 0, err
	}
	n, err := r.br.Read(p[:min(len(p), r.left)])
	r.left -= n
	if err != nil {
		r.fail(early(err))
	}
	return n, r.err
}

// bytes fills p.
func (r *rsyncReader) bytes(p []byte) {
	if _, err := io.ReadFull(r, p); err != nil {
		r.fail(early(err))
		clear(p)
	}
}

func (r *rsyncReader) byte() byte {
	if r.err == nil && r.left > 0 { // most are in a buffer
		c, err := r.br.ReadByte()
		if err == nil {
			r.left--
			return c
		}
		r.fail(early(err))
	}
	var b [1]byte
	r.bytes(b[:])
	return b[0]
}

func (r *rsyncReader) uint16() uint16 {
	var b [2]byte
	r.bytes(b[:])
	return binary.LittleEndian.Uint16(b[:])
}

func (r *rsyncReader) int() int {
	var b [4]byte
	r.bytes(b[:])
	return int(int32(binary.LittleEndian.Uint32(b[:])))
}

// text reads n bytes, of which there may be max.
func (r *rsyncReader) text(n, max int) string {
	if n < 0 || n > max {
		r.fail(fmt.Errorf("%w: a text of %d bytes", errFrame, n))
		return ""
	}
	b := make([]byte, n)
	r.bytes(b)
	return string(b)
}

func (r *rsyncReader) varint() int { return int(int32(r.vary(1, 4))) }

func (r *rsyncReader) varlong(least int) int64 { return int64(r.vary(least, 8)) }

// vary reads a varlong of at least least bytes, whose number has most bytes.
func (r *rsyncReader) vary(least, most int) uint64 {
	var b [8]byte
	first := r.byte()
	r.bytes(b[:least-1])
	more := min(bits.LeadingZeros8(^first), 6)
	if least+more > most+1 {
		r.fail(fmt.Errorf("%w: a number that is too long", errFrame))
		return 0
	}
	r.bytes(b[least-1 : least-1+more])
	if at := least - 1 + more; at < len(b) {
		b[at] = first & (1<<(8-more) - 1)
	}
	return binary.LittleEndian.Uint64(b[:])
}

// index reads the index of a file, or reports that there are no more.
func (r *rsyncReader) index() (i int, done bool) {
	var b [4]byte
	switch first := r.byte(); first {
	case 0:
		return 0, true
	case 0xff: // a negative one: lists that come in parts, which nobody asked for
		r.fail(fmt.Errorf("%w: an index below zero", errFrame))
		return 0, false
	case 0xfe:
		r.bytes(b[:2])
		if b[0]&0x80 == 0 {
			r.last += int(b[0])<<8 | int(b[1])
			break
		}
		r.bytes(b[2:])
		r.last = int(b[0]&0x7f)<<24 | int(b[1]) | int(b[2])<<8 | int(b[3])<<16
	default:
		r.last += int(first)
	}
	return r.last, false
}

// rsyncWriter writes frames of data. What is written leaves with flush.
type rsyncWriter struct {
	w    io.Writer
	b    []byte // a frame's header, and its data
	last int    // index before the next one
}

func newRsyncWriter(w io.Writer) *rsyncWriter {
	return &rsyncWriter{w: w, b: make([]byte, 4, 1<<10), last: -1}
}

func (w *rsyncWriter) int(n int) {
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(int32(n)))
}

// name writes one of the names to list; "" ends them.
func (w *rsyncWriter) name(s string) { w.b = append(append(w.b, s...), 0) }

func (w *rsyncWriter) done() { w.b = append(w.b, 0) }

func (w *rsyncWriter) index(i int) {
	diff := i - w.last
	w.last = i
	switch {
	case 0 < diff && diff < 0xfe:
		w.b = append(w.b, byte(diff))
	case diff < 0 || diff > 0x7fff:
		w.b = append(w.b, 0xfe, byte(i>>24)|0x80, byte(i), byte(i>>8), byte(i>>16))
	default:
		w.b = append(w.b, 0xfe, byte(diff>>8), byte(diff))
	}
}

// flush sends what was written as one frame. It has less than 16 MiB: perSession
// and perSessionNames see to that.
func (w *rsyncWriter) flush() error {
	binary.LittleEndian.PutUint32(w.b, uint32(len(w.b)-4)|(7+frameData)<<24)
	_, err := w.w.Write(w.b)
	w.b = w.b[:4]
	return err
}
