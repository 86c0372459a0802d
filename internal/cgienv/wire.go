package cgienv

import "sync"

// Sizes of a frame, the unit in which an answer leaves:
//
//	0          FrameHead                  FrameHead+n              FrameHead+n+FrameTail
//	| head     | payload, n <= FramePayload | tail                  |
//
// They are chosen for FastCGI, so that one buffer and one system call hold a
// whole record: its header goes in front of the payload without a copy, and the
// last frame takes the two closing records with it. CGI looks at the payload only.
const (
	// FrameHead is the room in front of the payload: one record header.
	FrameHead = 8
	// FramePayload is the most payload in a frame. A record's 16 bits of length hold
	// it, being a multiple of 8 it needs no padding, and the whole frame has 64 KiB,
	// which Go's allocator has a size for: one byte more would take 72 KiB.
	FramePayload = 64<<10 - FrameHead - FrameTail
	// FrameTail is the room behind the payload: an empty STDOUT record and an
	// END_REQUEST record.
	FrameTail = 24
)

// Wire carries the frames of one answer to the web server. Its calls come from
// one goroutine, in order, and End is the last.
type Wire interface {
	// Send sends the payload frame[FrameHead:], which is never empty. The frame is
	// the wire's to scribble in its head until Send returns, not longer.
	// An error is final: the answer cannot be completed any more.
	Send(frame []byte) error

	// End sends what is left, last[FrameHead:], perhaps nothing, and ends the
	// answer. The slice's capacity has FrameTail bytes more. whole is false if the
	// answer is broken and the web server must notice it. End is called even after
	// a Send that failed.
	End(last []byte, whole bool) error
}

type frame = [FrameHead + FramePayload + FrameTail]byte

// frames recycles buffers: a daemon's steady state allocates none.
var frames = sync.Pool{New: func() any { return new(frame) }}
