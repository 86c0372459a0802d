package source

import (
	"os"
	"sync"
	"time"
)

const (
	// segmentBlock is how much is read of a connection at a time, in bytes: all that a
	// connection has in memory.
	segmentBlock = 128 << 10

	// aheadMost is how much of a file may lie ahead of its reader, in bytes: no more
	// than a disk has to spare, and than mostly goes again before it would be written
	// to it. On average n connections take (n-1)/2 segments.
	aheadMost = 256 << 20
)

// blocks are what connections read into.
var blocks = sync.Pool{New: func() any { return new([segmentBlock]byte) }}

// segment is a part of the file that one request asks for: the bytes from from up
// to to, exclusively. It is guarded by the mutex of the body, but what is in its file:
// the first got bytes do not change, and its owner writes behind them. One that no
// longer is may still write there, too, but nothing other than the next: they are of one
// version.
type segment struct {
	from, to int64
	got      int64     // bytes that have arrived
	file     *os.File  // without a name; nil: nothing has arrived, or nobody wants it any more
	owner    *worker   // who is at it; nil: nobody
	asked    time.Time // when its owner has asked for it
	opened   time.Time // when the answer came
	last     time.Time // when its last bytes came
}

// missing is how many bytes have not arrived.
func (g *segment) missing() int64 { return g.to - g.from - g.got }

func (g *segment) whole() bool { return g.missing() == 0 }

// drop lets go of what has arrived.
func (g *segment) drop() {
	g.owner = nil
	if g.file != nil {
		g.file.Close()
		g.file = nil
	}
}

// room gives w's segment the file that it arrives in.
func (s *segmented) room(w *worker, g *segment) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.owner != w {
		return nil, errTakenOver
	}
	if g.file == nil {
		var err error
		if g.file, err = s.may.Scratch(); err != nil {
			return nil, storeError(err)
		}
	}
	return g.file, nil
}
