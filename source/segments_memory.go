package source

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// segmentBlock is a block's size in bytes: as much as is read of a connection at
	// a time.
	segmentBlock = 128 << 10

	// aheadMost is how much all fetches of the process together may keep in memory
	// of what lies ahead of their readers, in bytes. In the long run n connections
	// take (n-1)/2 segments, so it is enough for half a dozen fetches by four near by, or
	// for one far away; and a daemon with 200 followers stays within 64 MiB.
	aheadMost = 10 << 20
)

// ahead is what is left of aheadMost.
var ahead = &allowance{most: aheadMost}

// allowance is shared without waiting: who gets nothing goes on with what it has.
// The first segment of each fetch always gets what its reader waits for, so that none
// waits for another.
type allowance struct {
	most int64
	used atomic.Int64
}

func (a *allowance) take(n int64) bool {
	if a.used.Add(n) > a.most {
		a.used.Add(-n)
		return false
	}
	return true
}

// has reports whether there is that much.
func (a *allowance) has(n int64) bool { return a.used.Load()+n <= a.most }

// force takes what a fetch cannot go on without.
func (a *allowance) force(n int64) { a.used.Add(n) }

func (a *allowance) give(n int64) { a.used.Add(-n) }

// block is a part of a segment. Its bytes up to used are written; who owns the
// segment writes behind them.
type block struct {
	bytes [segmentBlock]byte
	used  int
	read  int
	// abandoned: one that no longer owns the segment may still be writing behind
	// used, so that nobody else may have it.
	abandoned bool
}

var blocks = sync.Pool{New: func() any { return new(block) }}

// segment is a part of the file that one request asks for: the bytes from from up
// to to, exclusively. All but the content of its blocks is guarded by the mutex
// of the body.
type segment struct {
	from, to int64
	got      int64     // bytes that have arrived
	blocks   []*block  // what the reader has not taken
	owner    *worker   // who is at it; nil: nobody
	asked    time.Time // when its owner has asked for it
	opened   time.Time // when the answer came
	last     time.Time // when its last bytes came
}

// urgentMost is how much of its first segment, in bytes, a fetch may keep in memory
// whether or not there is any: as much as a disk takes at a time, and as much again.
const urgentMost = 2 * segmentBlock

// unreadFrom is how much has arrived that a reader at pos has not taken.
func (g *segment) unreadFrom(pos int64) int64 { return g.from + g.got - pos }

func (g *segment) whole() bool { return g.from+g.got == g.to }

// space returns where the next bytes of the segment go; nil where a new block is
// needed, and the allowance has none. An urgent one gets it in any case.
func (g *segment) space(ahead *allowance, urgent bool) (*block, []byte) {
	n := len(g.blocks)
	if n == 0 || g.blocks[n-1].used == segmentBlock || g.blocks[n-1].abandoned {
		if urgent {
			ahead.force(segmentBlock)
		} else if !ahead.take(segmentBlock) {
			return nil, nil
		}
		b := blocks.Get().(*block)
		b.used, b.read = 0, 0
		g.blocks = append(g.blocks, b)
		n++
	}
	b := g.blocks[n-1]
	room := min(int64(segmentBlock-b.used), g.to-g.from-g.got)
	return b, b.bytes[b.used : b.used+int(room)]
}

// abandon keeps the last block from whoever owns the segment next.
func (g *segment) abandon() {
	if n := len(g.blocks); n > 0 {
		g.blocks[n-1].abandoned = true
	}
}

// unread is what can be read at once; not empty where something has arrived that
// was not taken.
func (g *segment) unread(ahead *allowance) []byte {
	for g.blocks[0].read == g.blocks[0].used {
		g.pop(ahead)
	}
	b := g.blocks[0]
	return b.bytes[b.read:b.used]
}

// consume counts n bytes of unread as taken.
func (g *segment) consume(n int, ahead *allowance) {
	b := g.blocks[0]
	if b.read += n; b.read == b.used && (b.used == segmentBlock || g.whole()) {
		g.pop(ahead)
	}
}

func (g *segment) pop(ahead *allowance) {
	b := g.blocks[0]
	g.blocks = g.blocks[1:]
	ahead.give(segmentBlock)
	if !b.abandoned {
		blocks.Put(b)
	}
}
